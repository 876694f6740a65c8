import os
import stat
from pathlib import Path

import pytest

from tocsin.client.destination import Destination
from tocsin.client.report import Report
from tocsin.client.spool import Spool, SpoolError, lane_at, lanes

TARGET = Destination("http://t.example", "sg_a")


def _report(number: int) -> Report:
    return Report("nightly", "success", number, f"key-{number}", "{}")


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(str(tmp_path / "spool"), TARGET)


def test_a_report_waits_in_a_file_that_only_its_user_can_read(spool: Spool) -> None:
    spool.put(_report(1)).leave()
    (name,) = spool.waiting()
    assert stat.S_IMODE(os.stat(os.path.join(spool.folder, name)).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(spool.folder).st_mode) == 0o700
    entry = spool.take(name)
    assert entry is not None
    assert entry.report == _report(1)


def test_reports_wait_in_the_order_of_what_happened(spool: Spool) -> None:
    for number in (3, 20, 1):
        spool.put(_report(number)).leave()
    taken = [spool.take(name) for name in spool.waiting()]
    assert [entry.report.occurred_at for entry in taken if entry] == [1, 3, 20]


def test_nobody_takes_what_another_has_in_hand(spool: Spool) -> None:
    entry = spool.put(_report(1))
    (name,) = spool.waiting()
    assert spool.take(name) is None
    entry.leave()
    again = spool.take(name)
    assert again is not None
    assert spool.take(name) is None


def test_what_is_done_is_gone(spool: Spool) -> None:
    spool.put(_report(1)).done()
    assert spool.waiting() == []


def test_what_somebody_else_has_done_cannot_be_taken(spool: Spool) -> None:
    spool.put(_report(1)).leave()
    (name,) = spool.waiting()
    entry = spool.take(name)
    assert entry is not None
    entry.done()
    assert spool.take(name) is None


def test_a_file_that_is_no_report_is_dropped(spool: Spool) -> None:
    spool.put(_report(1)).leave()
    (name,) = spool.waiting()
    Path(spool.folder, name).write_text("half a rep")
    with pytest.raises(ValueError):  # noqa: PT011
        spool.take(name)
    assert spool.waiting() == []


def test_destinations_do_not_see_each_other(tmp_path: Path) -> None:
    one, other = (Spool(str(tmp_path), TARGET._replace(api_key=key)) for key in ("sg_a", "sg_b"))
    one.put(_report(1)).leave()
    assert other.waiting() == []
    assert lanes(str(tmp_path)) == {one.folder: TARGET.url}
    assert lane_at(one.folder, TARGET._replace(api_key="sg_b")).waiting() == one.waiting()


def test_the_key_is_not_written_down(spool: Spool) -> None:
    spool.put(_report(1)).leave()
    assert not any("sg_a" in path.read_text() for path in Path(spool.folder).iterdir())


def test_the_oldest_make_room(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path), TARGET, most=2)
    for number in range(5):
        spool.put(_report(number)).leave()
    assert spool.make_room() == 3
    assert [name[:20].lstrip("0") for name in spool.waiting()] == ["3", "4"]
    assert spool.make_room() == 0


def test_what_a_crash_left_half_written_is_swept_away(spool: Spool) -> None:
    spool.put(_report(1)).leave()
    half = Path(spool.folder, ".00001-x.json")
    half.write_text("{")
    spool.make_room()
    assert not half.exists()
    assert len(spool.waiting()) == 1


def test_only_one_delivers_at_a_time(spool: Spool) -> None:
    spool.put(_report(1)).leave()
    with spool.alone() as first, spool.alone() as second:
        assert (first, second) == (True, False)
    with spool.alone() as again:
        assert again


def test_a_folder_that_others_can_write_to_is_not_used(spool: Spool) -> None:
    os.makedirs(spool.folder)
    os.chmod(spool.folder, 0o777)
    with pytest.raises(SpoolError, match="only this user can write"):
        spool.put(_report(1))


def test_a_spool_that_cannot_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    spool = Spool(str(tmp_path / "file"), TARGET)
    with pytest.raises(SpoolError, match="Not a directory"):
        spool.put(_report(1))
    assert spool.waiting() == []
    with spool.alone() as alone:
        assert not alone

"""What is backed up on one engine comes back on either, whole or not at all."""

import gzip
import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import inspect as inspection
from sqlalchemy import select, update

from tests.support.databases import Postgres
from tests.support.house import NOON, House, micros
from tocsin.application.backup import inspect, restore, take
from tocsin.application.backup_file import BackupError, check
from tocsin.application.installation import check_key
from tocsin.domain.model import SECOND, Absence
from tocsin.store import nodes, schema, snapshot
from tocsin.store.engine import Store
from tocsin.store.migrations import migrate

DAY = 86_400
KEY = "fingerprint"
MakeStore = Callable[[], Store]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def make_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakeStore]:
    """Makes empty databases of one engine; with `empty_store`, every pair of engines is tested."""
    yield from _making(request, tmp_path, "from")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def make_target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakeStore]:
    yield from _making(request, tmp_path, "to")


def _making(request: pytest.FixtureRequest, folder: Path, name: str) -> Iterator[MakeStore]:
    with ExitStack() as stack:
        made: list[Store] = []

        def make() -> Store:
            if request.param == "sqlite":
                url = f"sqlite:///{folder / f'{name}-{len(made)}.db'}"
            else:
                postgres: Postgres = request.getfixturevalue("postgres")
                url = stack.enter_context(postgres.database(empty=True))
            made.append(Store(url))
            stack.callback(made[-1].close)
            return made[-1]

        yield make


def lived_in(store: Store) -> House:
    """A house in which something of everything has happened."""
    migrate(store)
    with store.write() as connection:
        check_key(connection, [KEY])
        nodes.register(connection, NOON, "token", "all", is_ingesting=True)
    house = House(store)
    house.make_job(schedule_interval=DAY * SECOND, tags='["ü", "\U0001f514"]')
    house.check_in("start", "acme", run="r1")
    house.check_in("log", "acme", run="r1", message="half ☃ way\n\t\"'\\ ")
    house.check_in("success", "acme", run="r1")
    house.check_in("failure", "globex", message="\u2028 odd")
    house.report("auth_failed", payload={"n": 12345678901234567890, "x": 1.5, "deep": [None, True, {"ß": "é"}]})
    house.be_away(house.now + 3600)
    house.pass_time(3 * DAY)
    return house


def everything(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    with snapshot.one_moment(store) as connection:
        return {shape.table: list(snapshot.rows_of(connection, shape)) for shape in snapshot.shapes()}


def test_all_rows_come_back_on_either_engine(make_store: MakeStore, make_target: MakeStore, tmp_path: Path) -> None:
    store, target, file = make_store(), make_target(), tmp_path / "all.backup"
    lived_in(store)
    before = everything(store)
    taken = take(store, file, NOON, may_replace=False)
    assert taken.total.rows == sum(map(len, before.values()))
    assert file.stat().st_mode & 0o777 == 0o600
    assert inspect(file, [KEY, "another"]).header.taken_at == "2026-01-05T12:00:00Z"
    assert restore(target, file, NOON, may_replace=False) == taken.total
    assert payloads(everything(target)) == payloads(before)
    again = tmp_path / "again.backup"
    take(target, again, NOON, may_replace=False)
    if store.is_sqlite is target.is_sqlite:
        assert gzip.decompress(again.read_bytes()) == gzip.decompress(file.read_bytes())


def payloads(rows: dict[str, list[tuple[Any, ...]]]) -> dict[str, list[tuple[Any, ...]]]:
    """PostgreSQL writes JSON with other blanks and another order of keys; what it says is the same."""
    at = [column.name for column in schema.events.columns].index("payload")
    events = [(*row[:at], json.loads(row[at]), *row[at + 1 :]) for row in rows["events"]]
    return {**rows, "events": events}


def test_life_goes_on_where_it_was(make_store: MakeStore, make_target: MakeStore, tmp_path: Path) -> None:
    """What the database numbers itself continues, and the time between counts as our own absence."""
    store, target, file = make_store(), make_target(), tmp_path / "file"
    house = lived_in(store)
    told = len(house.rows(schema.alerts))
    left_at = micros(house.now)
    with store.write() as connection:
        connection.execute(update(schema.nodes).values(heartbeat_at=left_at))
    take(store, file, left_at, may_replace=False)
    restore(target, file, left_at, may_replace=False)
    back = House.__new__(House)
    back.__dict__.update(house.__dict__)
    back.store = target
    later = House(target, house.ids)  # a stranger, who needs numbers of his own
    back.hot, back.tick = later.hot, later.tick
    back.now = house.now + 30 * DAY
    with target.write() as connection:
        nodes.register(connection, micros(back.now), "new token", "all", is_ingesting=True)
    with target.read() as connection:
        absences = nodes.all_absences(connection)
    assert absences[-1][1:] == (left_at, micros(back.now))
    assert len({absence.id for absence in absences}) == len(absences) == 2
    back.pass_time(back.now + 3600)
    assert len(back.rows(schema.alerts)) == told, "nobody is accused of what fell into our absence"
    with target.write() as connection:
        nodes.add_absence(connection, Absence(0, 1, 2))
    back.check_in("success", "acme")


def test_a_database_in_use_is_left_alone_unless_told_otherwise(
    make_store: MakeStore, make_target: MakeStore, tmp_path: Path
) -> None:
    store, target, file = make_store(), make_target(), tmp_path / "file"
    lived_in(store)
    take(store, file, NOON, may_replace=False)
    migrate(target)
    House(target)
    before = everything(target)
    with pytest.raises(BackupError, match="in use already. Choose an empty one, or use --force"):
        restore(target, file, NOON, may_replace=False)
    assert everything(target) == before
    restore(target, file, NOON, may_replace=True)
    assert payloads(everything(target)) == payloads(everything(store))


def test_an_existing_file_is_left_alone_unless_told_otherwise(make_store: MakeStore, tmp_path: Path) -> None:
    store, file = make_store(), tmp_path / "file"
    lived_in(store)
    file.write_text("dear")
    with pytest.raises(BackupError, match="exists already. Choose another name, or use --force"):
        take(store, file, NOON, may_replace=False)
    assert file.read_text() == "dear"
    take(store, file, NOON, may_replace=True)
    assert check(file)[0].revision
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for other in (pipe, tmp_path):
        with pytest.raises(BackupError, match="is no file that could be replaced. Choose another name."):
            take(store, other, NOON, may_replace=True)
    assert pipe.is_fifo()


@pytest.fixture
def a_backup(make_store: MakeStore, tmp_path: Path) -> bytes:
    store, file = make_store(), tmp_path / "sound"
    lived_in(store)
    take(store, file, NOON, may_replace=False)
    return file.read_bytes()


def test_a_backup_cut_short_or_altered_is_refused_and_changes_nothing(
    a_backup: bytes, make_target: MakeStore, tmp_path: Path
) -> None:
    target, file = make_target(), tmp_path / "file"
    lines = gzip.decompress(a_backup).splitlines(keepends=True)
    altered = [line.replace(b"acme", b"acne") for line in lines]
    broken = {
        "empty": b"",
        "not ours": b"hello",
        "gzip of another": gzip.compress(b'{"a": 1}\n'),
        "half": a_backup[: len(a_backup) // 2],
        "one byte short": a_backup[:-1],
        "without its end": gzip.compress(b"".join(lines[:-1])),
        "a row less": gzip.compress(b"".join(lines[:-5] + lines[-4:])),
        "altered": gzip.compress(b"".join(altered)),
        "a flipped byte": a_backup[:2000] + bytes([a_backup[2000] ^ 1]) + a_backup[2001:],
        "no JSON": gzip.compress(b"".join([*lines[:3], b"nonsense\n", *lines[3:]])),
    }
    for what, content in broken.items():
        file.write_bytes(content)
        with pytest.raises(BackupError) as caught:
            inspect(file, [KEY])
        assert "cut short or damaged" in str(caught.value) or "no backup of Tocsin" in str(caught.value), what
        with pytest.raises(BackupError):  # it may break while it is read
            restore(target, file, NOON, may_replace=True)
    with target.read() as connection:
        assert inspection(connection).get_table_names() == []
    assert [path.name for path in tmp_path.iterdir() if "restoring" in path.name] == []


def test_any_flipped_bit_is_found(a_backup: bytes, tmp_path: Path) -> None:
    file, content = tmp_path / "file", gzip.decompress(a_backup)
    random = Random(7)
    for at in random.sample(range(len(content)), 300):
        altered = bytes([content[at] ^ 1 << random.randrange(8)])
        file.write_bytes(gzip.compress(content[:at] + altered + content[at + 1 :], compresslevel=1))
        with pytest.raises(BackupError):
            inspect(file, [KEY])


def test_what_cannot_be_restored_here_is_said(a_backup: bytes, make_target: MakeStore, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(a_backup)
    with pytest.raises(BackupError, match="secret key file is not the one this backup's secrets are sealed with"):
        inspect(file, ["another"])
    head, rest = gzip.decompress(a_backup).split(b"\n", 1)
    file.write_bytes(gzip.compress(head.replace(b'"revision":"0', b'"revision":"9') + b"\n" + rest))
    with pytest.raises(BackupError, match="cut short or damaged|newer Tocsin"):
        inspect(file, [KEY])
    with pytest.raises(BackupError, match="There is no file"):
        inspect(tmp_path / "nowhere", [KEY])
    nowhere = Store(f"sqlite:///{tmp_path / 'nowhere.db'}")
    with pytest.raises(BackupError, match="There is no database"):
        take(nowhere, file, NOON, may_replace=True)
    nowhere.close()
    assert not (tmp_path / "nowhere.db").exists()


@pytest.mark.postgresql
def test_a_database_that_is_served_is_not_replaced(postgres: Postgres, a_backup: bytes, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(a_backup)
    with postgres.database(empty=True) as url:
        target = Store(url)
        lived_in(target)
        with pytest.raises(BackupError, match="Stop every node first"):
            restore(target, file, NOON + SECOND, may_replace=True)
        with target.read() as connection:
            assert connection.execute(select(schema.workspaces.c.id)).first() is not None
        target.close()

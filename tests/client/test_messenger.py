"""What becomes of a run's reports, by what the server does. The wire is made up; the threads and files are real."""

import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tocsin.client.destination import Answer, Destination, UnreachableError
from tocsin.client.messenger import Means, Messenger
from tocsin.client.report import Result, Subject, ended, started
from tocsin.client.spool import Spool
from tocsin.clock import ManualClock

NOON = 1_767_614_400_000_000
DONE = Answer(200, b'{"isSuccess": true}')
SUBJECT = Subject("nightly", "acme", "", "run-1")
START = started(SUBJECT, NOON)
END = ended(SUBJECT, Result(0, 1_000, ""), NOON + 1_000)
OLD = started(SUBJECT._replace(run_id="old"), NOON - 1)

Handler = Callable[[dict[str, object]], Answer]


class Wire:
    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.sent: list[tuple[object, object]] = []

    def post(self, path: str, body: bytes, headers: Mapping[str, str], seconds: float) -> Answer:
        fields = json.loads(body)
        self.sent.append((fields["runId"], fields["status"]))
        return self.handler(fields)


def _ok(_: dict[str, object]) -> Answer:
    return DONE


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(str(tmp_path), Destination("http://t.example", "sg_a"))


def _messenger(wire: Wire, spool: Spool, patience: float = 0.3) -> Messenger:
    return Messenger(lambda: Means(wire.post, spool), ManualClock(NOON), patience)


def test_start_and_end_are_reported_and_nothing_is_said(spool: Spool) -> None:
    wire = Wire(_ok)
    messenger = _messenger(wire, spool)
    messenger.begin(START)
    assert messenger.finish(END) == []
    assert wire.sent == [("run-1", "start"), ("run-1", "success")]
    assert spool.waiting() == []


def test_what_waited_before_goes_first(spool: Spool) -> None:
    spool.put(OLD).leave()
    wire = Wire(_ok)
    messenger = _messenger(wire, spool)
    messenger.begin(START)
    assert messenger.finish(END) == []
    assert wire.sent[0] == ("old", "start")
    assert len(wire.sent) == 3


def test_what_cannot_be_delivered_waits_and_that_is_said(spool: Spool) -> None:
    def refuse(_: dict[str, object]) -> Answer:
        raise UnreachableError("Connection refused")

    messenger = _messenger(Wire(refuse), spool)
    messenger.begin(START)
    lines = messenger.finish(END)
    assert lines[0] == "http://t.example could not be reached: Connection refused"
    assert spool.folder in lines[1]
    reports = [spool.take(name) for name in spool.waiting()]
    assert [entry.report for entry in reports if entry] == [START, END]


def test_a_server_that_hangs_is_waited_for_no_longer_than_said(spool: Spool) -> None:
    released = threading.Event()

    def hang(_: dict[str, object]) -> Answer:
        released.wait(30)
        return DONE

    messenger = _messenger(Wire(hang), spool, patience=0.2)
    messenger.begin(START)
    try:
        assert messenger.finish(END)[0] == "http://t.example did not answer in time"
        assert len(spool.waiting()) == 2  # asked before the answer comes after all, with which a report is gone
    finally:
        released.set()


def test_a_server_that_is_just_being_restarted_is_tried_again(spool: Spool) -> None:
    tries: list[dict[str, object]] = []

    def restart(body: dict[str, object]) -> Answer:
        tries.append(body)
        if len(tries) < 4:
            raise UnreachableError("Connection refused")
        return DONE

    messenger = _messenger(Wire(restart), spool, patience=20)
    messenger.begin(START)
    assert messenger.finish(END) == []
    assert spool.waiting() == []


def test_a_key_that_is_refused_is_not_tried_again(spool: Spool) -> None:
    wire = Wire(lambda _: Answer(401, b'{"isSuccess": false, "message": "Send a valid API key."}'))
    messenger = _messenger(wire, spool, patience=20)
    messenger.begin(START)
    assert "Send a valid API key." in messenger.finish(END)[0]
    assert len(wire.sent) <= 2


def test_a_server_that_came_back_while_the_command_ran_gets_all(spool: Spool) -> None:
    tries: list[dict[str, object]] = []

    def come_back(body: dict[str, object]) -> Answer:
        tries.append(body)
        return Answer(503, b"") if len(tries) == 1 else DONE

    spool.put(OLD).leave()
    wire = Wire(come_back)
    messenger = _messenger(wire, spool)
    messenger.begin(START)
    assert messenger.finish(END) == []
    assert wire.sent[1:] == [("run-1", "start"), ("run-1", "success"), ("old", "start")]
    assert spool.waiting() == []


def test_a_spool_that_cannot_be_used_is_only_said_when_it_is_needed(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    spool = Spool(str(tmp_path / "file"), Destination("http://t.example", "sg_a"))
    messenger = _messenger(Wire(_ok), spool)
    messenger.begin(START)
    assert messenger.finish(END) == []
    down = _messenger(Wire(lambda _: Answer(502, b"bad gateway")), spool)
    down.begin(START)
    lines = down.finish(END)
    assert lines[0] == "http://t.example answered 502, and not as Tocsin does"
    assert "is lost" in lines[1]


def test_a_refused_run_is_said_once_a_report(spool: Spool) -> None:
    refusal = Answer(404, b'{"isSuccess": false, "message": "Job not found."}')
    messenger = _messenger(Wire(lambda _: refusal), spool)
    messenger.begin(START)
    lines = messenger.finish(END)
    assert [line.endswith("was refused: Job not found.") for line in lines] == [True, True]
    assert spool.waiting() == []


def test_where_nothing_can_be_reported_that_is_said() -> None:
    def missing() -> Means:
        raise ValueError("say which job this is")

    messenger = Messenger(missing, ManualClock(NOON), 5)
    messenger.begin(START)
    assert messenger.finish(END) == ["nothing was reported: say which job this is"]


def test_our_own_fault_is_said_and_stays_ours(spool: Spool) -> None:
    def burst(_: dict[str, object]) -> Answer:
        raise RuntimeError("a fault")

    messenger = _messenger(Wire(burst), spool)
    messenger.begin(START)
    assert "reporting failed: RuntimeError: a fault" in messenger.finish(END)


def test_without_patience_the_result_waits_at_once(spool: Spool) -> None:
    messenger = _messenger(Wire(_ok), spool, patience=0)
    messenger.begin(START)
    messenger.finish(END)
    reports = [spool.take(name) for name in spool.waiting()]
    assert END in [entry.report for entry in reports if entry]

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tocsin.client.courier import Courier
from tocsin.client.destination import Answer, Destination, Fate, UnreachableError
from tocsin.client.report import Report, Result, Subject, ended
from tocsin.client.sending import send_all, waiting
from tocsin.client.spool import OLDEST, Spool

NOON = 1_767_614_400_000_000
DAY = 86_400_000_000
DONE = Answer(200, b'{"isSuccess": true}')
TARGET = Destination("http://t.example", "sg_a")


class Wire:
    """A server of which only the wire is there: it keeps what was sent, and answers as told."""

    def __init__(self, answer: Callable[[Mapping[str, object]], Answer] = lambda _: DONE) -> None:
        self.answer = answer
        self.bodies: list[dict[str, object]] = []
        self.keys: list[str] = []

    def post(self, path: str, body: bytes, headers: Mapping[str, str], seconds: float) -> Answer:
        assert path.startswith("/api/v1/jobs/")
        assert seconds > 0
        self.bodies.append(json.loads(body))
        self.keys.append(headers["Idempotency-Key"])
        return self.answer(self.bodies[-1])

    @property
    def runs(self) -> list[object]:
        return [body["runId"] for body in self.bodies]


def _refusal(status: int, message: str) -> Answer:
    return Answer(status, json.dumps({"isSuccess": False, "message": message}).encode())


def _unreachable(_: Mapping[str, object]) -> Answer:
    raise UnreachableError("Connection refused")


def _report(run: str, at: int = NOON) -> Report:
    return ended(Subject("nightly", "acme", "", run), Result(0, 0, ""), at)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(str(tmp_path), TARGET)


@pytest.fixture
def said() -> list[str]:
    return []


def test_all_that_waits_is_brought_in_order_and_is_gone(spool: Spool, said: list[str]) -> None:
    for run, at in (("second", NOON + 2), ("third", NOON + 3), ("first", NOON + 1)):
        spool.put(_report(run, at)).leave()
    wire = Wire()
    done = Courier(wire.post, said.append, lambda: 1).drain(spool, NOON)
    assert (done.delivered, done.dropped, done.verdict) == (3, 0, None)
    assert wire.runs == ["first", "second", "third"]
    assert spool.waiting() == []
    assert said == []


@pytest.mark.parametrize(
    "answer",
    [_unreachable, *(lambda _, status=status: _refusal(status, "Later.") for status in (401, 409, 429, 500, 503))],
)
def test_the_first_that_must_wait_lets_all_wait(
    answer: Callable[[Mapping[str, object]], Answer], spool: Spool, said: list[str]
) -> None:
    for number in range(3):
        spool.put(_report(str(number), NOON + number)).leave()
    wire = Wire(answer)
    done = Courier(wire.post, said.append, lambda: 1).drain(spool, NOON)
    assert done.verdict is not None
    assert wire.runs == ["0"]
    assert len(spool.waiting()) == 3
    again = Wire()
    assert Courier(again.post, said.append, lambda: 1).drain(spool, NOON).delivered == 3
    assert again.keys[0] == wire.keys[0]


def test_a_refused_report_is_dropped_and_said_and_the_next_is_brought(spool: Spool, said: list[str]) -> None:
    spool.put(_report("bad", NOON)).leave()
    spool.put(_report("good", NOON + 1)).leave()
    wire = Wire(lambda body: _refusal(404, "Job not found.") if body["runId"] == "bad" else DONE)
    done = Courier(wire.post, said.append, lambda: 1).drain(spool, NOON)
    assert (done.delivered, done.dropped) == (1, 1)
    assert spool.waiting() == []
    assert said == ["the success of nightly at 2026-01-05T12:00:00Z was refused: Job not found."]


def test_what_waited_for_a_week_is_dropped_and_said(spool: Spool, said: list[str]) -> None:
    spool.put(_report("old", NOON - OLDEST - 1)).leave()
    spool.put(_report("new", NOON - OLDEST)).leave()
    wire = Wire()
    assert Courier(wire.post, said.append, lambda: 1).drain(spool, NOON).dropped == 1
    assert wire.runs == ["new"]
    assert "waited for a week" in said[0]


def test_it_stops_when_there_is_no_time(spool: Spool, said: list[str]) -> None:
    for number in range(3):
        spool.put(_report(str(number), NOON + number)).leave()
    left = iter([1.0, 0.0])
    wire = Wire()
    done = Courier(wire.post, said.append, lambda: next(left)).drain(spool, NOON)
    assert (done.delivered, len(spool.waiting())) == (1, 2)


def test_two_do_not_deliver_at_once(spool: Spool, said: list[str]) -> None:
    spool.put(_report("one")).leave()
    with spool.alone():
        wire = Wire()
        assert Courier(wire.post, said.append, lambda: 1).drain(spool, NOON).delivered == 0
    assert wire.runs == []


def test_a_wrong_clock_does_not_silence_a_job(said: list[str]) -> None:
    wire = Wire(lambda body: _refusal(422, "occurredAt must be at most 7 days back.") if "occurredAt" in body else DONE)
    assert Courier(wire.post, said.append, lambda: 1).bring_fresh(_report("one")).fate is Fate.DELIVERED
    assert wire.keys[0] != wire.keys[1]
    assert said == ["this machine's clock is wrong: the server's time was taken instead"]


def test_another_refusal_of_a_fresh_report_is_said(said: list[str]) -> None:
    wire = Wire(lambda _: _refusal(422, "Tenant is deactivated."))
    assert Courier(wire.post, said.append, lambda: 1).bring_fresh(_report("one")).fate is Fate.REFUSED
    assert len(said) == 1


def test_spool_send_brings_what_another_key_left_only_where_that_is_wanted(tmp_path: Path, said: list[str]) -> None:
    for key in ("sg_old", "sg_new"):
        Spool(str(tmp_path), TARGET._replace(api_key=key)).put(_report(key)).leave()
    Spool(str(tmp_path), Destination("http://elsewhere.example", "sg_x")).put(_report("elsewhere")).leave()
    target, wire = TARGET._replace(api_key="sg_new"), Wire()
    assert send_all(str(tmp_path), target, wire.post, NOON, said.append, any_key=False).delivered == 1
    assert send_all(str(tmp_path), target, wire.post, NOON, said.append, any_key=True).delivered == 1
    assert wire.runs == ["sg_new", "sg_old"]
    assert [(lane.url, lane.waiting) for lane in waiting(str(tmp_path)) if lane.waiting] == [
        ("http://elsewhere.example", 1)
    ]

"""Healthchecks pings: addresses to check-ins. The cases are those of its documents and of its own server."""

import pytest

from tocsin.application.errors import invalid, not_found, unavailable
from tocsin.application.record_check_ins import Receipt
from tocsin.domain.message import MESSAGE_BYTES
from tocsin.domain.model import CheckInKind
from tocsin.domain.reason import Reason
from tocsin.ingest.protocols import healthchecks as wire
from tocsin.ingest.protocols.healthchecks import Answer, Ping

UUID = "f0e1d2c3-b4a5-4697-8879-6a5b4c3d2e1f"
KEY = "q1w2e3r4t5y6u7i8o9p0a1"
RID = "123e4567-e89b-12d3-a456-426614174000"
OK = Receipt(Reason.RUN_RECORDED, 1, "r", 0, None)


def _ping(path: str, query: str = "") -> Ping:
    found = wire.decode(path, query)
    assert isinstance(found, Ping), found
    return found


@pytest.mark.parametrize("base", [UUID, f"{KEY}/nightly-backup", "Aa_-567890123456789012/x"])
@pytest.mark.parametrize(
    ("action", "kind", "exit_code"),
    [
        ("", CheckInKind.SUCCESS, None),
        ("/start", CheckInKind.START, None),
        ("/fail", CheckInKind.FAILURE, None),
        ("/log", CheckInKind.LOG, None),
        ("/0", CheckInKind.SUCCESS, 0),
        ("/1", CheckInKind.FAILURE, 1),
        ("/007", CheckInKind.FAILURE, 7),
        ("/255", CheckInKind.FAILURE, 255),
    ],
)
def test_what_an_address_says(base: str, action: str, kind: CheckInKind, exit_code: int | None) -> None:
    ping = _ping(base + action)
    assert (ping.kind, ping.exit_code, ping.problem) == (kind, exit_code, None)
    assert (ping.uuid or f"{ping.key}/{ping.slug}") == base


def test_a_uuid_may_have_one_slash_behind_it() -> None:
    assert _ping(f"{UUID}/").uuid == UUID


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("", 404, b"not found"),
        ("x", 404, b"not found"),
        (UUID.upper(), 404, b"not found"),
        (UUID.replace("-", ""), 404, b"not found"),
        (f"{UUID}//", 404, b"not found"),
        (f"{UUID}/start/", 404, b"not found"),
        (f"{UUID}/bogus", 404, b"not found"),
        (f"{UUID}/-1", 404, b"not found"),
        (f"{UUID}/FAIL", 400, b"invalid url format"),
        (f"{KEY}/Nightly", 400, b"invalid url format"),
        (f"{KEY}/nightly/", 404, b"not found"),
        (f"{KEY}/nightly/bogus", 404, b"not found"),
        (f"{KEY}/" + "x" * 101, 404, b"not found"),
        (f"{KEY}/a\0b", 404, b"not found"),
        ("short/nightly", 404, b"not found"),
        ("../../etc/passwd", 404, b"not found"),
    ],
)
def test_what_is_no_address(path: str, status: int, text: bytes) -> None:
    answer = wire.decode(path, "")
    assert isinstance(answer, Answer)
    assert (answer.status, answer.body) == (status, text)


@pytest.mark.parametrize(
    ("query", "run_id", "problem"),
    [
        (f"rid={RID}", RID, None),
        (f"rid={RID.upper()}", RID, None),
        ("rid=", "", "invalid uuid format"),
        ("rid=x", "x", "invalid uuid format"),
        (f"rid={{{RID}}}", f"{{{RID}}}", "invalid uuid format"),
        ("other=1", None, None),
        ("%00=%ff&&&=", None, None),
    ],
)
def test_a_run_may_be_named(query: str, run_id: str | None, problem: str | None) -> None:
    ping = _ping(UUID, query)
    assert (ping.run_id, ping.problem) == (run_id, problem)


@pytest.mark.parametrize("code", ["256", "999", "9" * 100])
def test_an_exit_code_has_its_limits(code: str) -> None:
    assert _ping(f"{UUID}/{code}").problem == "invalid url format"


@pytest.mark.parametrize(
    ("path", "query", "may_create"),
    [
        (f"{KEY}/x", "create=1", True),
        (f"{KEY}/x/start", "create=1", True),
        (f"{KEY}/x", "create=true", False),
        (f"{KEY}/x", "", False),
        (UUID, "create=1", False),
    ],
)
def test_only_one_word_makes_a_job(path: str, query: str, may_create: bool) -> None:
    assert _ping(path, query).may_create is may_create


def test_a_job_that_a_ping_makes_is_told_from_others() -> None:
    assert wire.NEW_JOB.wish is not None
    assert wire.NEW_JOB.wish.defaults["protocol"] == "healthchecks"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", None),
        (b"hello", "hello"),
        (b"a\xff\x00b", "a\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}b"),
        (b"x" * MESSAGE_BYTES + b"end", "x" * (MESSAGE_BYTES - 3) + "end"),
    ],
)
def test_a_body_is_the_message(body: bytes, message: str | None) -> None:
    check_in = wire.to_check_in(_ping(f"{UUID}/3", f"rid={RID}"), 7, "nightly", body)
    assert check_in.message == message
    assert (check_in.tenant, check_in.environment, check_in.exit_code) == ("default", "production", 3)
    assert check_in.run_id == RID


def test_answers_are_the_originals() -> None:
    done = wire.encode(OK)
    assert (done.status, done.body) == (200, b"OK")
    assert (b"ping-body-limit", b"10240") in done.headers
    assert (b"access-control-allow-origin", b"*") in done.headers
    made = wire.encode(OK._replace(has_made_job=True))
    assert (made.status, made.body) == (201, b"Created")
    gone = wire.encode(not_found("Job"))
    assert (gone.status, gone.body) == (404, b"not found")
    assert wire.encode(invalid("Wrong.")).status == 422
    busy = wire.refused(unavailable("Busy."))
    assert busy.status == 503
    assert b"retry-after" in dict(busy.headers)

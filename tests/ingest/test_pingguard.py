"""PingGuard: requests to columns and check-ins, monitors and runs to its words; and what guessing leads to."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.application.errors import ErrorCode, Refused, invalid, rate_limited, unsupported_media
from tocsin.domain.message import MESSAGE_BYTES
from tocsin.domain.model import SECOND, CheckInKind
from tocsin.ingest.guesses import Guesses
from tocsin.ingest.protocols import pingguard as wire
from tocsin.store import ping_slugs
from tocsin.store.views_monitors import Monitor, Ping, Pings

MONITOR = Monitor(5, "daily-backup", "daily-backup-x7f2k", 3_600 * SECOND, 300 * SECOND, "up", 0, 0)


def _told(body: bytes) -> Any:
    return json.loads(body)


def test_a_new_monitor_alerts_after_one_miss_or_one_failure() -> None:
    row = wire.decode_new(b'{"name": " weekly-report ", "interval_seconds": 604800, "unknown": []}')
    assert (row["name"], row["schedule_type"], row["schedule_interval"]) == (
        "weekly-report",
        "interval",
        604_800 * SECOND,
    )
    assert (row["grace"], row["protocol"]) == (60 * SECOND, "pingguard")
    assert (row["miss_threshold"], row["impact_threshold"], row["failure_threshold"]) == (1, 1, 1)


@pytest.mark.parametrize(
    ("body", "columns"),
    [
        (b"{}", {}),
        (b'{"name": "x"}', {"name": "x"}),
        (b'{"grace_seconds": 0}', {"grace": 0}),
        (
            b'{"interval_seconds": 60}',
            {
                "schedule_type": "interval",
                "schedule_interval": 60 * SECOND,
                "schedule_value": None,
                "schedule_zone": None,
            },
        ),
    ],
)
def test_a_change_sets_what_it_names(body: bytes, columns: dict[str, Any]) -> None:
    assert wire.decode_changes(body) == columns


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "not valid JSON"),
        (b"[]", "A JSON body must be an object."),
        (b"{}", "name is required."),
        (b'{"name": "x"}', "interval_seconds is required."),
        (b'{"name": "", "interval_seconds": 60}', "name must be at least 1 character long."),
        (b'{"name": "a\\u0007", "interval_seconds": 60}', "name must be a text that can be read."),
        (b'{"name": "x", "interval_seconds": "60"}', "interval_seconds must be a whole number."),
        (b'{"name": "x", "interval_seconds": 0}', "interval_seconds must be at least 1."),
        (b'{"name": "x", "interval_seconds": 31622401}', "interval_seconds must be at most 31622400."),
        (b'{"name": "x", "interval_seconds": 60, "grace_seconds": -1}', "grace_seconds must be at least 0."),
        (b'{"name": "x", "interval_seconds": 60, "grace_seconds": null}', "grace_seconds must be a whole number."),
        (b'{"name": "\\ud800", "interval_seconds": 60}', "surrogate"),
    ],
)
def test_what_is_wrong_with_a_monitor_is_named(body: bytes, says: str) -> None:
    with pytest.raises(Refused, match=says) as refused:
        wire.decode_new(body)
    assert refused.value.status == 400


def test_a_monitor_in_its_own_words() -> None:
    shown = _told(wire.encode(MONITOR, "https://tocsin.example"))["monitor"]
    assert wire.monitor_id(shown.pop("id")) == 5
    assert shown == {
        "name": "daily-backup",
        "slug": "daily-backup-x7f2k",
        "ping_url": "https://tocsin.example/p/daily-backup-x7f2k",
        "interval_seconds": 3600,
        "grace_seconds": 300,
        "status": "up",
        "last_ping_at": "1970-01-01T00:00:00Z",
        "created_at": "1970-01-01T00:00:00Z",
    }
    never = MONITOR._replace(last_ping_at=None, every=None, grace=None)
    [shown] = _told(wire.encode_list([never], ""))["monitors"]
    assert (shown["last_ping_at"], shown["interval_seconds"], shown["grace_seconds"]) == (None, None, None)


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        ("ok", "ok"),
        ("error", "failed"),
        ("timeout", "failed"),
        ("in_progress", "started"),
        ("unknown", "started"),
        ("missed", "missed"),
    ],
)
def test_a_run_in_its_own_words(outcome: str, status: str) -> None:
    received = None if outcome == "missed" else SECOND
    told = _told(wire.encode_pings(Pings([Ping(7, outcome, received, 2 * SECOND, 45_000)], 31), 2))
    assert (told["total"], told["page"]) == (31, 2)
    [ping] = told["pings"]
    assert ping.pop("id").startswith("ping_")
    if status == "missed":
        assert ping == {"received_at": None, "status": "missed", "expected_at": "1970-01-01T00:00:02Z"}
    else:
        assert ping == {"received_at": "1970-01-01T00:00:01Z", "status": status, "duration_ms": 45}


@given(st.integers(0, 2**63 - 1), st.text(max_size=50))
def test_an_id_leads_back_to_its_monitor_and_nothing_else_does(number: int, text: str) -> None:
    shown = _told(wire.encode(MONITOR._replace(id=number), ""))["monitor"]["id"]
    assert shown.removeprefix("monitor_").isalnum()
    assert wire.monitor_id(shown) == number
    assert wire.monitor_id(shown.upper()) is None
    assert wire.monitor_id(shown.removeprefix("monitor_")) is None
    assert wire.monitor_id(text) is None


@pytest.mark.parametrize(
    ("path", "query", "kind", "duration", "is_right"),
    [
        ("a-x7f2k", "", CheckInKind.SUCCESS, None, True),
        ("a-x7f2k/", "", CheckInKind.SUCCESS, None, True),
        ("a-x7f2k/start", "", CheckInKind.START, None, True),
        ("a-x7f2k/fail", "duration_ms=4200", CheckInKind.FAILURE, 4_200_000, True),
        ("a-x7f2k/log", "other=1", CheckInKind.LOG, None, True),
        ("a-x7f2k", "duration_ms=0", CheckInKind.SUCCESS, 0, True),
        ("a-x7f2k", "duration_ms=-1", CheckInKind.SUCCESS, None, False),
        ("a-x7f2k", "duration_ms=", CheckInKind.SUCCESS, None, False),
        ("a-x7f2k", "duration_ms=1.5", CheckInKind.SUCCESS, None, False),
        ("a-x7f2k", "duration_ms=99999999999", CheckInKind.SUCCESS, None, False),
    ],
)
def test_an_address_is_a_ping(path: str, query: str, kind: CheckInKind, duration: int | None, is_right: bool) -> None:
    ping = wire.decode_ping(path, query)
    assert ping is not None
    assert (ping.slug, ping.kind, ping.duration, ping.problem is None) == ("a-x7f2k", kind, duration, is_right)


@pytest.mark.parametrize("path", ["", "/", "A-x7f2k", "a--b", "-a", "a/stop", "a/start/x", "a.b", "é-x7f2k", "a" * 121])
def test_an_address_that_can_be_nobodys(path: str) -> None:
    assert wire.decode_ping(path, "") is None


def test_the_end_of_a_body_is_the_message() -> None:
    ping = wire.Ping("a", CheckInKind.SUCCESS, None, None)
    assert wire.to_check_in(ping, 1, "a", b"").message is None
    long = wire.to_check_in(ping, 1, "a", b"\xff\0" + b"x" * 20_000 + b"end").message or ""
    assert (len(long), long[-4:]) == (MESSAGE_BYTES, "xend")
    assert wire.to_check_in(ping, 1, "a", b"a\0b").message == "a\N{REPLACEMENT CHARACTER}b"


@pytest.mark.parametrize(
    ("refusal", "status", "code"),
    [
        (invalid("x"), 400, "bad_request"),
        (unsupported_media(), 400, "bad_request"),
        (rate_limited(3), 429, "rate_limited"),
        (Refused(405, ErrorCode.VALIDATION, "x"), 405, "method_not_allowed"),
    ],
)
def test_a_refusal_in_its_own_words(refusal: Refused, status: int, code: str) -> None:
    told_status, body = wire.refused(refusal)
    assert (told_status, _told(body)) == (status, {"error": {"code": code, "message": refusal.message}})


# --- slugs and guesses ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "words"),
    [("Daily Backup", "daily-backup"), ("Über/Nacht!", "uber-nacht"), ("日本", "job"), ("a" * 200, "a" * 80)],
)
def test_a_slug_begins_with_the_words_of_the_name(name: str, words: str) -> None:
    slug = ping_slugs.new_slug(name, ping_slugs.SHORT)
    assert (slug[:-6], slug[-6]) == (words, "-")
    assert slug[-5:].isalnum()


@given(st.text(max_size=300), st.sampled_from([ping_slugs.SHORT, ping_slugs.LONG]))
def test_every_slug_is_an_address(name: str, characters: int) -> None:
    slug = ping_slugs.new_slug(name, characters)
    ping = wire.decode_ping(slug, "")
    assert ping is not None
    assert ping.slug == slug


def _guess(guesses: Guesses, address: str, slug: str, now: int = 0) -> bool:
    """Ask for a slug that does not exist; whether that was allowed."""
    if guesses.wait(address, slug, now) > 0:
        return False
    guesses.was_wrong(address, slug, now)
    return True


def test_who_guesses_is_told_nothing_after_a_while() -> None:
    guesses = Guesses(3)
    assert [_guess(guesses, "192.0.2.1", f"guess-{i}") for i in range(5)] == [True] * 3 + [False] * 2
    assert _guess(guesses, "192.0.2.2", "guess-0")
    assert _guess(guesses, "192.0.2.1", "guess-9", 20 * SECOND)


def test_a_slug_that_exists_is_no_guess_and_stays_open() -> None:
    guesses = Guesses(2)
    for i in range(10):
        assert guesses.wait("192.0.2.1", f"right-{i}", 0) == 0
        guesses.was_right("192.0.2.1", f"right-{i}")
    assert [_guess(guesses, "192.0.2.1", "wrong") for _ in range(3)] == [True, True, False]
    assert guesses.wait("192.0.2.1", "right-3", 0) == 0
    assert guesses.wait("192.0.2.1", "right-but-new", 0) > 0
    guesses.was_wrong("192.0.2.1", "right-3", 0)
    assert guesses.wait("192.0.2.1", "right-3", 0) > 0


def test_a_thousand_jobs_behind_one_router_may_ping_for_the_first_time_at_once() -> None:
    guesses = Guesses(20)
    assert all(guesses.wait("192.0.2.1", f"right-{i}", 0) == 0 for i in range(1_000))


def test_guesses_sent_all_at_once_are_paid_for_afterwards() -> None:
    guesses = Guesses(20)
    for i in range(100):
        guesses.was_wrong("192.0.2.1", f"guess-{i}", 0)
    assert guesses.wait("192.0.2.1", "guess-100", 239 * SECOND) > 0
    assert guesses.wait("192.0.2.1", "guess-100", 244 * SECOND) == 0


def test_one_network_of_ipv6_is_one_address() -> None:
    guesses = Guesses(1)
    assert _guess(guesses, "2001:db8::1", "a")
    assert not _guess(guesses, "2001:db8::ffff:2", "b")
    assert _guess(guesses, "2001:db8:0:1::1", "b")

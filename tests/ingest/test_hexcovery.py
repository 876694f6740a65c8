"""Hexcovery heartbeats: fields to check-ins."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.application.errors import Refused
from tocsin.application.record_check_ins import Receipt
from tocsin.application.terms import Terms
from tocsin.domain.attribution import Attribution
from tocsin.domain.message import MESSAGE_BYTES
from tocsin.domain.model import CheckInKind
from tocsin.domain.reason import Reason
from tocsin.ingest.protocols import hexcovery as wire


def decode(event: str, **fields: Any) -> wire.Decoded:
    return wire.decode(event, {"name": "nightly-backup", **fields}, None, 7)


@pytest.mark.parametrize(
    ("event", "fields", "kind"),
    [
        ("start", {}, CheckInKind.START),
        ("log", {"message": "x"}, CheckInKind.LOG),
        ("ping", {}, CheckInKind.SUCCESS),
        ("ping", {"status": "fail"}, CheckInKind.SUCCESS),
        ("end", {}, CheckInKind.SUCCESS),
        ("end", {"status": "ok"}, CheckInKind.SUCCESS),
        ("end", {"status": "success"}, CheckInKind.SUCCESS),
        ("end", {"status": "fail"}, CheckInKind.FAILURE),
        ("end", {"status": "failure"}, CheckInKind.FAILURE),
        ("end", {"status": None}, CheckInKind.SUCCESS),
    ],
)
def test_an_event_is_a_check_in(event: str, fields: dict[str, Any], kind: CheckInKind) -> None:
    check_in = decode(event, **fields).check_in
    assert check_in[:5] == (7, "nightly-backup", "default", "production", kind)


def test_all_that_a_heartbeat_says() -> None:
    check_in, terms = decode(
        "end", run_id="r", tenant="acme", environment="dev", duration_ms=5, exit_code="7", message="x" * 20_000
    )
    assert (check_in.run_id, check_in.tenant, check_in.environment) == ("r", "acme", "dev")
    assert (check_in.duration, check_in.exit_code, len(check_in.message or "")) == (5_000, 7, MESSAGE_BYTES)
    assert isinstance(terms, Terms)
    assert terms.wish is not None
    assert (terms.wish.columns, terms.wish.defaults["schedule_type"]) == ({}, "learned")
    assert terms.wish.defaults["protocol"] == "hexcovery"
    assert (terms.wish.defaults["grace"], terms.wish.defaults["name"]) == (None, "nightly-backup")
    assert terms.source is None  # what is wrong is told to the sender


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("nightly-backup", "nightly-backup"),
        ("Nightly.Backup_2", "Nightly.Backup_2"),
        ("Nightly Backup", "nightly-backup"),
        ("a/b", "a-b"),
        ("..", None),
        ("日本", None),
        ("x" * 150, "x" * 100),
    ],
)
def test_a_name_is_a_job_key_or_made_one(name: str, key: str | None) -> None:
    if key is None:
        with pytest.raises(Refused, match="name must have some letters"):
            wire.job_key_of(name)
    else:
        assert wire.job_key_of(name) == key


@given(st.text(min_size=1, max_size=200))
def test_whatever_is_made_of_a_name_stays_as_it_is(name: str) -> None:
    try:
        key = wire.job_key_of(name)
    except Refused:
        return
    assert 1 <= len(key) <= 100
    assert wire.job_key_of(key) == key


@pytest.mark.parametrize(
    ("headers", "where"),
    [
        ({}, None),
        ({"x-hexcovery-host": ""}, None),
        ({"x-hexcovery-host": " h ", "x-tocsin-host": "other"}, Attribution(host="h")),
        ({"x-tocsin-project": "p", "x-hexcovery-service": "s"}, Attribution("p", "s")),
    ],
)
def test_headers_say_where_a_run_belongs(headers: dict[str, str], where: Attribution | None) -> None:
    assert wire.attribution(headers) == where


@pytest.mark.parametrize("text", ["x" * 201, "a\0b", "a\x1bb"])
def test_a_header_that_says_too_much_is_named(text: str) -> None:
    with pytest.raises(Refused, match="X-Hexcovery-Service"):
        wire.attribution({"x-hexcovery-service": text})


@pytest.mark.parametrize("body", [b"{", b"[]", b"5", b"\xff", b'{"a":"\\u0000"}', b"[" * 99])
def test_what_is_no_json_object_is_400(body: bytes) -> None:
    with pytest.raises(Refused) as refused:
        wire.decode_body(body)
    assert refused.value.status == 400


def test_the_answers() -> None:
    receipt = Receipt(Reason.RUN_STARTED, 1, "the-run", 0, None)
    assert wire.encode(decode("start").check_in, receipt) == b'{"ok":true,"job":"nightly-backup","run_id":"the-run"}'
    assert wire.refused(wire.wrong("No.")) == b'{"ok":false,"error":"No."}'

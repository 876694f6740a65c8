"""Sentry's check-ins, from bytes to what they mean."""

import gzip
import json
import zlib
from functools import partial
from pathlib import Path
from typing import Any

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.application.terms import Terms
from tocsin.domain.attribution import Attribution
from tocsin.domain.model import DEFAULT_TENANT, SECOND, CheckInKind
from tocsin.domain.reason import Reason
from tocsin.ingest import sentry_envelope
from tocsin.ingest.inflate import BadEncodingError, inflate
from tocsin.ingest.protocols import sentry as wire
from tocsin.ingest.rate import Rate
from tocsin.ingest.sentry_envelope import BadEnvelopeError, Item
from tocsin.request_body import TooLargeError

RECORDED = sorted((Path(__file__).parent.parent / "wire" / "sentry").glob("*.http"))
MINUTE = 60 * SECOND
ID = "83a7c03ed0a04e1b97e2e3b18d38f244"


def decode(**fields: Any) -> wire.Decoded:
    payload = {"monitor_slug": "job", "status": "ok", **fields}
    return wire.decode(json.dumps(payload).encode(), 7, "key")


# --- what real clients sent -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_what_real_clients_sent_is_understood(path: Path) -> None:
    head, _, body = path.read_bytes().partition(b"\n\n")
    envelope = sentry_envelope.parse(body)
    assert [item.kind for item in envelope.items] == ["check_in"]
    check_in, terms = wire.decode(envelope.items[0].payload, 7, "publickey")
    assert (terms.rejected, terms.fault) == (None, None)
    expected = {"in_progress": CheckInKind.START, "ok": CheckInKind.SUCCESS, "error": CheckInKind.FAILURE}
    assert check_in.kind is expected[path.stem.rpartition(".")[2]]
    assert check_in.job_key in path.stem
    assert len(check_in.run_id or "") == 32
    assert b"sentry_key=publickey" in head


# --- fields -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("NuGetCatalogImporter.Import", "nugetcatalogimporterimport"),
        ("Celery Nightly ok", "celery-nightly-ok"),
        ("a/b", "ab"),
        ("-_x_-", "x"),
        ("Zürich", "zurich"),
        ("日本", ""),
        ("x" * 60, "x" * 50),
        ("x" * 49 + "-y", "x" * 49),
        ("a - - b", "a-b"),
    ],
)
def test_a_slug_is_made_as_sentry_makes_it(text: str, slug: str) -> None:
    assert wire.slug_of(text) == slug


@given(st.text())
def test_a_slug_is_a_job_key_or_nothing_and_stays_as_it_is(text: str) -> None:
    slug = wire.slug_of(text)
    assert len(slug) <= 50
    assert all(c in "abcdefghijklmnopqrstuvwxyz0123456789_-" for c in slug)
    assert wire.slug_of(slug) == slug


def test_all_that_a_check_in_says() -> None:
    check_in, terms = decode(
        check_in_id=ID, duration=10.5, environment="staging", release="app@1", server_name="h", status="error"
    )
    assert check_in[:5] == (7, "job", DEFAULT_TENANT, "staging", CheckInKind.FAILURE)
    assert (check_in.run_id, check_in.duration, check_in.is_step) == (ID, 10_500_000, True)
    assert check_in.attribution == Attribution(host="h", release="app@1")
    assert terms == Terms(None, "sentry", "key")


@pytest.mark.parametrize(
    ("said", "run_id"),
    [(None, None), ("", None), ("0" * 32, None), (ID.upper(), ID), ("83a7c03e-d0a0-4e1b-97e2-e3b18d38f244", ID)],
)
def test_a_check_in_id_is_a_uuid_or_means_the_latest(said: str | None, run_id: str | None) -> None:
    assert decode(check_in_id=said).check_in.run_id == run_id


def test_a_duration_takes_effect_only_with_a_result() -> None:
    assert decode(status="in_progress", duration=3).check_in.duration is None


@pytest.mark.parametrize("environment", [None, ""])
def test_no_environment_is_production(environment: str | None) -> None:
    assert decode(environment=environment).check_in.environment == "production"


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"status": "missed"}, "status must be in_progress, ok or error, not 'missed'."),
        ({"status": None}, "status must be"),
        ({"status": ["ok"]}, "status must be"),
        ({"monitor_slug": None}, "monitor_slug must be"),
        ({"monitor_slug": "日本"}, "monitor_slug must be"),
        ({"monitor_slug": 5}, "monitor_slug must be"),
        ({"environment": "x" * 65}, "environment must be"),
        ({"environment": 5}, "environment must be"),
        ({"environment": "a\nb"}, "environment must be"),
        ({"check_in_id": "x"}, "check_in_id must be a UUID"),
        ({"check_in_id": 17}, "check_in_id must be a UUID"),
        ({"duration": -1}, "duration must be"),
        ({"duration": "5"}, "duration must be"),
        ({"duration": True}, "duration must be"),
        ({"duration": 2_147_484}, "duration must be"),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, Any], says: str) -> None:
    rejected = decode(**fields).terms.rejected
    assert rejected is not None
    assert (rejected.reason, says in rejected.message) == (Reason.INVALID_CHECK_IN, True), rejected.message


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b'"x"', b"\xff", b'{"a": "\\ud800"}', b"[" * 9_999, b"{}"])
def test_what_is_no_check_in_is_dropped_with_a_reason(payload: bytes) -> None:
    rejected = wire.decode(payload, 7, "key").terms.rejected
    assert rejected is not None
    assert rejected.reason is Reason.INVALID_CHECK_IN


def test_a_query_says_the_same_as_a_payload() -> None:
    query = {"status": "error", "check_in_id": ID, "environment": "dev", "duration": "1.5"}
    assert (
        wire.decode_query(query, 7, "key", "My Job").check_in
        == decode(monitor_slug="my-job", status="error", check_in_id=ID, environment="dev", duration=1.5).check_in
    )
    assert wire.decode_query({"status": "ok", "duration": "x"}, 7, "key", "j").terms.rejected is not None
    assert wire.decode_query({"status": "ok", "environment": "a\0"}, 7, "key", "j").terms.rejected is None


# --- the config -------------------------------------------------------------------------------------------------------

CRONTAB = {"type": "crontab", "value": "0 3 * * *"}


@pytest.mark.parametrize(
    ("config", "columns"),
    [
        (
            {"schedule": {"type": "crontab", "value": " 0  3 * * *"}},
            {"schedule_type": "crontab", "schedule_value": "0 3 * * *", "schedule_interval": None},
        ),
        (
            {"schedule": {"type": "interval", "value": 1440, "unit": "minute"}, "timezone": "Europe/Vienna"},
            {
                "schedule_type": "calendar",
                "schedule_interval": 1440,
                "schedule_value": "minute",
                "schedule_zone": "Europe/Vienna",
            },
        ),
        ({"checkin_margin": 0}, {"grace": MINUTE}),
        ({"checkin_margin": 5, "timezone": ""}, {"grace": 5 * MINUTE}),
        ({"max_runtime": 40_320}, {"max_runtime": 40_320 * MINUTE}),
        ({"failure_issue_threshold": 3}, {"failure_threshold": 3, "miss_threshold": 3}),
        ({"recovery_threshold": 720, "owner": "nonsense"}, {"recovery_threshold": 720}),
    ],
)
def test_a_config_sets_exactly_the_keys_it_carries(config: dict[str, Any], columns: dict[str, Any]) -> None:
    wish = decode(monitor_config={"schedule": CRONTAB, **config}).terms.wish
    assert wish is not None
    always = {"schedule_type", "schedule_value", "schedule_interval"}
    said = {name: value for name, value in wish.columns.items() if name in columns or name not in always}
    assert said == columns
    assert wish.defaults["protocol"] == "sentry"


@pytest.mark.parametrize(
    "config",
    [
        "x",
        {"checkin_margin": 5},
        {"schedule": "hourly"},
        {"schedule": {"type": "sometimes", "value": 1}},
        {"schedule": {"type": "crontab", "value": "61 * * * *"}},
        {"schedule": {"type": "crontab", "value": "* * * * * *"}},
        {"schedule": {"type": "crontab", "value": "@reboot"}},
        {"schedule": {"type": "crontab", "value": "0 0 31 2 *"}},
        {"schedule": {"type": "crontab", "value": None}},
        {"schedule": {"type": "interval", "value": 0, "unit": "hour"}},
        {"schedule": {"type": "interval", "value": 1.5, "unit": "hour"}},
        {"schedule": {"type": "interval", "value": True, "unit": "hour"}},
        {"schedule": {"type": "interval", "value": 2**62, "unit": "year"}},
        {"schedule": {"type": "interval", "value": 1, "unit": "second"}},
        {"schedule": {"type": "interval", "value": 1, "unit": ["hour"]}},
        {"schedule": CRONTAB, "timezone": "Mars/Base"},
        {"schedule": CRONTAB, "max_runtime": 0},
        {"schedule": CRONTAB, "max_runtime": 40_321},
        {"schedule": CRONTAB, "failure_issue_threshold": 0},
        {"schedule": CRONTAB, "recovery_threshold": "3"},
        {"schedule": CRONTAB, "checkin_margin": -1},
    ],
)
def test_a_wrong_config_is_ignored_and_told_of(config: Any) -> None:
    check_in, terms = decode(monitor_config=config)
    assert (check_in.job_key, terms.wish, terms.rejected) == ("job", None, None)
    assert terms.fault is not None
    assert (terms.fault.reason, terms.fault.message.startswith("monitor_config")) == (Reason.INVALID_CONFIG, True)


def test_an_empty_config_is_none() -> None:
    assert decode(monitor_config={}).terms == decode().terms


# --- envelopes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "items"),
    [
        (b'{}\n{"type":"check_in"}\n{"a":1}', [b'{"a":1}']),
        (b'{}\n{"type":"check_in"}\n{"a":1}\n', [b'{"a":1}']),
        (b'{}\n{"type":"check_in","length":7}\n{"a":1}\n\n', [b'{"a":1}']),
        (b'{}\r\n{"type":"check_in","length":7}\r\n{"a":1}\r\n{"type":"x"}\r\ny', [b'{"a":1}', b"y"]),
        (b'{}\n{"type":"x","length":3}\na\nb\n{"type":"y"}\nc', [b"a\nb", b"c"]),
        (b'{}\n{"type":"x","length":0}\n\n{"type":"y","length":null}\nc', [b"", b"c"]),
        (b'{"event_id":"e"}', []),
    ],
)
def test_an_envelope_is_taken_apart(body: bytes, items: list[bytes]) -> None:
    assert [item.payload for item in sentry_envelope.parse(body).items] == items


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\n\n",
        b"x",
        b"[]",
        b"{}\nx\n{}",
        b"{}\n{}\n{}",
        b'{}\n{"type":"x","length":9}\nshort',
        b'{}\n{"type":"x","length":2}\nlong',
        b'{}\n{"type":"x","length":-1}\n',
        b'{}\n{"type":"x","length":"3"}\nabc',
        b'{}\n{"type":"x","length":true}\na',
        b'{}\n{"type":7}\na',
        b"\x1f\x8b\x08",
    ],
)
def test_what_is_no_envelope_is_told_so(body: bytes) -> None:
    with pytest.raises(BadEnvelopeError):
        sentry_envelope.parse(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{}\n{"type":"x","length":1048577}\n',
        b'{}\n{"type":"x"}\n' + b"x" * 1_048_577,
        b"{}\n" + b'{"type":"x"}\n\n' * 1_001,
    ],
)
def test_too_much_is_told_so(body: bytes) -> None:
    with pytest.raises(TooLargeError):
        sentry_envelope.parse(body)


@given(st.binary(max_size=200) | st.text(alphabet='{}"\n:,type length0123[]', max_size=80).map(str.encode))
def test_whatever_comes_it_is_an_envelope_or_is_not(body: bytes) -> None:
    try:
        envelope = sentry_envelope.parse(b"{}\n" + body)
    except BadEnvelopeError:
        return
    assert all(isinstance(item, Item) for item in envelope.items)


# --- compression ------------------------------------------------------------------------------------------------------


def _raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKERS = [
    ("gzip", gzip.compress),
    ("GZIP ", lambda data: gzip.compress(data[:3]) + gzip.compress(data[3:])),
    ("deflate", zlib.compress),
    ("deflate", _raw_deflate),
    ("br", partial(brotli.compress, quality=1)),
    ("identity", bytes),
    ("", bytes),
]


@pytest.mark.parametrize(("name", "pack"), PACKERS)
@pytest.mark.parametrize("data", [b"{}", b"hello" * 100, bytes(range(256)) * 4_000])
def test_every_encoding_is_taken_off(name: str, pack: Any, data: bytes) -> None:
    assert inflate(pack(data), name, len(data)) == data
    with pytest.raises(TooLargeError):
        inflate(pack(data), name, len(data) - 1)


@pytest.mark.parametrize(("name", "pack"), PACKERS[:1] + PACKERS[2:5])
def test_a_bomb_is_cut_off_and_half_a_body_refused(name: str, pack: Any) -> None:
    bomb = pack(bytes(24 << 20))
    assert len(bomb) < 100_000
    with pytest.raises(TooLargeError):
        inflate(bomb, name, 20 << 20)
    half = pack(bytes(range(256)) * 10)
    with pytest.raises(BadEncodingError):
        inflate(half[: len(half) // 2], name, 1 << 20)


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd", "gzip, br"])
def test_what_is_not_as_it_says_is_told_so(name: str) -> None:
    with pytest.raises(BadEncodingError):
        inflate(b"\xff\xfe no such thing", name, 1 << 20)


# --- rate -------------------------------------------------------------------------------------------------------------


def test_a_minutes_worth_may_come_at_once_and_is_replenished_evenly() -> None:
    rate = Rate(6)
    assert [rate.wait("a", 0) for _ in range(7)] == [0] * 6 + [10 * SECOND]
    assert rate.wait("b", 0) == 0
    assert (rate.wait("a", 9 * SECOND), rate.wait("a", 10 * SECOND), rate.wait("a", 10 * SECOND)) == (
        SECOND,
        0,
        10 * SECOND,
    )
    assert [rate.wait("a", 100 * SECOND) for _ in range(7)] == [0] * 6 + [10 * SECOND]


def test_no_rate_is_no_limit() -> None:
    assert {Rate(0).wait("a", 0) for _ in range(1_000)} == {0}

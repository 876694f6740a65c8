import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.wire_time import iso, parse_iso


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-11-22T01:02:03Z", "2026-11-22T01:02:03Z"),
        ("2026-11-22t01:02:03z", "2026-11-22T01:02:03Z"),
        ("2026-11-22 01:02:03+01:00", "2026-11-22T00:02:03Z"),
        ("2026-11-22T01:02:03.5Z", "2026-11-22T01:02:03.500Z"),
        ("2026-11-22T01:02:03.000001Z", "2026-11-22T01:02:03.000001Z"),
        ("2026-11-22T01:02:03.0000019Z", "2026-11-22T01:02:03.000001Z"),
        ("2026-11-22T01:02:03-0530", "2026-11-22T06:32:03Z"),
    ],
)
def test_a_moment_is_read_and_shown(text: str, shown: str) -> None:
    assert iso(parse_iso(text)) == shown


@given(st.integers(0, 253_370_764_799_999_999))
def test_what_is_shown_reads_back(moment: int) -> None:
    assert parse_iso(iso(moment)) == moment


@pytest.mark.parametrize(
    "text",
    ["", "now", "2026-11-22", "2026-11-22T01:02:03", "2026-02-30T00:00:00Z", "2026-11-22T25:00:00Z",
     "1969-12-31T23:59:59Z", "9999-12-31T00:00:00Z", "0001-01-01T00:00:00+14:00",
     "2026-11-22T01:02:03+99:99", "２026-11-22T01:02:03Z"],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a moment"):
        parse_iso(text)

"""Moments on the wire: ISO 8601 in UTC with `Z`; inside, microseconds since 1970."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LATEST = (datetime(9999, 1, 1, tzinfo=UTC) - _EPOCH) // _MICROSECOND
_PATTERN = re.compile(r"(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?\s?([Zz]|[+-]\d\d:?\d\d)", re.ASCII)


def iso(moment: int) -> str:
    """`2026-11-22T01:02:03Z`, with three or six digits of a second where it is not whole."""
    seconds, micros = divmod(moment, 1_000_000)
    if not micros:
        return _whole(seconds) + "Z"
    if micros % 1000:
        return f"{_whole(seconds)}.{micros:06}Z"
    return f"{_whole(seconds)}.{micros // 1000:03}Z"


@lru_cache(maxsize=8_192)
def _whole(seconds: int) -> str:
    # Under load many answers name the same second: 0.3 µs instead of 2.
    return (_EPOCH + timedelta(seconds=seconds)).replace(tzinfo=None).isoformat()


def iso_or_none(moment: int | None) -> str | None:
    return None if moment is None else iso(moment)


def parse_iso(text: str) -> int:
    """Microseconds since 1970 of an ISO 8601 moment; raises ValueError unless it is complete and has a zone.

    Digits beyond the microsecond are cut off.
    """
    match = _PATTERN.fullmatch(text)
    if not match:
        raise ValueError("must be a moment like 2026-11-22T01:02:03Z")
    clock, fraction, zone = match.groups()
    try:
        whole = datetime.fromisoformat(clock.upper() + ("+00:00" if zone in "Zz" else zone))
    except ValueError:
        raise ValueError("must be a moment that exists, like 2026-11-22T01:02:03Z") from None
    moment = (whole - _EPOCH) // _MICROSECOND + int((fraction or "").ljust(6, "0")[:6])
    if not 0 <= moment < _LATEST:
        raise ValueError("must be a moment from 1970 to 9998")
    return moment

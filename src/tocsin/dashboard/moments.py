"""Moments as people type them: `<input type=datetime-local>` tells a day and a time on some clock."""

from datetime import datetime

from tocsin.application.errors import invalid
from tocsin.dashboard.forms import Fields
from tocsin.domain import zones
from tocsin.domain.model import SECOND
from tocsin.wire_time import iso, parse_iso


def typed(form: Fields, name: str, zone: str) -> str:
    """What stands in the field, on the clocks of `zone`, as the API takes it; raises `Refused`."""
    try:
        place = zones.zone(zone)
    except ValueError:
        raise invalid("timezone must be an IANA time zone, like Europe/Vienna.") from None
    try:
        told = datetime.fromisoformat(form.text(name))
    except ValueError:
        raise invalid(f"{name} must be a day and a time.") from None
    if told.tzinfo is not None or not 1971 <= told.year <= 2999:
        raise invalid(f"{name} must be a day and a time.")
    return iso(zones.moment_of(told, place))


#: In place of a length: `until` says when.
OWN = "own"
_LONGEST = 366 * 86_400


def ahead(form: Fields, now: int, zone: str) -> str:
    """The end of what lasts for so many `seconds`, or until the moment that was typed, as the API takes it; raises
    `Refused`."""
    seconds = form.whole("seconds")
    if seconds == OWN or (seconds is None and "until" in form):
        return typed(form, "until", zone)
    if not isinstance(seconds, int) or not 0 < seconds <= _LONGEST:
        raise invalid("Choose for how long, or say until when.")
    return iso(now + seconds * SECOND)


def between(query: Fields) -> tuple[int | None, int | None, str]:
    """`from` and `to` of an address, in microseconds, and what is wrong with them; a time without a zone is UTC."""
    found: list[int | None] = []
    problem = ""
    for name in ("from", "to"):
        try:
            found.append(_moment(query.text(name)))
        except ValueError as error:
            found.append(None)
            problem = f"{name} {error}."
    since, until = found
    return since, until, problem


def _moment(text: str) -> int | None:
    if not text:
        return None
    return parse_iso(text if text.endswith("Z") or "+" in text[10:] else f"{text}{':00' * (text.count(':') == 1)}Z")

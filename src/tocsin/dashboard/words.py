"""How values are said on a page: numbers, spans of time, moments in the viewer's zone, states."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from markupsafe import Markup

from tocsin.domain import zones
from tocsin.wire_time import iso, parse_iso

_SECOND = 1_000_000
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
_FEW_DAYS = 6
#: From ten minutes to an hour, seconds are no news.
_ROUGH = range(600, 3_600)
#: state → (icon of the sprite, what it is called). States of runs, streams, jobs, incidents and deliveries alike.
STATES: dict[str, tuple[str, str]] = {
    "ok": ("s-ok", "Ok"),
    "up": ("s-ok", "Up"),
    "delivered": ("s-ok", "Delivered"),
    "late": ("s-late", "Late"),
    "retrying": ("s-late", "Retrying"),
    "missed": ("s-missed", "Missed"),
    "error": ("s-error", "Error"),
    "failed": ("s-error", "Gave up"),
    "timeout": ("s-timeout", "Timeout"),
    "unknown": ("s-unknown", "Unknown"),
    "progress": ("s-progress", "In progress"),
    "paused": ("s-paused", "Paused"),
    "open": ("s-open", "Open"),
    "down": ("s-open", "Down"),
    "recovering": ("s-recovering", "Recovering"),
    "closed": ("s-closed", "Closed"),
    "new": ("s-new", "New"),
}
#: What the API calls otherwise.
_ALSO = {"in_progress": "progress", "Open": "open", "Recovering": "recovering", "Closed": "closed"}

#: What protocols call themselves.
PROTOCOLS = {
    "native": "Native",
    "sentry": "Sentry",
    "healthchecks": "Healthchecks",
    "hexcovery": "Hexcovery",
    "pingguard": "PingGuard",
}

#: Why alerts are held, by the reason.
HELD = {
    "muted": "A mute is in force",
    "in_maintenance": "A maintenance window is open",
    "snoozed": "It is snoozed",
    "parent_open": "What it depends on has an open incident",
}


def state_of(name: str) -> str:
    """The `data-state` of a run's outcome, or of any status of the API."""
    return _ALSO.get(name, name)


def icon_of(name: str) -> str:
    return STATES[state_of(name)][0]


def state_word(name: str) -> str:
    return STATES[state_of(name)][1]


def number(value: float) -> str:
    """Grouped by thousands; at most one decimal."""
    return f"{value:,.1f}" if value != int(value) else f"{int(value):,}"


def plural(count: int, one: str, many: str = "") -> str:
    """`1 tenant`, `2 tenants`."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def span(micros: int) -> str:
    """A span of time in two units at most: `3 h 27 min`; below 10 s with a decimal, from 10 min on without seconds."""
    if micros < 10 * _SECOND:
        return f"{max(micros, 0) / _SECOND:.1f} s".replace(".0 s", " s")
    seconds = micros // _SECOND
    for position, (size, unit) in enumerate(_UNITS):
        if seconds >= size:
            whole, rest = divmod(seconds, size)
            smaller = _UNITS[position + 1 : position + 2]
            part = rest // smaller[0][0] if smaller and seconds not in _ROUGH else 0
            return f"{whole} {unit} {part:02} {smaller[0][1]}" if part else f"{whole} {unit}"
    return "0 s"


def names(first: Sequence[str], total: int) -> str:
    """`Acme, Bergmann, Cobalt and 35 more`."""
    rest = total - len(first)
    listed = ", ".join(first)
    return f"{listed} and {number(rest)} more" if rest > 0 else listed


def clipped(name: str, longest: int) -> str:
    """A name that runs on is cut, where a style cannot do it: within a sentence."""
    return name if len(name) <= longest else name[: longest - 1].rstrip() + "…"


def initials(name: str) -> str:
    words = [word for word in name.replace("@", " ").replace(".", " ").split() if word[0].isalnum()]
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper() or "?"


def pretty(value: Any) -> str:
    """JSON as people read it."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def micros_of(moment: int | str) -> int:
    return moment if isinstance(moment, int) else parse_iso(moment)


def when(moment: int | str, zone: str, now: int, form: str = "time") -> Markup:
    """A `<time>` in the viewer's zone, with UTC in its title. The script `times.js` words it the same way.

    `form`: `time` (06:05, with the weekday when it is not today, the date when it is over six days off), `seconds`
    (the same with seconds), `full` (date and time), `date`, `age` (how long ago).
    """
    micros = micros_of(moment)
    text = span(max(now - micros, 0)) if form == "age" else _worded(micros, zone, now, form)
    wire = iso(micros - micros % 1000)
    title = wire.replace("T", " ").removesuffix("Z")[:19] + " UTC"
    return Markup('<time datetime="{}" title="{}" data-form="{}">{}</time>').format(wire, title, form, text)


def clock(micros: int, zone: str, now: int) -> str:
    """A moment as it stands below a chart."""
    return _worded(micros, zone, now, "time")


def _worded(micros: int, zone: str, now: int, form: str) -> str:
    there, today = _local(micros, zone), _local(now, zone)
    day = f"{there.day} {there:%b}" + ("" if there.year == today.year else f" {there.year}")
    if form == "date":
        return day
    clock = f"{there:%H:%M:%S}" if form == "seconds" else f"{there:%H:%M}"
    days = abs((there.date() - today.date()).days)
    if form == "full" or days > _FEW_DAYS:
        return f"{day}, {clock}"
    return clock if days == 0 else f"{there:%a} {clock}"


def _local(micros: int, zone: str) -> datetime:
    return zones.wall(micros, zones.zone(zone))

"""Maintenance windows: once, or again and again by a rule, on the clock on the wall of their zone."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice, pairwise
from typing import NamedTuple

from tocsin.domain import recurrence
from tocsin.domain.model import SECOND
from tocsin.domain.recurrence import Rule
from tocsin.domain.zones import UTC, moment_of, wall, zone

#: One occurrence may last so long.
LONGEST = 366 * 86_400 * SECOND
#: So many occurrences are looked at for overlaps: more than a year of days.
_LOOKED_AT = 400


class Span(NamedTuple):
    """One occurrence of a window; `until_at` is not in it."""

    from_at: int
    until_at: int


class Window(NamedTuple):
    """A maintenance window: the first time, and the rule by which it comes again (empty: never)."""

    starts_at: int
    ends_at: int
    rrule: str = ""
    timezone: str = UTC


def fault_of(window: Window, now: int) -> str | None:
    """What is wrong with a window that is set at `now`, as a sentence; None where it can be kept."""
    if window.ends_at <= window.starts_at:
        return "endsAt must be after the start."
    if window.ends_at - window.starts_at > LONGEST:
        return "endsAt must be at most 366 days after the start: what is never over is a job to be paused."
    if window.rrule:
        try:
            recurrence.read(window.rrule)
        except ValueError as error:
            return f"rrule {error}"
    if span_at(window, now) is None:
        return "The window would never come again: set its end, or its rule, so that it lies ahead."
    return _overlap(window) if window.rrule else None


def span_at(window: Window, moment: int) -> Span | None:
    """The occurrence that is under way at `moment`, or else the next; None if none comes within eight years."""
    if not window.rrule:
        return Span(window.starts_at, window.ends_at) if moment < window.ends_at else None
    return next((span for span in _spans(window, moment) if moment < span.until_at), None)


def _spans(window: Window, moment: int) -> Iterator[Span]:
    """Occurrences from about `moment` on. 02:00 to 04:00 ends at 04:00 in every night."""
    place = zone(window.timezone)
    first = wall(window.starts_at, place)
    length = wall(window.ends_at, place) - first
    near = wall(moment, place) - length - timedelta(days=1)
    for start in recurrence.starts(_rule(window), first, near):
        span = Span(moment_of(start, place), moment_of(start + length, place))
        if span.from_at < span.until_at:  # one that lies in an hour that is skipped does not come that day
            yield span


def _overlap(window: Window) -> str | None:
    spans = islice(_spans(window, window.starts_at), _LOOKED_AT)
    if any(after.from_at <= before.until_at for before, after in pairwise(spans)):
        return "The window comes again before it is over: shorten it, or make it a single one."
    return None


def _rule(window: Window) -> Rule:
    rule = recurrence.read(window.rrule)
    if rule.until is None or not rule.until_is_utc:
        return rule
    utc = zone(UTC)
    return rule._replace(until=wall(moment_of(rule.until, utc), zone(window.timezone)))

"""How an incident went: tenants in it over time, its states, the alerts and who took it on. Positions in percent."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from tocsin.domain import zones
from tocsin.domain.model import SECOND, IncidentStatus

#: Pixels from the top: the top of the tallest step, and the ground that the steps stand on.
TOP, GROUND = 34, 110
_MINUTE, _HOUR, _DAY = 60 * SECOND, 3_600 * SECOND, 86_400 * SECOND
_TICKS = (
    *(n * SECOND for n in (5, 10, 30)),
    *(n * _MINUTE for n in (1, 2, 5, 10, 15, 30)),
    *(n * _HOUR for n in (1, 2, 3, 6, 12)),
    *(n * _DAY for n in (1, 2, 7, 14, 30, 90)),
)
_MOST_TICKS, _MOST_STEPS, _LABEL_WIDTH = 7, 60, 9.0
_LEAST_SPAN = 10 * SECOND
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 -- beside the clock on a wall, which knows no zone
#: What gives the place of a moment, in percent.
_Place = Callable[[int], float]


class Step(NamedTuple):
    """So many tenants from `x` on. `is_told`: there is room for the number above it, at its end if `is_at_end`."""

    x: float
    width: float
    y: float
    tenants: int
    is_told: bool
    is_at_end: bool


class Stretch(NamedTuple):
    """A state of the incident; `word` where there is room for it."""

    x: float
    width: float
    state: str
    word: str


class Mark(NamedTuple):
    x: float
    word: str


class Tick(NamedTuple):
    x: float
    at: int


class Chart(NamedTuple):
    """`levels`: (pixels from the top, number of tenants) of the lines behind the steps."""

    steps: list[Step]
    stretches: list[Stretch]
    alerts: list[Mark]
    people: list[Mark]
    ticks: list[Tick]
    levels: list[tuple[float, int]]


class Turn(NamedTuple):
    at: int
    status: str


def draw(
    turns: Sequence[Turn],
    joined: Sequence[tuple[int, int]],
    alerts: Iterable[tuple[int, str]],
    people: Iterable[tuple[int, str]],
    now: int,
    zone: str,
) -> Chart:
    """`turns`: its state changes, oldest first, at least one. `joined`: (moment, how many tenants came then). `alerts`,
    `people`: (moment, word). Moments are microseconds; `zone` is where the ticks fall on whole hours."""
    begun = turns[0].at
    is_over = turns[-1].status == IncidentStatus.CLOSED
    end = max(turns[-1].at if is_over else now, begun + _LEAST_SPAN)
    first, last = begun - (end - begun) // 16, end + ((end - begun) // 25 if is_over else 0)

    def x(moment: int) -> float:
        return round(100 * (min(max(moment, first), last) - first) / (last - first), 2)

    top = _rounded_up(sum(count for _, count in joined))
    return Chart(
        _steps(_thinned(joined, first, last), x, end, top),
        _stretches(turns, x, end),
        [Mark(x(at), word) for at, word in _apart(alerts, x)],
        [Mark(x(at), word) for at, word in people],
        [Tick(x(at), at) for at in _ticks(first, last, zone)],
        [(_height(level, top), level) for level in sorted({top, top // 2}) if level],
    )


def _rounded_up(most: int) -> int:
    """A number of one or two digits and zeros, not below `most`."""
    size = int("1" + "0" * (len(str(most)) - 1))
    fitting: list[int] = [step * size // 2 for step in (2, 3, 4, 6, 8, 10, 12, 16, 20)]
    return next(level for level in fitting if level >= max(most, 1))


def _height(count: int, top: int) -> float:
    return round(GROUND - (GROUND - TOP) * count / top, 1)


def _thinned(joined: Sequence[tuple[int, int]], first: int, last: int) -> list[tuple[int, int]]:
    """Those who came within the same sixtieth of the time came together."""
    kept: dict[int, tuple[int, int]] = {}
    for at, count in joined:
        slot = (at - first) * _MOST_STEPS // (last - first)
        since, before = kept.get(slot, (at, 0))
        kept[slot] = (since, before + count)
    return list(kept.values())


def _steps(joined: list[tuple[int, int]], x: _Place, end: int, top: int) -> list[Step]:
    steps, count, told_until = [], 0, -1.0
    for i, (at, more) in enumerate(joined):
        count += more
        until = joined[i + 1][0] if i + 1 < len(joined) else end
        left, width = x(at), round(x(until) - x(at), 2)
        is_at_end = i + 1 == len(joined) and width < _LABEL_WIDTH
        word_at = left + width - _LABEL_WIDTH if is_at_end else left
        is_told = word_at >= told_until and (width >= _LABEL_WIDTH or is_at_end)
        told_until = word_at + _LABEL_WIDTH if is_told else told_until
        steps.append(Step(left, width, _height(count, top), count, is_told, is_at_end))
    return steps


def _stretches(turns: Sequence[Turn], x: _Place, end: int) -> list[Stretch]:
    stretches, was_open = [], False
    for turn, following in zip(turns, [*turns[1:], Turn(end, "")], strict=True):
        if turn.status == IncidentStatus.CLOSED:
            continue
        left, width = x(turn.at), round(x(following.at) - x(turn.at), 2)
        word = "Recovering" if turn.status == IncidentStatus.RECOVERING else "Open again" if was_open else "Open"
        was_open = was_open or turn.status == IncidentStatus.OPEN
        state = "recovering" if turn.status == IncidentStatus.RECOVERING else "open"
        stretches.append(Stretch(left, width, state, word if width >= 1.4 * len(word) else ""))
    return stretches


def _apart(marks: Iterable[tuple[int, str]], x: _Place) -> list[tuple[int, str]]:
    """Bells that would lie upon each other are one."""
    kept: list[tuple[int, str]] = []
    for at, word in marks:
        if not kept or x(at) - x(kept[-1][0]) >= 3:
            kept.append((at, word))
    return kept


def _ticks(first: int, last: int, zone: str) -> list[int]:
    step = next((s for s in _TICKS if (last - first) / s <= _MOST_TICKS), _TICKS[-1])
    shift = (zones.wall(first, zones.zone(zone)) - _EPOCH) // _MICROSECOND - first
    begin = -(-(first + shift) // step) * step - shift
    return [at for at in range(begin, last, step) if (at - first) / (last - first) < 0.97]

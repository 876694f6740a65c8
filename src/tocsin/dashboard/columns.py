"""Columns over time: one a day, from zero up. Positions in percent across, in pixels down; the text is never scaled."""

from collections.abc import Sequence
from typing import NamedTuple

#: Pixels from the top: of the tallest column, and of the ground.
TOP, GROUND = 24, 132
_MOST_TICKS = 7
_GAP = 0.2


class Column(NamedTuple):
    x: float
    width: float
    y: float
    number: int
    start_at: int


class Columns(NamedTuple):
    """`levels`: (pixels from the top, number) of the lines behind; `ticks`: (percent, moment) below."""

    columns: list[Column]
    levels: list[tuple[float, int]]
    ticks: list[tuple[float, int]]
    peak: Column | None


def draw(counts: Sequence[int], starts: Sequence[int]) -> Columns:
    """`starts`: when each of the spans that were counted begins, oldest first."""
    top = _rounded_up(max(counts, default=0))
    each = 100 / max(len(counts), 1)
    columns = [
        Column(round((i + _GAP / 2) * each, 2), round(each * (1 - _GAP), 2), _height(count, top), count, start)
        for i, (count, start) in enumerate(zip(counts, starts, strict=True))
    ]
    every = -(-len(columns) // _MOST_TICKS) or 1
    ticks = [(round((i + 0.5) * each, 2), starts[i]) for i in range(len(columns) - 1, -1, -every)][::-1]
    levels = [(_height(level, top), level) for level in sorted({top, top // 2}) if level]
    peak = max(columns, key=lambda one: one.number, default=None)
    return Columns(columns, levels, ticks, peak if peak and peak.number else None)


def _height(count: int, top: int) -> float:
    return round(GROUND - (GROUND - TOP) * count / top, 1)


def _rounded_up(most: int) -> int:
    """1, 2, 4, 6, 8 or 10 times a power of ten, not below `most`: its half is a whole number too."""
    size = 10 ** (len(str(most)) - 1)
    return next(step * size for step in (1, 2, 4, 6, 8, 10) if step * size >= most) if most > 1 else 1

"""The field of tenants: one cell each, the worst first."""

from collections.abc import Mapping
from typing import NamedTuple

CELL = 16
_NARROW, _WIDE = 21, 36
_FEW, _MOST = 250, 1_000
_CALM = ("ok", "none")
WORDS = {
    "missed": "missed",
    "error": "error",
    "late": "late",
    "progress": "in progress",
    "none": "without jobs",
    "ok": "ok",
}


class Rect(NamedTuple):
    x: int
    y: int
    width: int
    state: str


class Field(NamedTuple):
    """One rectangle for each run of equal cells in a row. `folded`: cells that are not drawn because all is well."""

    width: int
    height: int
    rects: list[Rect]
    legend: list[tuple[str, int, str]]
    folded: int


def draw_field(counts: Mapping[str, int]) -> Field:
    """`counts` by state, the worst first. Beyond a thousand only those that are not well are drawn."""
    total = sum(counts.values())
    drawn = {s: n for s, n in counts.items() if total <= _MOST or s not in _CALM}
    if sum(drawn.values()) > _MOST:
        drawn = _shrunk(drawn)
    columns = _NARROW if sum(drawn.values()) <= _FEW else _WIDE
    rects, at = [], 0
    for state, number in drawn.items():
        end = at + number
        while at < end:
            row, column = divmod(at, columns)
            width = min(end - at, columns - column)
            rects.append(Rect(column * CELL, row * CELL, width * CELL, state))
            at += width
    legend = [(state, counts[state], WORDS[state]) for state in counts if counts[state]]
    height = max(-(-at // columns), 1) * CELL
    return Field(columns * CELL, height, rects, legend, total - at)


def _shrunk(counts: Mapping[str, int]) -> dict[str, int]:
    """The first thousand cells: the legend has the whole numbers."""
    left, kept = _MOST, {}
    for state, number in counts.items():
        kept[state] = min(number, left)
        left -= kept[state]
    return kept

"""Charts, drawn on the server as the paths of an SVG. Text is never scaled: see docs/dashboard.md."""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

_HEIGHT = 30.0
_HEADROOM = 3.0


class Sparkline(NamedTuple):
    """Paths for a viewBox of 100 by 30: the line, the area below it, and its last point."""

    line: str
    area: str
    end: str


def sparkline(values: Sequence[float]) -> Sparkline:
    """From zero at the bottom to the largest value at the top; what never changes runs along the middle."""
    top = max(values, default=0) or 1
    if min(values, default=0) == top:
        top *= 2
    step = 100 / max(len(values) - 1, 1)
    points = [(i * step, _HEIGHT - value / top * (_HEIGHT - _HEADROOM)) for i, value in enumerate(values)] or [(0, 30)]
    line = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    x, y = points[-1]
    return Sparkline(line, f"{line}L{x:.1f} 30L0 30Z", f"M{x:.1f} {y:.1f}h.01")


class Stretch(NamedTuple):
    """So many equal slots in a row."""

    state: str
    length: int


def runs(states: Sequence[str]) -> list[Stretch]:
    """Equal neighbours taken together: one rectangle each."""
    return [Stretch(state, len(list(group))) for state, group in groupby(states)]

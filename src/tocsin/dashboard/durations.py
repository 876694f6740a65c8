"""How long runs took: median, 95th percentile and what lies far above, drawn as the paths of an SVG."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from tocsin.dashboard import words
from tocsin.domain.model import SECOND
from tocsin.store.views_stats_strips import RunDuration

_POINTS = 30
_FEWEST = 2
_OUTLIERS = 12
_FAR = 2
_STEPS = [
    round(seconds * SECOND)
    for seconds in (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200)
]
_DAY = 86_400 * SECOND


class Tick(NamedTuple):
    y: float
    label: str


class Chart(NamedTuple):
    """Paths for a stretched viewBox of 300 by 100; ticks in pixels of 160."""

    median: int
    p95: int
    longest: int
    runs: int
    line: str
    top: str
    band: str
    outliers: str
    outlier_count: int
    ticks: list[Tick]
    times: list[int]


def draw_durations(runs: Sequence[RunDuration]) -> Chart | None:
    """`runs` oldest first; None where too few are known to draw a line."""
    known = [(run.at, run.duration) for run in runs if run.duration is not None and run.outcome != "in_progress"]
    if len(known) < _FEWEST:
        return None
    groups = _groups(known)
    lengths = sorted(duration for _, duration in known)
    middle, high, longest = _quantile(lengths, 0.5), _quantile(lengths, 0.95), lengths[-1]
    step = _step(longest)
    whole = max(-(-longest // step), 1) * step
    x = [5 + 290 * place / max(len(groups) - 1, 1) for place in range(len(groups))]
    medians = [_quantile(group, 0.5) for group in groups]
    highs = [_quantile(group, 0.95) for group in groups]
    far = [(x[place], one) for place, group in enumerate(groups) for one in group if one > _FAR * max(high, 1)]
    far = sorted(far, key=lambda point: -point[1])[:_OUTLIERS]
    line, top = _path(x, medians, whole), _path(x, highs, whole)
    return Chart(
        middle,
        high,
        longest,
        len(known),
        line,
        top,
        f"{top}L{_path(x[::-1], medians[::-1], whole)[1:]}Z",
        "".join(f"M{at:.1f} {_y(value, whole):.1f}h.01" for at, value in far),
        len(far),
        [Tick(160 - 160 * value / whole, words.span(value) if value else "0") for value in range(0, whole + 1, step)],
        [known[0][0], known[len(known) // 2][0], known[-1][0]],
    )


def _groups(known: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Neighbours in time taken together, the same number of runs each, sorted by length."""
    count = min(_POINTS, len(known))
    edges = [round(place * len(known) / count) for place in range(count + 1)]
    return [sorted(duration for _, duration in known[one:other]) for one, other in pairwise(edges)]


def _quantile(ordered: Sequence[int], share: float) -> int:
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def _step(longest: int) -> int:
    return next((step for step in _STEPS if longest <= 5 * step), -(-longest // (5 * _DAY)) * _DAY)


def _path(x: Sequence[float], values: Sequence[int], whole: int) -> str:
    return "M" + "L".join(f"{at:.1f} {_y(value, whole):.1f}" for at, value in zip(x, values, strict=True))


def _y(value: int, whole: int) -> float:
    return 100 - 100 * value / whole

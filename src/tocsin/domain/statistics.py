"""Figures made of counts: rates, times to recover, the direction of a trend."""

from collections.abc import Sequence
from statistics import fmean, median
from typing import Literal, NamedTuple

Direction = Literal["rising", "falling", "steady"]
#: So few incidents tell nothing of a direction.
_LEAST = 3
#: A line that climbs or sinks by half of the mean, from the first bucket to the last, has a direction.
_STEADY = 0.5


class Trend(NamedTuple):
    """`slope`: how many more there are in each bucket than in the one before, by a straight line."""

    direction: Direction
    slope: float


class Recovery(NamedTuple):
    """Seconds from opening to closing; None where nothing was closed."""

    mean: float | None
    median: float | None


def share(part: int, whole: int) -> float | None:
    """A rate of 0 to 1; None where there is nothing to have a share of."""
    return None if whole == 0 else part / whole


def recovery(lasted: Sequence[int]) -> Recovery:
    """Of incidents that were closed, by how long they lasted, in microseconds."""
    if not lasted:
        return Recovery(None, None)
    return Recovery(fmean(lasted) / 1_000_000, median(lasted) / 1_000_000)


def trend(counts: Sequence[int]) -> Trend:
    """The direction of counts in a row, of which the last is still going on.

    What is unfinished must not look like a fall: it counts only where it already holds more than the others did.
    """
    done = counts[:-1]
    is_telling = not done or counts[-1] > fmean(done)
    used = counts if is_telling else done
    slope = _slope(used)
    change = slope * (len(used) - 1)
    if sum(used) < _LEAST or abs(change) < _STEADY * fmean(used):
        return Trend("steady", slope)
    return Trend("rising" if slope > 0 else "falling", slope)


def _slope(counts: Sequence[int]) -> float:
    """Of the straight line with the least squares."""
    if len(counts) < 2:
        return 0.0
    middle, mean = (len(counts) - 1) / 2, fmean(counts)
    over = sum((place - middle) * (one - mean) for place, one in enumerate(counts))
    return over / sum((place - middle) ** 2 for place in range(len(counts)))

"""What the starts of a stream's runs teach about the next one. Pure; moments and lengths in microseconds."""

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache, reduce
from itertools import pairwise
from statistics import median
from typing import NamedTuple

_SECOND = 1_000_000
#: No expectation before so many gaps; the newest so many can make the older ones forgotten.
LEAST = 5
#: So many gaps are the rhythm. Twice as many are remembered, for a check-in that tells of the past.
WINDOW = 20
_REMEMBERED = 2 * WINDOW
#: So many starts of the past teach all that is remembered.
STARTS = _REMEMBERED + 1
_LEAST_GRACE = 60 * _SECOND
#: A length seen so often in so many days is normal. Lengths within a tenth of each other are the same.
_NORMAL_TIMES = 3
_NORMAL_WITHIN = 28 * 86_400 * _SECOND


class Rhythm(NamedTuple):
    """`last_at`: the last start, None where none is known since expectation began. `gaps`: between the starts before,
    newest last. `longs`: (when it ended, length) of gaps of the last 28 days that may show which lengths are normal."""

    last_at: int | None = None
    gaps: tuple[int, ...] = ()
    longs: tuple[tuple[int, int], ...] = ()


class Expectation(NamedTuple):
    """`every`: the usual distance. `grace`: how late a run may be. `first`: the earliest that the first deadline after
    a start may be, counted from it."""

    every: int
    grace: int
    first: int


@lru_cache(maxsize=20_000)
def read(text: str | None) -> Rhythm:
    """The rhythm as a stream's row keeps it."""
    if text is None:
        return Rhythm()
    last_at, gaps, longs = json.loads(text)
    return Rhythm(last_at, tuple(gaps), tuple((at, length) for at, length in longs))


def written(rhythm: Rhythm) -> str:
    return json.dumps(rhythm, separators=(",", ":"))


def started(rhythm: Rhythm, moment: int) -> Rhythm:
    """The rhythm after a start at `moment`; one before the last splits the gap it lies in, and runs that start together
    leave no gap."""
    if rhythm.last_at is None:
        return rhythm._replace(last_at=moment)
    if moment > rhythm.last_at:
        return _learned(rhythm, moment)
    starts = starts_of(rhythm)
    if moment <= starts[0] or moment in starts:
        return rhythm
    return _from_starts([*starts, moment], rhythm, moment)


def taught_by(starts: Iterable[int]) -> Rhythm:
    """What these starts teach, as if each had been heard in its time."""
    return reduce(started, sorted(starts), Rhythm())


def starts_of(rhythm: Rhythm) -> list[int]:
    """The starts that are remembered, oldest first."""
    if rhythm.last_at is None:
        return []
    starts = [rhythm.last_at]
    for gap in reversed(rhythm.gaps):
        starts.append(starts[-1] - gap)
    return starts[::-1]


def as_of(rhythm: Rhythm, moment: int) -> Rhythm:
    """The rhythm as it was right after `moment`, as far as it is remembered."""
    if rhythm.last_at is None:
        return rhythm
    starts = [start for start in starts_of(rhythm) if start <= moment]
    gaps = [(later, later - start) for start, later in pairwise(starts)]
    # A gap that later ones stood for is worth keeping again.
    longs = _worth_keeping({*gaps, *(long for long in rhythm.longs if long[0] <= moment)}, moment)
    return Rhythm(starts[-1] if starts else None, tuple(length for _, length in gaps), longs)


def _from_starts(starts: list[int], rhythm: Rhythm, moment: int) -> Rhythm:
    starts.sort()
    gaps = tuple(later - start for start, later in pairwise(starts))[-_REMEMBERED:]
    longs: list[tuple[int, int]] = []
    for ended_at, length in rhythm.longs:
        if ended_at - length < moment < ended_at:
            longs += [(moment, moment - ended_at + length), (ended_at, ended_at - moment)]
        else:
            longs.append((ended_at, length))
    return Rhythm(starts[-1], gaps, tuple(sorted(longs)))


def _learned(rhythm: Rhythm, moment: int) -> Rhythm:
    gap = moment - (rhythm.last_at or moment)
    gaps = (*rhythm.gaps, gap)[-_REMEMBERED:]
    longs = _worth_keeping([*rhythm.longs, (moment, gap)], moment)
    if _has_changed(gaps):
        # The newest gap ended now, and the others before it.
        gaps = gaps[-LEAST:]
        longs = _worth_keeping([long for long in longs if long[0] > moment - sum(gaps)], moment)
    return Rhythm(moment, gaps, longs)


def _has_changed(gaps: Sequence[int]) -> bool:
    """Whether the last five lie outside what the ones before them taught."""
    older = gaps[-WINDOW:-LEAST]
    if len(older) < LEAST:
        return False
    usual, grace = _usual(older)
    return all(abs(gap - usual) > grace for gap in gaps[-LEAST:])


def _worth_keeping(longs: Iterable[tuple[int, int]], moment: int) -> tuple[tuple[int, int], ...]:
    """Of the last 28 days, those that three later ones of their own length do not stand for as well."""
    kept: list[tuple[int, int]] = []
    for ended_at, length in sorted(longs, reverse=True):
        alike = sum(length <= other and 10 * other <= 11 * length for _, other in kept)
        if ended_at >= moment - _NORMAL_WITHIN and alike < _NORMAL_TIMES:
            kept.append((ended_at, length))
    return tuple(reversed(kept))


def _usual(gaps: Sequence[int]) -> tuple[int, int]:
    """The median, and the grace it gives."""
    usual = int(median(gaps))
    spread = int(median(abs(gap - usual) for gap in gaps))
    return usual, max(_LEAST_GRACE, 6 * spread, usual // 4)


@lru_cache(maxsize=20_000)
def expectation(rhythm: Rhythm, own_grace: int | None) -> Expectation | None:
    """What is expected after the last start; None before five gaps. A job's own grace is never shortened."""
    gaps = rhythm.gaps[-WINDOW:]
    if len(gaps) < LEAST:
        return None
    every, grace = _usual(gaps)
    if every <= 0:
        return None
    longest = max(gaps)
    latest = longest + max(_LEAST_GRACE, longest // 2)
    grace = min(grace, latest - every) if own_grace is None else own_grace
    normal = min(11 * _normal_gap(rhythm.longs) // 10, latest)
    return Expectation(every, grace, max(every + grace, normal))


def _normal_gap(longs: Sequence[tuple[int, int]]) -> int:
    """The longest length that was seen three times; 0 where there is none."""
    lengths = sorted((length for _, length in longs), reverse=True)
    for longest, third in zip(lengths, lengths[_NORMAL_TIMES - 1 :], strict=False):
        if 10 * longest <= 11 * third:
            return longest
    return 0

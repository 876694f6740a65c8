"""A long silence is judged in one step, and comes to the same as judging each of its deadlines."""

from hypothesis import example, given
from hypothesis import strategies as st

from tocsin.domain import silence
from tocsin.domain.model import SECOND, Absence, Job, Stream
from tocsin.domain.schedule import Interval
from tocsin.domain.verdict import SILENT_ROWS

HOUR = 3600 * SECOND
Summary = tuple[Stream, dict[str, int], int]


def judged(
    job: Job, stream: Stream, absences: list[Absence], until_at: int, *, one_by_one: bool
) -> tuple[Summary, int]:
    """The stream at `until_at`, its silent runs by outcome, how many misses were counted; and in how many steps."""
    runs: dict[str, int] = {}
    missed = steps = 0
    outcome = ""
    while (deadline := silence.next_deadline(job, stream) or 0) <= until_at:
        verdict = silence.judge(job, stream, absences, deadline if one_by_one else until_at, 7)
        outcome = verdict.run.outcome if verdict.run else outcome
        runs[outcome] = runs.get(outcome, 0) + (1 if verdict.run else verdict.folded)
        stream, missed, steps = verdict.stream, missed + verdict.missed, steps + 1
    return (stream, runs, missed), steps


@given(
    every=st.integers(1, 5),
    grace=st.integers(0, 3),
    gaps=st.lists(st.tuples(st.integers(1, 60), st.integers(6, 90)), max_size=3),
    began=st.none() | st.integers(0, 200),
)
@example(every=1, grace=0, gaps=[(5, 90)], began=None)
def test_together_is_the_same_as_one_by_one(
    every: int, grace: int, gaps: list[tuple[int, int]], began: int | None
) -> None:
    job = Job(1, 1, "job", True, Interval(every * SECOND), grace * SECOND)
    stream = Stream(1, 1, 1, 1, True, 0, 0, last_began_at=None if began is None else began * SECOND)
    absences, end = [], 0
    for number, (before, lasting) in enumerate(gaps):
        absences.append(Absence(number, (end + before) * SECOND, (end + before + lasting) * SECOND))
        end += before + lasting
    until_at = (end + 60) * SECOND
    slow, fast = (judged(job, stream, absences, until_at, one_by_one=alone) for alone in (True, False))
    assert slow[0] == fast[0]


def test_six_hours_away_take_a_few_steps_only() -> None:
    job = Job(1, 1, "job", True, Interval(SECOND), 0)
    away = [Absence(1, SECOND // 2, 6 * HOUR)]
    (stream, runs, missed), steps = judged(job, Stream(1, 1, 1, 1, True, 0, 0), away, 6 * HOUR - 1, one_by_one=False)
    assert (runs, missed, steps) == ({"unknown": 6 * 3600 - 1}, 0, SILENT_ROWS + 1)
    assert silence.next_deadline(job, stream) == 6 * HOUR

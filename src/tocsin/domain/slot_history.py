"""Drawing a stream with slots anew: what was heard, played again in order of time, and between it the deadlines.

Unlike on `interval`, what a run means for its slot depends on when it began and whether others go on, so beginnings and
ends are played apart. The same steps as in order (`slots`, `slot_silence`) give the same stream.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

from tocsin.domain import rhythm, silence, slot_silence, slots
from tocsin.domain.check_in import failed, succeeded
from tocsin.domain.model import Absence, Job, Outcome, Run, Stream
from tocsin.domain.schedule import Crontab, Learned

#: What happens at one moment: beginnings, then successes, then other ends.
_BEGINS, _SUCCEEDS, _ENDS = range(3)


class Drawn(NamedTuple):
    """`stream` at the end, its silent `rows`, and the runs that belong to another slot than their rows say."""

    stream: Stream
    rows: list[Run]
    moved: list[Run]


class _Event(NamedTuple):
    moment: int
    kind: int
    run: Run


@dataclass(slots=True)
class _Play:
    """A stretch while it is played."""

    job: Job
    stream: Stream
    runs: Sequence[Run]
    absences: Sequence[Absence]
    new_id: Callable[[], int]
    rows: list[Run] = field(default_factory=list)
    expected: dict[int, int | None] = field(default_factory=dict)

    def pass_time(self, until_at: int) -> None:
        """Judge the deadlines up to `until_at`."""
        while True:
            deadline = silence.next_deadline(self.job, self.stream)
            if deadline is None or deadline > until_at:
                return
            going = self.in_progress(deadline)
            verdict = silence.judge(self.job, self.stream, self.absences, until_at, self.new_id(), going)
            if verdict.run is not None:
                self.rows.append(verdict.run)
            elif verdict.folded:
                self.rows[-1] = self.rows[-1]._replace(missed_count=self.rows[-1].missed_count + verdict.folded)
            self.stream = verdict.stream

    def in_progress(self, moment: int) -> list[Run]:
        """The runs that go on at this moment, though they may have ended since."""
        going = [r for r in self.runs if r.started_at is not None and r.began_at <= moment]
        ended = [r._replace(check_at=r.at) if r.outcome != Outcome.IN_PROGRESS else r for r in going]
        return [r for r in ended if r.check_at is None or r.check_at > moment]

    def take(self, events: Sequence[_Event], limit: int) -> None:
        """Take what happened at one moment. Runs that begin together do not count each other's slots anew."""
        self.pass_time(min(limit, events[0].moment - 1))
        if events[0].kind == _BEGINS:
            expected = {e.run.id: slots.slot_at(self.job, self.stream, e.run.began_at) for e in events}
            self.expected.update(expected)
        for event in events:
            self._take(event)

    def _take(self, event: _Event) -> None:
        run = event.run
        if event.kind == _BEGINS:
            self.stream = slots.began(self.job, self.stream, run.began_at, event.moment)
        elif run.outcome == Outcome.OK:
            self.stream = succeeded(self.job, self.stream, run.at, self.stream.last_began_at, run.began_at)
        elif run.outcome == Outcome.UNKNOWN:
            self.stream = self.stream._replace(unknown_timeout=True)
        else:
            self._fail(run._replace(expected_at=self.expected.get(run.id, run.expected_at)))

    def _fail(self, run: Run) -> None:
        others = slot_silence.beginnings(self.in_progress(run.at), run, run.at)
        was_heard = run.outcome == Outcome.ERROR
        if was_heard:
            self.stream = failed(self.job, self.stream, run, others)
        else:
            self.stream = slot_silence.failed(self.job, self.stream, run, others)


def draw(
    job: Job,
    start: Stream,
    before: Run | None,
    runs: Sequence[Run],
    absences: Sequence[Absence],
    limit: int,
    new_id: Callable[[], int],
    *,
    reaches_present: bool,
) -> Drawn:
    """Play `runs` (all that overlap the stretch) from `start`, the stream right after the success `before`, and judge
    the deadlines up to `limit`."""
    play = _Play(job, start, runs, absences, new_id)
    events = [e for e in _events(runs, before) if reaches_present or e.moment <= limit]
    for _, together in groupby(events, key=lambda e: (e.moment, e.kind)):
        play.take(list(together), limit)
    play.pass_time(limit)
    expected = play.expected if slots.is_counted(job) else {}
    moved = [r._replace(expected_at=expected[r.id]) for r in runs if expected.get(r.id, r.expected_at) != r.expected_at]
    return Drawn(play.stream, play.rows, moved)


def _events(runs: Sequence[Run], before: Run | None) -> list[_Event]:
    """What happened after the success `before`, in order."""
    since, events = -1 if before is None else before.at, []
    for run in runs:
        if before is not None and run.id == before.id:
            continue
        begins_at = run.at if run.started_at is None else run.began_at
        if begins_at > since:
            events.append(_Event(begins_at, _BEGINS, run))
        is_past = run.at < since or (run.at == since and run.outcome == Outcome.OK)
        if run.outcome != Outcome.IN_PROGRESS and not is_past:
            events.append(_Event(run.at, _SUCCEEDS if run.outcome == Outcome.OK else _ENDS, run))
    return sorted(events, key=lambda e: (e.moment, e.kind, e.run.id))


def at_start(job: Job, bare: Stream, before: Run | None, heard_at: int, runs: Iterable[Run]) -> Stream:
    """The stream right after the success `before`, heard last at `heard_at`, or when expectation began.
    `runs`: that success, what ended while it was in progress, and what ended later."""
    bare = bare._replace(last_began_at=None, pending_at=None, success_began_at=None, check_at=None)
    taught = rhythm.read(bare.rhythm)
    if before is None:
        start = slots.expected_anew(job, bare, bare.expected_since_at)
        if isinstance(job.schedule, Learned):
            earlier = rhythm.as_of(taught, bare.expected_since_at - 1)._replace(last_at=None)
            start = slots.rearmed(job, start._replace(rhythm=rhythm.written(earlier)))
        return start
    begun = [before, *(r for r in runs if (r.at if r.started_at is None else r.began_at) <= before.at)]
    last_began = max(r.began_at for r in begun)
    succeeded_began = max(r.began_at for r in begun if r.outcome == Outcome.OK and r.at <= before.at)
    start = bare._replace(
        last_began_at=last_began, success_began_at=succeeded_began, last_success_at=heard_at, last_result_at=heard_at
    )
    if isinstance(job.schedule, Crontab):
        judged = slots.last_judged(job, before.at - 1)
        own = slots.slot_at(job, start, succeeded_began) or 0
        return slots.rearmed(job, start._replace(anchor_at=max(judged, own, bare.expected_since_at - 1)))
    if isinstance(job.schedule, Learned):
        known = rhythm.as_of(taught, before.at)
        if before.at < bare.expected_since_at:
            known = known._replace(last_at=None)
        anchor_at = max(known.last_at or before.began_at, bare.expected_since_at)
        counted = slots.rearmed(job, start._replace(rhythm=rhythm.written(known), anchor_at=anchor_at))
        return _judged_before(job, counted, before.at)
    return slots.rearmed(job, start._replace(anchor_at=max(heard_at, bare.expected_since_at)))


def _judged_before(job: Job, stream: Stream, moment: int) -> Stream:
    """The stream when all deadlines before `moment` have been judged."""
    slot = slots.next_slot(job, stream)
    if slot is None or slot.deadline_at >= moment:
        return stream
    times, last_at = slots.judged_together(job, stream, slot, moment - 1)
    return slots.passed_over(job, stream, last_at, slot.number + times - 1)

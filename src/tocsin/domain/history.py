"""Drawing a stream anew when a check-in tells of the past.

Between two successes the counters only grow, so what a late check-in can change ends at the next success: it is enough
to draw again the stretch from the last success before it to the first one after it, or to the present.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import NamedTuple

from tocsin.domain import silence, slot_history, slots
from tocsin.domain.check_in import DUPLICATE_WITHIN, failed, succeeded
from tocsin.domain.model import SECOND, SILENT, Absence, Job, Outcome, Run, Stream
from tocsin.domain.schedule import Learned

#: How far back a stream is drawn anew: a day more than a check-in may tell of. What was before is history, of which the
#: last success is enough to know: that is what retention leaves (`store.retention`).
REACH = 8 * 86_400 * SECOND
_PRESENT = 1 << 62


class Stretch(NamedTuple):
    """Runs of one stream, by `at`: the last success before (None: there is none), all after it up to and with the next
    success, that success itself (None: the stretch reaches the present), and how many successes in a row end in
    `before`. `overlapping`: what ended while `before` was in progress."""

    before: Run | None
    runs: tuple[Run, ...]
    next_success: Run | None
    successes_before: int
    overlapping: tuple[Run, ...] = ()


class Redrawn(NamedTuple):
    """`stream` as it is now; the silent rows to write, the ids of those to remove, and the reported runs that belong
    to another slot now."""

    stream: Stream
    written: tuple[Run, ...]
    removed: tuple[int, ...]
    moved: tuple[Run, ...]


def tells_until(job: Job, stream: Stream, run: Run) -> int:
    """Up to when what is known hangs on this run: as a rule, to its end or to the deadline of its slot."""
    if not slots.has_slots(job):
        return max(run.at, run.began_at)
    if isinstance(job.schedule, Learned):
        return _PRESENT  # on every start
    if run.outcome == Outcome.IN_PROGRESS and stream.missed_runs:
        return _PRESENT  # what failed since may have had the same slot, which counts when the last of them ends
    return max(run.at, slots.reach(job, stream, run.began_at))


def is_silent_row(run: Run) -> bool:
    """Whether nobody reported this run: a missed one, or one that is unknown because of us."""
    return run.outcome in SILENT and run.started_at is None


def redraw(
    job: Job,
    stream: Stream,
    stretch: Stretch,
    run: Run,
    absences: Sequence[Absence],
    until_at: int,
    new_id: Callable[[], int],
    in_progress: Sequence[Run] = (),
) -> Redrawn:
    """The stream and its silent rows with `run` (new or changed) among what happened, judged up to `until_at`.
    `in_progress`: the stream's runs in progress, where its schedule has slots."""
    if slots.has_slots(job):
        return _redraw_slots(job, stream, stretch, run, absences, until_at, new_id, in_progress)
    reported = [r for r in stretch.runs if not is_silent_row(r) and r.id != run.id] + [run]
    reported.sort(key=lambda r: (r.at, r.outcome != Outcome.OK, r.id))
    start = _at_stretch_start(job, stream, stretch)
    limit = _judged_until(job, stream, stretch, run, until_at)
    begun = [*reported, *filter(None, [stretch.next_success])]
    began = _beginnings(begun)
    ended = [r for r in reported if stretch.next_success is None or r.at <= stretch.next_success.at]
    drawn, rows, anchors = _draw(job, start, ended, began, limit, absences, new_id)
    moved = _moved(job, stretch, begun, anchors)
    old = [r for r in stretch.runs if is_silent_row(r) and r.at > start.anchor_at]
    written, removed, kept = _difference(old, rows)
    if stretch.next_success is not None:
        return Redrawn(stream, written, removed, moved)
    return Redrawn(_now(job, stream, drawn, began[-1][1], kept), written, removed, moved)


def _redraw_slots(
    job: Job,
    stream: Stream,
    stretch: Stretch,
    run: Run,
    absences: Sequence[Absence],
    until_at: int,
    new_id: Callable[[], int],
    in_progress: Sequence[Run],
) -> Redrawn:
    ended = [*stretch.overlapping, *stretch.runs, *filter(None, [stretch.before, stretch.next_success])]
    known = {r.id: r for r in (*in_progress, *ended) if not is_silent_row(r)} | {run.id: run}
    bare = _bare(stream, stretch)._replace(successes_in_row=stretch.successes_before)
    heard_at = 0 if stretch.before is None else _start_moment(stream, stretch, stretch.before)
    start = slot_history.at_start(job, bare, stretch.before, heard_at, known.values())
    limit = _judged_until(job, stream, stretch, run, until_at)
    drawn = slot_history.draw(
        job,
        start,
        stretch.before,
        list(known.values()),
        absences,
        limit,
        new_id,
        reaches_present=stretch.next_success is None,
    )
    moved = _of_other_slots(job, stream, run, drawn.moved)
    since = -1 if stretch.before is None else stretch.before.at
    # A deadline at the very moment of a success is judged after it.
    until = None if stretch.next_success is None else stretch.next_success.at
    old = [r for r in stretch.runs if is_silent_row(r) and r.at >= since and (until is None or r.at < until)]
    written, removed, kept = _difference(old, drawn.rows)
    if stretch.next_success is not None:
        began = [r.began_at for r in (run,) if r.outcome == Outcome.OK] + [stream.success_began_at or 0]
        return Redrawn(stream._replace(success_began_at=max(began)), written, removed, moved)
    now = _now(job, stream, drawn.stream, drawn.stream.last_began_at or run.began_at, kept)
    return Redrawn(now, written, removed, moved)


def _of_other_slots(job: Job, stream: Stream, run: Run, moved: Sequence[Run]) -> tuple[Run, ...]:
    """Runs to be rewritten for their slot. On the clock, what one run does moves no other run."""
    if slots.is_counted(job):
        return tuple(moved)
    expected_at = slots.slot_at(job, stream, run.began_at)
    return () if expected_at == run.expected_at else (run._replace(expected_at=expected_at),)


def _beginnings(runs: Sequence[Run]) -> list[tuple[int, int]]:
    """(moment, the latest beginning heard of by then). A lone result tells only when it comes that its run had begun:
    its duration does not replace the missed row of a deadline before it."""
    heard = sorted((r.at if r.started_at is None else r.began_at, r.began_at) for r in runs)
    return list(zip((at for at, _ in heard), accumulate((began for _, began in heard), max), strict=True))


def _at_stretch_start(job: Job, stream: Stream, stretch: Stretch) -> Stream:
    """The stream as it was right after the success the stretch begins with, or when expectation began."""
    bare = _bare(stream, stretch)
    if stretch.before is None:
        return bare
    moment = _start_moment(stream, stretch, stretch.before)
    return succeeded(job, bare, moment, stream.last_began_at, moment)


def _start_moment(stream: Stream, stretch: Stretch, before: Run) -> int:
    """When the success that the stretch begins with was heard last."""
    is_newest = stretch.next_success is None and all(r.outcome != Outcome.OK for r in stretch.runs)
    return _heard_at(stream, before) if is_newest else before.at


def _bare(stream: Stream, stretch: Stretch) -> Stream:
    """The stream without what its runs made of it."""
    since = stream.expected_since_at
    return stream._replace(
        anchor_at=since,
        anchor_misses=0,
        missed_runs=0,
        consecutive_failures=0,
        successes_in_row=max(stretch.successes_before - 1, 0),
        silence_streak=0,
        silence_run_id=None,
        unknown_absence_id=None,
        unknown_timeout=False,
        last_success_at=None,
        last_result_at=None,
    )


def _heard_at(stream: Stream, success: Run) -> int:
    """When the newest success was last heard: a duplicate writes no run, yet moves the moment."""
    last = stream.last_success_at
    is_repeated = last is not None and success.at <= last < success.at + DUPLICATE_WITHIN
    return last if is_repeated and last is not None else success.at


def _judged_until(job: Job, stream: Stream, stretch: Stretch, run: Run, until_at: int) -> int:
    """Deadlines up to here are settled; later ones are the tick's. `until_at` may be long past, where `run` was told of
    late and timed out: what lies before other news was settled when that was heard."""
    if stretch.next_success is not None:
        return stretch.next_success.at - 1
    known = [r.at if is_silent_row(r) else r.at - 1 for r in stretch.runs if r.id != run.id]
    return max(until_at, silence.judged_until(job, stream) or 0, *known)


def _draw(
    job: Job,
    stream: Stream,
    reported: Sequence[Run],
    began: Sequence[tuple[int, int]],
    limit: int,
    absences: Sequence[Absence],
    new_id: Callable[[], int],
) -> tuple[Stream, list[Run], list[tuple[int, int]]]:
    """Play the stretch in order of time: what was reported, and between it the deadlines that passed. The stream, its
    silent rows, and (moment, from when windows are counted then)."""
    rows: list[Run] = []
    anchors = [(stream.anchor_at, stream.anchor_at)]
    for run in [*reported, None]:
        until = limit if run is None else min(limit, run.at - 1)
        stream = _judge_up_to(job, stream, began, until, absences, new_id, rows, anchors)
        if run is not None:
            stream = _report(job, stream, run)
            anchors.append((run.at, stream.anchor_at))
    return stream, rows, anchors


def _judge_up_to(
    job: Job,
    stream: Stream,
    began: Sequence[tuple[int, int]],
    until: int,
    absences: Sequence[Absence],
    new_id: Callable[[], int],
    rows: list[Run],
    anchors: list[tuple[int, int]],
) -> Stream:
    while True:
        deadline = silence.next_deadline(job, stream)
        if deadline is None or deadline > until:
            break
        before = bisect_right(began, (deadline, deadline))
        stream = stream._replace(last_began_at=began[before - 1][1] if before else None)
        verdict = silence.judge(job, stream, absences, until, new_id())
        if verdict.run is not None:
            rows.append(verdict.run)
        elif verdict.folded:
            rows[-1] = rows[-1]._replace(missed_count=rows[-1].missed_count + verdict.folded)
        stream = verdict.stream
        anchors.append((deadline, stream.anchor_at))
    return stream


def _report(job: Job, stream: Stream, run: Run) -> Stream:
    if run.outcome == Outcome.OK:
        return succeeded(job, stream, run.at, stream.last_began_at, run.began_at)
    if run.outcome == Outcome.ERROR:
        return failed(job, stream, run)
    if run.outcome == Outcome.TIMEOUT:
        return failed(job, stream._replace(silence_streak=0), run)._replace(silence_streak=stream.silence_streak)
    if run.outcome == Outcome.UNKNOWN:
        return stream._replace(unknown_timeout=True)
    return stream


def _moved(job: Job, stretch: Stretch, begun: Sequence[Run], anchors: Sequence[tuple[int, int]]) -> tuple[Run, ...]:
    """Runs whose slot is not what their row says: each belongs to the one that was expected next when it began."""
    moved = []
    for run in begun:
        if stretch.before is not None and run.began_at <= stretch.before.at:
            continue
        # What begins at the very moment of a success began before it, whichever was heard first.
        passed = bisect_left(anchors, (run.began_at,))
        anchor = anchors[max(passed - 1, 0)][1]
        expected = silence.slot_at(job, anchor, run.began_at)
        if expected != run.expected_at:
            moved.append(run._replace(expected_at=expected))
    return tuple(moved)


def _difference(old: Sequence[Run], rows: Sequence[Run]) -> tuple[tuple[Run, ...], tuple[int, ...], dict[int, int]]:
    """Rows to write, ids to remove, and the ids under which unchanged rows stay (drawn id → id kept)."""
    standing = {(r.at, r.outcome, r.missed_count): r for r in old}
    kept: dict[int, int] = {}
    written = []
    for row in rows:
        match = standing.pop((row.at, row.outcome, row.missed_count), None)
        if match is None:
            written.append(row)
        else:
            kept[row.id] = match.id
    return tuple(written), tuple(r.id for r in standing.values()), kept


def _now(job: Job, stream: Stream, drawn: Stream, began_at: int, kept: dict[int, int]) -> Stream:
    """The present stream with what was drawn; receipts and bases stay as they were."""
    silence_run = drawn.silence_run_id
    now = drawn._replace(
        missed_base=min(stream.missed_base, drawn.missed_runs),
        failures_base=min(stream.failures_base, drawn.consecutive_failures),
        last_began_at=began_at,
        silence_run_id=kept.get(silence_run, silence_run) if silence_run is not None else None,
    )
    return now._replace(check_at=silence.next_deadline(job, now))

"""The slots of a stream, on every schedule that has some: all but `interval` and `none`.

On the clock (`crontab`), a slot is an occurrence. Counted (`calendar`, `learned`), the slots are `anchor_at` + k x the
distance, k = 1, 2, …, and every new beginning (`calendar`: every check-in) counts them anew. What is worked out here is
kept with the stream (`due_at`, `deadline_at`), so that a check-in on time and a tick work it out once.
"""

from typing import NamedTuple

from tocsin.domain import calendar_time, crontab, rhythm
from tocsin.domain.model import Job, Stream
from tocsin.domain.rhythm import Expectation
from tocsin.domain.schedule import Calendar, Crontab, Interval, Learned, Unscheduled, distance

_SLOTTED = (Crontab, Calendar, Learned)


class Slot(NamedTuple):
    """`number`: its k, where slots are counted from the anchor."""

    expected_at: int
    deadline_at: int
    number: int = 0


def has_slots(job: Job) -> bool:
    return isinstance(job.schedule, _SLOTTED)


def is_counted(job: Job) -> bool:
    """Whether the slots are counted from what was heard, rather than on the clock."""
    return isinstance(job.schedule, Calendar | Learned)


def expectation(job: Job, stream: Stream) -> Expectation | None:
    """What the runs of the stream taught; None where nothing is learned, or not enough was heard."""
    if not isinstance(job.schedule, Learned):
        return None
    return rhythm.expectation(rhythm.read(stream.rhythm), job.schedule.own_grace)


def grace_of(job: Job, stream: Stream) -> int:
    learned = expectation(job, stream)
    return job.grace if learned is None else learned.grace


def next_slot(job: Job, stream: Stream) -> Slot | None:
    """The first slot that is not judged or settled yet."""
    if isinstance(job.schedule, Crontab):
        expected_at = crontab.timetable(*job.schedule).after(stream.anchor_at)
        return Slot(expected_at, expected_at + job.grace)
    return counted(job, stream, stream.anchor_misses + 1)


def counted(job: Job, stream: Stream, number: int) -> Slot | None:
    """The slot of this number, or the first that is expected."""
    if isinstance(job.schedule, Calendar):
        count, unit, zone = job.schedule
        expected_at = calendar_time.add(stream.anchor_at, number * count, unit, zone)
        return Slot(expected_at, expected_at + job.grace, number)
    learned = expectation(job, stream)
    if learned is None:
        return None
    first = max((learned.first - learned.grace) // learned.every, 1)
    if number <= first:
        # Where longer gaps are normal the first deadline is later, and slots before it are not expected.
        expected_at = stream.anchor_at + learned.first - learned.grace
        return Slot(expected_at, expected_at + learned.grace, first)
    expected_at = stream.anchor_at + number * learned.every
    return Slot(expected_at, expected_at + learned.grace, number)


def rearmed(job: Job, stream: Stream) -> Stream:
    """The stream with its next slot; `check_at` is brought forward where the deadline came nearer."""
    slot = next_slot(job, stream)
    if slot is None:
        return stream._replace(due_at=None, deadline_at=None)
    stream = stream._replace(due_at=slot.expected_at, deadline_at=slot.deadline_at)
    return _brought_forward(stream, slot.deadline_at)


def pending(stream: Stream, moment: int) -> Stream:
    """A run failed before its slot's deadline, at which the slot counts; of several such, the first is remembered."""
    if stream.pending_at is not None and stream.pending_at <= moment:
        return stream
    return _brought_forward(stream._replace(pending_at=moment), moment)


def _brought_forward(stream: Stream, deadline_at: int) -> Stream:
    if stream.check_at is None or deadline_at < stream.check_at:
        return stream._replace(check_at=deadline_at)
    return stream


def next_deadline(stream: Stream) -> int | None:
    """The first moment at which something of the stream is judged."""
    if stream.pending_at is None or stream.deadline_at is None:
        return stream.deadline_at if stream.pending_at is None else stream.pending_at
    return min(stream.pending_at, stream.deadline_at)


def slot_at(job: Job, stream: Stream, moment: int) -> int | None:
    """The expected time of the slot that a run beginning at `moment` belongs to: the latest one at or before it, or at
    most `earlyMargin` after it. None where none is expected."""
    if isinstance(job.schedule, Crontab):
        times = crontab.timetable(*job.schedule)
        before, after = times.at_or_before(moment), times.after(moment)
        return after if after - moment <= min(job.grace, (after - before) // 10) else before
    first = counted(job, stream, 1)
    if first is None:
        return None
    return max(_reached(job, stream, first, moment), first).expected_at


def _reached(job: Job, stream: Stream, first: Slot, moment: int) -> Slot:
    """The latest counted slot that `moment` has reached, its early margin included, or some slot before the first."""
    number = max((moment - stream.anchor_at) // _least_distance(job, stream), first.number) + 1
    while number > first.number:
        slot = counted(job, stream, number) or first
        if moment >= slot.expected_at - early_margin(job, stream, slot.expected_at):
            return slot
        number -= 1
    return first


def _least_distance(job: Job, stream: Stream) -> int:
    learned = expectation(job, stream)
    if learned is not None:
        return learned.every
    schedule = job.schedule
    if not isinstance(schedule, Calendar):
        return 1
    # February is shorter than a month is long, and so is the day on which clocks are set forward.
    about = calendar_time.ABOUT[schedule.unit] * schedule.every
    return about if schedule.unit in {"minute", "hour"} else about * 9 // 10


def early_margin(job: Job, stream: Stream, expected_at: int) -> int:
    """How long before its expected time a run may begin and still belong to the slot: the smaller of grace and a tenth
    of the distance to the slot before."""
    between = distance_at(job, stream, expected_at)
    return 0 if between is None else min(grace_of(job, stream), between // 10)


def distance_at(job: Job, stream: Stream, moment: int) -> int | None:
    """The distance from the slot at `moment` to the slot before; None where none is known."""
    if isinstance(job.schedule, Interval | Unscheduled | Crontab):
        return distance(job.schedule, moment)
    if isinstance(job.schedule, Calendar):
        count, unit, zone = job.schedule
        return moment - calendar_time.add(moment, -count, unit, zone)
    learned = expectation(job, stream)
    return None if learned is None else learned.every


def window_at(job: Job, stream: Stream, moment: int) -> int | None:
    """Distance between slots + grace for a run that begins at `moment`; on `interval` the window."""
    slot = slot_at(job, stream, moment) if isinstance(job.schedule, Crontab) else None
    between = distance_at(job, stream, moment if slot is None else slot)
    return None if between is None else between + grace_of(job, stream)


def judged_together(job: Job, stream: Stream, slot: Slot, until_at: int) -> tuple[int, int]:
    """How many slots from this one on have their deadline up to `until_at`, and when the last of them is expected."""
    if until_at < slot.deadline_at:
        return 1, slot.expected_at
    until_expected = until_at - (slot.deadline_at - slot.expected_at)
    if isinstance(job.schedule, Crontab):
        times = crontab.timetable(*job.schedule)
        return 1 + times.count(slot.expected_at, until_expected), times.at_or_before(until_expected)
    last, probe = slot, slot
    step = max((until_expected - slot.expected_at) // _least_distance(job, stream), 0)
    while step:
        # Distances differ by little: leap ahead, but never beyond.
        probe = counted(job, stream, last.number + step) or last
        if probe.expected_at > until_expected:
            step //= 2
        else:
            last = probe
            step = (until_expected - last.expected_at) // _least_distance(job, stream)
    return last.number - slot.number + 1, last.expected_at


# --- what was heard ---------------------------------------------------------------------------------------------------


def began(job: Job, stream: Stream, began_at: int, heard_at: int) -> Stream:
    """A run began at `began_at`, and at `heard_at` we hear of it: counted slots are counted anew from there."""
    stream = stream._replace(last_began_at=max(stream.last_began_at or began_at, began_at))
    if isinstance(job.schedule, Calendar):
        return heard(job, stream, heard_at)
    if isinstance(job.schedule, Learned):
        after = rhythm.started(rhythm.read(stream.rhythm), began_at)
        return _from(job, stream._replace(rhythm=rhythm.written(after)), max(stream.anchor_at, began_at))
    return stream


def heard(job: Job, stream: Stream, moment: int) -> Stream:
    """A check-in came: on `calendar` the slots are counted from it."""
    if isinstance(job.schedule, Calendar) and moment >= stream.anchor_at:
        return _from(job, stream, moment)
    return stream


def _from(job: Job, stream: Stream, moment: int) -> Stream:
    """Slots are counted from `moment`; the row of silent slots ends."""
    return rearmed(
        job,
        stream._replace(anchor_at=moment, anchor_misses=0, silence_streak=0, unknown_absence_id=None),
    )


def passed_over(job: Job, stream: Stream, expected_at: int, number: int) -> Stream:
    """A slot is judged: the next one is waited for."""
    if isinstance(job.schedule, Crontab):
        return _next(job, stream._replace(anchor_at=expected_at, anchor_misses=stream.anchor_misses + 1))
    return _next(job, stream._replace(anchor_misses=number))


def as_if_on_time(job: Job, stream: Stream, expected_at: int, number: int) -> Stream:
    """A slot is unknown because of us: the rhythm goes on as if the run had come at its expected time."""
    if isinstance(job.schedule, Crontab):
        return passed_over(job, stream, expected_at, number)
    if isinstance(job.schedule, Learned):
        after = rhythm.started(rhythm.read(stream.rhythm), expected_at)
        stream = stream._replace(rhythm=rhythm.written(after))
    return _next(job, stream._replace(anchor_at=expected_at, anchor_misses=0))


def _next(job: Job, stream: Stream) -> Stream:
    moved = rearmed(job, stream)
    return moved._replace(check_at=next_deadline(moved))


def settled(job: Job, stream: Stream, began_at: int) -> Stream:
    """A run that began at `began_at` succeeded: no slot up to its own is expected any more."""
    stream = stream._replace(success_began_at=max(stream.success_began_at or began_at, began_at), pending_at=None)
    if isinstance(job.schedule, Crontab):
        slot = slot_at(job, stream, began_at)
        return rearmed(job, stream._replace(anchor_at=max(stream.anchor_at, slot or 0), anchor_misses=0))
    return stream


def expected_anew(job: Job, stream: Stream, since_at: int) -> Stream:
    """Expectation begins at `since_at`: no slot before it is expected, and the gap up to the next start is no gap."""
    if not has_slots(job):
        return stream
    anchor_at = since_at - 1 if isinstance(job.schedule, Crontab) else since_at
    taught = stream.rhythm and rhythm.written(rhythm.read(stream.rhythm)._replace(last_at=None))
    fresh = stream._replace(anchor_at=anchor_at, anchor_misses=0, pending_at=None, rhythm=taught, success_began_at=None)
    return _next(job, fresh)


# --- which slots a failure counts for ---------------------------------------------------------------------------------


def is_late(job: Job, stream: Stream, expected_at: int | None, began_at: int) -> bool:
    """Whether a run began after the deadline of its own slot."""
    return expected_at is not None and began_at > expected_at + grace_of(job, stream)


def waited_for(job: Job, stream: Stream, began_at: int, failed_at: int, others: tuple[int, ...]) -> int:
    """On `crontab`: how many slots have passed their deadline only because the run that began at `began_at` was in
    progress, which is over now. `others`: the beginnings of runs still in progress."""
    if not isinstance(job.schedule, Crontab):
        return 0
    times = crontab.timetable(*job.schedule)
    own = slot_at(job, stream, began_at) or began_at
    healed = stream.success_began_at
    since = max(began_at - job.grace, stream.expected_since_at, -1 if healed is None else _after(job, stream, healed))
    slots = times.between(since, min(own, stream.anchor_at, failed_at - job.grace - 1))
    return sum(1 for slot in slots if not any(_covers(job, times, slot, other) for other in others))


def last_judged(job: Job, moment: int) -> int:
    """On `crontab`, the last slot whose deadline is at or before `moment`."""
    return crontab.timetable(*job.schedule).at_or_before(moment - job.grace) if isinstance(job.schedule, Crontab) else 0


def reach(job: Job, stream: Stream, began_at: int) -> int:
    """Up to when a run that began then can tell about its slot."""
    expected_at = slot_at(job, stream, began_at)
    return began_at if expected_at is None else expected_at + grace_of(job, stream)


def count_between(job: Job, after: int, until: int) -> int:
    """On `crontab`, how many slots are later than one, and not later than another."""
    return crontab.timetable(*job.schedule).count(after, until) if isinstance(job.schedule, Crontab) else 0


def _after(job: Job, stream: Stream, began_at: int) -> int:
    return (slot_at(job, stream, began_at) or began_at) + 1


def _covers(job: Job, times: crontab.Timetable, slot: int, began_at: int) -> bool:
    margin = min(job.grace, (slot - times.before(slot)) // 10)
    return slot - margin <= began_at <= slot + job.grace

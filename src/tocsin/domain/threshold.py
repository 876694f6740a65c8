"""When a stream is affected, and when that opens an incident."""

from tocsin.domain import slots
from tocsin.domain.model import Job, JobEnvironment, Stream
from tocsin.domain.reason import Reason
from tocsin.domain.schedule import Unscheduled


def failure_threshold(job: Job) -> int | None:
    """Consecutive failing runs that open an incident by themselves; 1 where nothing else could."""
    if job.failure_threshold is None and isinstance(job.schedule, Unscheduled):
        return 1
    return job.failure_threshold


def missed(stream: Stream) -> int:
    """Missed runs as thresholds count them: from zero since the last manual resolve."""
    return max(stream.missed_runs - stream.missed_base, 0)


def is_failing(job: Job, stream: Stream) -> bool:
    limit = failure_threshold(job)
    return limit is not None and stream.consecutive_failures - stream.failures_base >= limit


def counts_for_impact(job: Job, stream: Stream) -> bool:
    """Whether the tenant counts towards `tenantImpactThreshold`."""
    least = 1 if job.threshold_mode == "any" else job.miss_threshold
    return stream.is_watched and stream.missed_runs - stream.missed_base >= least


def is_bad(job: Job, stream: Stream) -> bool:
    """Whether the stream's own state makes it affected."""
    return job.is_active and stream.is_watched and (counts_for_impact(job, stream) or is_failing(job, stream))


def why_open(job: Job, stream: Stream, late_count: int) -> Reason | None:
    """Why a stream that has just got worse opens an incident, or None; `late_count` counts it already."""
    if not is_bad(job, stream):
        return None
    if is_failing(job, stream):
        return Reason.FAILURE_THRESHOLD_MET
    if job.threshold_mode == "any" and missed(stream) >= job.miss_threshold:
        return Reason.MISS_THRESHOLD_MET
    return Reason.IMPACT_THRESHOLD_MET if late_count >= job.impact_threshold else None


def assess(job: Job, before: Stream, after: Stream) -> Stream:
    """`after` with its affectedness: getting worse makes a bad stream so; `recoveryThreshold` successes in a row make
    it well. What was bad when a pause ended, or is unknown because of us, is no news."""
    if before.is_affected:
        is_affected = is_bad(job, after) or after.successes_in_row < job.recovery_threshold
    else:
        is_worse = after.missed_runs > before.missed_runs or after.consecutive_failures > before.consecutive_failures
        is_affected = is_worse and is_bad(job, after)
    return after if after.is_affected == is_affected else after._replace(is_affected=is_affected)


def current(stream: Stream, environment: JobEnvironment) -> Stream:
    """The stream as its environment's epoch has it: thresholds that began from zero meanwhile count from here."""
    if stream.epoch == environment.epoch:
        return stream
    return stream._replace(
        epoch=environment.epoch,
        missed_base=stream.missed_runs,
        failures_base=stream.consecutive_failures,
        is_affected=False,
    )


def least_cooldown(job: Job, stream: Stream, moment: int) -> int:
    """A job's cooldown is at least this long, or death right after closing could never reopen."""
    return (job.miss_threshold + 1) * (slots.window_at(job, stream, moment) or 0)

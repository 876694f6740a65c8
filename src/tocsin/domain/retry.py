"""When a delivery that did not get through is tried again. Durations and instants in microseconds."""

from tocsin.domain.model import SECOND

FIRST_PAUSE = 2 * SECOND
LONGEST_PAUSE = 30 * 60 * SECOND
#: A receiver may ask for patience, not for silence.
LONGEST_RETRY_AFTER = 6 * 3600 * SECOND
GIVE_UP_AFTER = 72 * 3600 * SECOND


def next_attempt_at(
    *, queued_at: int, now: int, attempts: int, jitter: float, retry_after: int | None = None
) -> int | None:
    """The moment of the next attempt, or None once 72 h have passed since `queued_at`.

    `attempts` made so far (at least 1); `jitter` is 0 to 1 and spreads the pause over its upper half, so that a
    receiver which comes back is not met by everybody at once. The last attempt falls on the 72nd hour itself.
    """
    last_at = queued_at + GIVE_UP_AFTER
    if now >= last_at:
        return None
    pause = min(FIRST_PAUSE << min(attempts - 1, 20), LONGEST_PAUSE)
    pause -= int(pause / 2 * (1 - jitter))
    return min(now + max(pause, min(retry_after or 0, LONGEST_RETRY_AFTER)), last_at)

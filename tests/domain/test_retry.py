from tocsin.domain.model import SECOND
from tocsin.domain.retry import GIVE_UP_AFTER, LONGEST_PAUSE, LONGEST_RETRY_AFTER, next_attempt_at

HOUR = 3600 * SECOND


def _pause(attempts: int, jitter: float = 1.0, retry_after: int | None = None) -> int:
    moment = next_attempt_at(queued_at=0, now=0, attempts=attempts, jitter=jitter, retry_after=retry_after)
    assert moment is not None
    return moment


def test_pauses_double_up_to_half_an_hour() -> None:
    assert [_pause(n) // SECOND for n in (1, 2, 3, 10, 11, 500)] == [2, 4, 8, 1024, 1800, 1800]


def test_jitter_spreads_the_upper_half() -> None:
    assert [_pause(3, jitter) / SECOND for jitter in (0.0, 0.5, 1.0)] == [4, 6, 8]


def test_retry_after_is_obeyed_where_it_is_longer_than_the_pause() -> None:
    assert _pause(1, retry_after=40 * SECOND) == 40 * SECOND
    assert _pause(8, retry_after=1 * SECOND) == 256 * SECOND


def test_retry_after_cannot_silence_us_for_days() -> None:
    assert _pause(1, retry_after=1000 * HOUR) == LONGEST_RETRY_AFTER


def test_the_last_attempt_falls_on_the_72nd_hour_and_then_it_is_given_up() -> None:
    before = GIVE_UP_AFTER - SECOND
    assert next_attempt_at(queued_at=0, now=before, attempts=99, jitter=1, retry_after=None) == GIVE_UP_AFTER
    assert next_attempt_at(queued_at=0, now=GIVE_UP_AFTER, attempts=100, jitter=1, retry_after=None) is None


def test_three_days_take_a_bounded_number_of_attempts() -> None:
    now: int | None = 0
    attempts = 0
    while now is not None:
        attempts += 1
        now = next_attempt_at(queued_at=0, now=now, attempts=attempts, jitter=0.5)
    assert attempts <= 2 * GIVE_UP_AFTER // LONGEST_PAUSE

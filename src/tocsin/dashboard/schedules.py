"""When a job runs, as it is said on a page."""

from functools import lru_cache

from tocsin.api.routes.schedules import describe
from tocsin.dashboard import words
from tocsin.domain.schedule import Interval, Learned, Schedule


#: Typed: two kinds of schedule with the same numbers in them are equal tuples.
@lru_cache(maxsize=20_000, typed=True)
def in_words(schedule: Schedule) -> str:
    """`Every 1 h`, `At 03:00 (Europe/Vienna)`, `Learned from its runs`."""
    if isinstance(schedule, Interval):
        return f"Every {words.span(schedule.every)}"
    if isinstance(schedule, Learned):
        return "Learned from its runs"
    return describe(schedule)

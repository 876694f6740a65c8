"""What a plain count over all rows gives: the measure of every tally."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from tests.support.house import House
from tocsin.store import schema
from tocsin.store.views_counts import Outcomes

HOUR = 3_600_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Naive:
    """The rows of a house, counted one by one. `windows`: microseconds between the misses of each job, by its id."""

    def __init__(self, house: House, zone: str, windows: dict[int, int]) -> None:
        self._zone = ZoneInfo(zone)
        self._windows = windows
        with house.store.read() as connection:
            streams = schema.streams
            query = select(schema.runs, streams.c.tenant_id).join(streams, streams.c.id == schema.runs.c.stream_id)
            self._runs = list(connection.execute(query))
        self._events = house.rows(schema.events)
        self.incidents = house.rows(schema.incidents)

    def day(self, moment: int) -> int:
        local = (_EPOCH + timedelta(microseconds=moment)).astimezone(self._zone)
        return local.date().toordinal() - _EPOCH.date().toordinal()

    def by_day(self, **owner: int) -> dict[int, Outcomes]:
        """Runs of a job (`job_id`) or a tenant (`tenant_id`)."""
        found: dict[int, Counter[str]] = {}
        for outcome, at in self._moments(**owner):
            found.setdefault(self.day(at), Counter())[outcome] += 1
        return {day: Outcomes(**counts) for day, counts in found.items()}

    def quantile(self, share: float, job_id: int) -> int | None:
        lasted = sorted(
            run.duration
            for run in self._runs
            if run.job_id == job_id and run.outcome == "ok" and run.duration is not None
        )
        return lasted[max(ceil(share * len(lasted)), 1) - 1] if lasted else None

    def failures(self, bucket: str) -> dict[tuple[int, str], dict[int, int]]:
        """By job or pattern, and by number of the hour or day."""
        found: dict[tuple[int, str], Counter[int]] = {}
        moments = [
            ((run_job, ""), at)
            for run_job in self._windows
            for outcome, at in self._moments(job_id=run_job)
            if outcome in {"error", "timeout", "missed"}
        ]
        moments += [((0, event.pattern_id or ""), event.occurred_at) for event in self._events]
        for key, at in moments:
            found.setdefault(key, Counter())[self.day(at) if bucket == "day" else at // HOUR] += 1
        return {key: dict(counts) for key, counts in found.items()}

    def _moments(self, **owner: Any) -> list[tuple[str, int]]:
        """(outcome, moment); a row that counts several misses tells of each when it fell due."""
        found = []
        for run in self._runs:
            if run.outcome == "in_progress" or any(getattr(run, name) != value for name, value in owner.items()):
                continue
            times = run.missed_count if run.outcome == "missed" else 1
            found += [(run.outcome, run.at + n * self._windows[run.job_id]) for n in range(times)]
        return found

"""Lets streams fall silent all at once, and looks whether everyone silent is in the incident of their job."""

import time
from typing import NamedTuple

from sqlalchemy import text

from bench.seed import WINDOW, Seeded, tidy
from tocsin.clock import SystemClock
from tocsin.domain.model import SECOND
from tocsin.store.engine import Store

_POLL_SECONDS = 0.05
_LONGEST_SECONDS = 180

_CALM = (
    "DELETE FROM deliveries",
    "DELETE FROM alerts",
    "DELETE FROM transitions",
    "DELETE FROM incident_tenants",
    "DELETE FROM incidents",
    "DELETE FROM runs",
    "DELETE FROM nodes",  # or our own time between two servers would be an absence, in which nobody is silent
    "DELETE FROM absences",
    "UPDATE job_environments SET late_count = 0, affected_count = 0 WHERE late_count <> 0 OR affected_count <> 0",
    """UPDATE streams SET missed_runs = 0, consecutive_failures = 0, silence_streak = 0, silence_run_id = NULL,
        anchor_misses = 0, is_affected = false, check_at = :later WHERE missed_runs > 0""",
)

#: Deadlines strewn over the time that begins at :due; everything else as a healthy stream would have it.
_FALL_SILENT = """
UPDATE streams SET anchor_at = {deadline} - :window, last_began_at = {deadline} - :window,
    last_success_at = {deadline} - :window, last_result_at = {deadline} - :window,
    last_check_in_at = {deadline} - :window, check_at = {deadline}
WHERE (id - :base) / :tenants % :jobs_every = 0 AND (id - :base) % :tenants % :tenants_every = 0
"""
_DEADLINE = "(:due + (id - :base) * 7919 % :spread)"

_FAULTS = {
    "incidents that are not Open": "SELECT count(*) FROM incidents WHERE status <> 'Open'",
    "incidents too many or too few": "SELECT count(*) - :jobs FROM incidents",
    "incidents with a wrong tenantCount": "SELECT count(*) FROM incidents WHERE tenant_count <> :tenants_each",
    "incidents with wrong missedRuns": "SELECT count(*) FROM incidents WHERE missed_runs <> :tenants_each",
    "incidents without all their tenants": """SELECT count(*) FROM incidents AS i WHERE :tenants_each <>
        (SELECT count(*) FROM incident_tenants AS t WHERE t.incident_id = i.id AND t.missed_runs = 1)""",
    "tenants in the incident of a job they were not late for": """SELECT count(*) FROM incident_tenants AS t
        JOIN incidents AS i ON i.id = t.incident_id LEFT JOIN streams AS s
        ON s.job_environment_id = i.job_environment_id AND s.tenant_id = t.tenant_id AND s.missed_runs = 1
        WHERE s.id IS NULL""",
    "missed rows too many or too few": "SELECT count(*) - :due FROM runs WHERE outcome = 'missed'",
    "runs judged otherwise": "SELECT count(*) FROM runs WHERE outcome NOT IN ('missed', 'ok')",
    "environments with wrong counters": """SELECT count(*) FROM job_environments
        WHERE affected_count <> late_count OR affected_count NOT IN (0, :tenants_each)""",
}


class Silence(NamedTuple):
    """Which streams fall silent: of every `jobs_every`th job every `tenants_every`th tenant."""

    jobs_every: int
    tenants_every: int

    def jobs(self, seeded: Seeded) -> int:
        return seeded.plan.jobs // self.jobs_every

    def tenants_each(self, seeded: Seeded) -> int:
        return seeded.plan.tenants // self.tenants_every

    def due(self, seeded: Seeded) -> int:
        return self.jobs(seeded) * self.tenants_each(seeded)


class Judged(NamedTuple):
    """Moments, in microseconds since 1970: nothing was due any more; every alert was worded."""

    judged_at: int
    worded_at: int


def calm(store: Store) -> None:
    """Nothing ever happened, and everybody is well. No server may be running."""
    with store.write() as connection:
        for statement in _CALM:
            values = {"later": SystemClock().now() + WINDOW} if ":later" in statement else {}
            connection.execute(text(statement), values)
    tidy(store)


def prepare(store: Store, seeded: Seeded, silence: Silence, seconds: float, spread: int = SECOND) -> int:
    """Makes everything calm again, and the chosen streams due within `spread` microseconds, in no particular order.

    They begin at least `seconds` after this returns; that moment is returned. No server may be running.
    """
    clock = SystemClock()
    calm(store)
    due = clock.now() + round((seconds + seeded.plan.streams / 100_000) * SECOND)
    with store.write() as connection:
        connection.execute(
            text(_FALL_SILENT.format(deadline=_DEADLINE)),
            {
                "window": WINDOW,
                "base": seeded.streams,
                "tenants": seeded.plan.tenants,
                "due": due,
                "spread": spread,
                **silence._asdict(),
            },
        )
    tidy(store)
    return due


def await_judged(store: Store, due_at: int) -> Judged:
    """Waits until nothing is due any more and every alert is worded."""
    until_at = due_at + SECOND
    still_due = text("SELECT id FROM streams WHERE check_at <= :until_at ORDER BY check_at LIMIT 1")
    judged_at = _await(store, still_due, {"until_at": until_at})
    return Judged(judged_at, _await(store, text("SELECT id FROM alerts WHERE worded_at IS NULL LIMIT 1"), {}))


def faults(store: Store, seeded: Seeded, silence: Silence) -> list[str]:
    """What is not as it must be, now that all is judged."""
    values = {
        "jobs": silence.jobs(seeded),
        "tenants_each": silence.tenants_each(seeded),
        "due": silence.due(seeded),
    }
    found = []
    with store.read() as connection:
        for what, query in _FAULTS.items():
            used = {name: value for name, value in values.items() if f":{name}" in query}
            number = connection.execute(text(query), used).scalar_one()
            if number:
                found.append(f"{number} {what}")
    return found


def _await(store: Store, query: object, values: dict[str, int]) -> int:
    clock, until = SystemClock(), time.monotonic() + _LONGEST_SECONDS
    while True:
        with store.read() as connection:
            waiting = connection.execute(query, values).first()  # type: ignore[call-overload]
        if waiting is None:
            return clock.now()
        if time.monotonic() > until:
            raise SystemExit(f"Not everything was judged after {_LONGEST_SECONDS} s.")
        time.sleep(_POLL_SECONDS)

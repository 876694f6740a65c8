"""A workspace whose check-ins, ticks and changes go through the real application, at moments the test chooses."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Table, select

from tocsin.application import accounts, manage_channels, manage_jobs, manage_patterns, manage_tenants
from tocsin.application.advance_time import Tick
from tocsin.application.pace import steady
from tocsin.application.record_check_ins import Outcome, Receipt, Submission, record
from tocsin.application.record_events import EventOutcome, EventReceipt, EventSubmission, Recorded, record_events
from tocsin.application.resolving import resolve
from tocsin.domain.event import Event
from tocsin.domain.ids import IdMaker
from tocsin.domain.model import DEFAULT_ENVIRONMENT, SECOND, Absence, CheckIn, CheckInKind
from tocsin.secret_box import SecretBox
from tocsin.store import nodes, schema
from tocsin.store.due import next_moment
from tocsin.store.engine import Store
from tocsin.store.engines import hot_of

#: 2026-01-05T12:00:00Z. Moments of a house are seconds after it; only `at` and `micros` know what they are inside.
NOON = 1_767_614_400 * SECOND
JOB = "the-job"
_DEFAULTS: dict[str, Any] = {
    "job_key": JOB,
    "name": "The job",
    "schedule_type": "interval",
    "schedule_interval": 3600 * SECOND,
    "grace": 300 * SECOND,
    "threshold_mode": "any",
    "miss_threshold": 1,
    "impact_threshold": 1,
    "failure_threshold": None,
    "recovery_threshold": 1,
    "max_runtime": None,
    "tenant_scope": "seen",
}


def micros(seconds: float) -> int:
    return NOON + round(seconds * SECOND)


def at(moment: int | None) -> float | None:
    return None if moment is None else (moment - NOON) / SECOND


class House:
    """One workspace with a channel that nobody reads, in which every tenant is made on sight. `now` is in seconds."""

    def __init__(self, store: Store, ids: IdMaker | None = None) -> None:
        self.store = store
        self.ids = ids or IdMaker()
        self.hot = hot_of(store)
        self.now: float = 0
        self.tick = Tick([store.write], self.hot, self.ids, steady(200), "https://tocsin.example")
        with store.write() as connection:
            made = accounts.create_workspace(connection, self.ids, NOON, "House")
            self.workspace_id, self.api_key = made.id, made.api_key
            accounts.change_workspace(connection, made.id, {"auto_create_tenants": "all"})
            manage_channels.put_channel(
                connection,
                self.ids,
                NOON,
                SecretBox([b"\0" * 32]),
                made.id,
                "webhook",
                "default",
                lambda _: {"url": "https://nobody.example", "secret": "whsec_bm9ib2R5IHJlYWRz"},
                True,
            )

    def make_job(self, **columns: Any) -> None:
        """`columns` of `jobs`; times in microseconds."""
        with self.store.write() as connection:
            manage_jobs.create_job(connection, self.ids, micros(self.now), self.workspace_id, {**_DEFAULTS, **columns})

    def change_job(self, **columns: Any) -> None:
        with self.store.write() as connection:
            manage_jobs.change_job(connection, self.ids, micros(self.now), self.workspace_id, JOB, columns)

    def delete_job(self) -> None:
        with self.store.write() as connection:
            manage_jobs.delete_job(connection, self.ids, micros(self.now), self.workspace_id, JOB)

    def add_tenant(self, name: str) -> None:
        with self.store.write() as connection:
            manage_tenants.create_tenant(connection, self.ids, micros(self.now), self.workspace_id, name, "")

    def deactivate(self, name: str) -> None:
        with self.store.write() as connection:
            manage_tenants.deactivate_tenant(connection, self.ids, micros(self.now), self.workspace_id, name)

    def activate(self, name: str) -> None:
        with self.store.write() as connection:
            manage_tenants.activate_tenant(connection, self.ids, micros(self.now), self.workspace_id, name)

    def resolve(self, incident_id: int) -> None:
        with self.store.write() as connection:
            resolve(connection, self.ids, micros(self.now), self.workspace_id, incident_id)

    def submission(self, kind: str, tenant: str = "acme", **fields: Any) -> Submission:
        """A check-in received now; `occurred` and `duration` in seconds, `key_id` and `idempotency` of the sender."""
        occurred, duration = fields.get("occurred"), fields.get("duration")
        check_in = CheckIn(
            self.workspace_id,
            fields.get("job", JOB),
            tenant,
            fields.get("environment", DEFAULT_ENVIRONMENT),
            CheckInKind(kind),
            micros(fields.get("received", self.now)),
            fields.get("run"),
            None if occurred is None else micros(occurred),
            None if duration is None else round(duration * SECOND),
            message=fields.get("message"),
        )
        return Submission(check_in, fields.get("key_id"), fields.get("idempotency"))

    def record(self, batch: Sequence[Submission], **arguments: Any) -> list[Outcome]:
        with self.store.write() as connection:
            absences = nodes.all_absences(connection)
            return record(connection, self.hot, self.ids, batch, micros(self.now), absences, **arguments)

    def check_in(self, kind: str, tenant: str = "acme", **fields: Any) -> Receipt:
        """One check-in, received now."""
        outcome = self.record([self.submission(kind, tenant, **fields)])[0]
        assert isinstance(outcome, Receipt), outcome
        return outcome

    def event(self, event_type: str = "auth_failed", tenant: str = "acme", **fields: Any) -> Event:
        """An event received now; `received` and `occurred` in seconds, `payload` as an object."""
        occurred, payload = fields.get("occurred"), fields.get("payload")
        return Event(
            self.workspace_id,
            fields.get("integration", "payments"),
            event_type,
            tenant,
            micros(fields.get("received", self.now)),
            fields.get("code"),
            None if occurred is None else micros(occurred),
            None if payload is None else json.dumps(payload),
        )

    def record_events(
        self, batch: Sequence[EventSubmission], live_keys: set[int] | None = None, **more: Any
    ) -> list[EventOutcome]:
        with self.store.write() as connection:
            absences = nodes.all_absences(connection)
            return record_events(connection, self.ids, batch, live_keys or set(), micros(self.now), absences, **more)

    def report(self, event_type: str = "auth_failed", tenant: str = "acme", **fields: Any) -> EventReceipt:
        """One event, received now."""
        outcome = self.record_events([EventSubmission((self.event(event_type, tenant, **fields),))])[0]
        assert isinstance(outcome, Recorded), outcome
        return outcome.receipts[0]

    def set_pattern(
        self, pattern_id: str = "auth_failure", count: int | None = None, seconds: int | None = None
    ) -> None:
        """A threshold for a pattern."""
        window = None if seconds is None else seconds * SECOND
        changes = {"threshold_count": count, "threshold_window": window}
        with self.store.write() as connection:
            manage_patterns.change_pattern(connection, micros(self.now), self.workspace_id, pattern_id, changes)

    def pass_time(self, until: float) -> None:
        """Everything up to `until` falls due, each thing judged at its moment."""
        while True:
            with self.store.read() as connection:
                due = next_moment(connection)
            if due is None or due > micros(until):
                break
            moment = max(due, min(micros(self.now), micros(until)))
            self.tick.advance(moment, moment)
        self.now = max(self.now, until)

    def be_away(self, until: float) -> None:
        with self.store.write() as connection:
            nodes.add_absence(connection, Absence(0, micros(self.now), micros(until)))
        self.now = until

    def rows(self, table: Table, *where: Any) -> list[Row[Any]]:
        """All rows of the workspace, by id where the table has one."""
        order = [table.c.id] if "id" in table.c else []
        with self.store.read() as connection:
            query = select(table).where(table.c.workspace_id == self.workspace_id, *where).order_by(*order)
            return list(connection.execute(query).all())

    def stream(self, tenant: str = "acme") -> Row[Any]:
        owner = next(row.id for row in self.rows(schema.tenants, schema.tenants.c.external_id == tenant))
        return self.rows(schema.streams, schema.streams.c.tenant_id == owner)[0]

    def runs(self) -> list[tuple[str, float | None]]:
        """(outcome, moment) of every run, in order."""
        rows = sorted(self.rows(schema.runs), key=lambda run: (run.at, run.id))
        return [(run.outcome, at(run.at)) for run in rows]

    def told(self) -> list[tuple[str, float | None]]:
        """(kind, moment) of every alert, in order."""
        return [(row.kind, at(row.moment_at)) for row in self.rows(schema.alerts)]

    def timeline(self) -> list[tuple[str | None, str, float | None]]:
        """(from, to, moment) of every transition, in order."""
        return [(row.from_status, row.to_status, at(row.occurred_at)) for row in self.rows(schema.transitions)]


def empty(store: Store) -> None:
    """Take everything out of the database, so that it can serve the next example."""
    with store.write() as connection:
        for table in reversed(schema.metadata.sorted_tables):
            connection.execute(table.delete())

"""A past for an installation: what happened is told to the real application, each thing at its own moment.

Pages are about what has been: ninety days of a customer, an incident that reopened four times. All rows are the
application's own, but for the outcome of deliveries long done.
"""

from collections import Counter
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import insert, select, update

from tocsin.application import accounts, installation, manage_channels, manage_jobs, manage_tenants
from tocsin.application.advance_time import Tick
from tocsin.application.pace import steady
from tocsin.application.record_check_ins import Receipt, Submission, record
from tocsin.application.record_events import EventSubmission, Recorded, record_events
from tocsin.delivery.channels import HABITS
from tocsin.domain.event import Event
from tocsin.domain.ids import IdMaker
from tocsin.domain.model import DEFAULT_ENVIRONMENT, DEFAULT_TENANT, SECOND, CheckIn, CheckInKind
from tocsin.domain.routing import Terms
from tocsin.secret_box import SecretBox
from tocsin.settings import Settings
from tocsin.store import intakes, schema
from tocsin.store.accounts import first_workspace
from tocsin.store.due import next_moment
from tocsin.store.engine import Store
from tocsin.store.engines import hot_of
from tocsin.store.migrations import migrate

MINUTE, HOUR, DAY = 60 * SECOND, 3_600 * SECOND, 86_400 * SECOND
_JOB: dict[str, Any] = {
    "schedule_type": "interval",
    "grace": 300 * SECOND,
    "threshold_mode": "any",
    "miss_threshold": 3,
    "impact_threshold": 3,
    "failure_threshold": None,
    "recovery_threshold": 1,
    "max_runtime": None,
    "tenant_scope": "seen",
}
_ALWAYS = Terms()
#: Who received all that.
_NODE = 1
#: What is judged together: fine where a reader will look at minutes, coarse long ago.
_FINE, _COARSE, _LATELY = MINUTE, HOUR, 4 * HOUR


class Said(NamedTuple):
    """How a receiver answers, in words and in its status; `reason` names a refusal or a failure that is final."""

    detail: str
    status: int
    reason: str = ""


class Chronicle:
    """An installation on SQLite in `folder`, begun at `begins_at`, with one workspace. Moments are microseconds."""

    def __init__(self, folder: Path, begins_at: int, workspace: str) -> None:
        settings = Settings(data_dir=folder)
        self.store = Store(settings.resolved_database_url)
        self._secrets = SecretBox.open(settings.resolved_key_file)
        self._ids = IdMaker()
        self._hot = hot_of(self.store)
        self._tick = Tick([self.store.write], self._hot, self._ids, steady(500), "https://tocsin.example", HABITS)
        self._told: list[tuple[int, Submission | EventSubmission]] = []
        migrate(self.store)
        with self.store.write() as connection:
            first = installation.begin(connection, self._ids, begins_at)
            workspace_id = first_workspace(connection)
            assert first is not None
            assert workspace_id is not None
            self.api_key, self.workspace_id = first.api_key, workspace_id
            changes = {"name": workspace, "auto_create_tenants": "all"}
            accounts.change_workspace(connection, workspace_id, changes)

    def claim_token(self, now: int) -> str:
        """A fresh one: the one printed at the beginning is worth nothing after a week."""
        with self.store.write() as connection:
            return accounts.make_claim(connection, now)

    # --- who and what there is ----------------------------------------------------------------------------------------

    def job(self, moment: int, key: str, name: str, **columns: Any) -> None:
        """`columns` of `jobs`."""
        with self.store.write() as connection:
            values = {**_JOB, "job_key": key, "name": name, **columns}
            manage_jobs.create_job(connection, self._ids, moment, self.workspace_id, values)

    def tenants(self, moment: int, names: Mapping[str, str]) -> None:
        """externalId → name."""
        with self.store.write() as connection:
            for external_id, name in names.items():
                manage_tenants.create_tenant(connection, self._ids, moment, self.workspace_id, external_id, name)

    def channel(
        self,
        moment: int,
        provider: str,
        name: str,
        config: dict[str, Any],
        terms: Terms = _ALWAYS,
        on: bool = True,
    ) -> None:
        with self.store.write() as connection:
            manage_channels.put_channel(
                connection,
                self._ids,
                moment,
                self._secrets,
                self.workspace_id,
                provider,
                name,
                lambda _: config,
                on,
                terms,
            )

    # --- what happened ------------------------------------------------------------------------------------------------

    def check_in(
        self,
        moment: int,
        job: str,
        kind: str,
        tenant: str = DEFAULT_TENANT,
        env: str = DEFAULT_ENVIRONMENT,
        **fields: Any,
    ) -> None:
        """`fields` of `domain.model.CheckIn`."""
        told = CheckIn(self.workspace_id, job, tenant, env, CheckInKind(kind), moment, **fields)
        self._told.append((moment, Submission(told)))

    def event(self, moment: int, integration: str, event_type: str, tenant: str, code: str, payload: str) -> None:
        told = Event(self.workspace_id, integration, event_type, tenant, moment, code, None, payload)
        self._told.append((moment, EventSubmission((told,))))

    def play(self, until: int) -> None:
        """Everything told happens, and what falls due up to `until` is judged."""
        self._told.sort(key=lambda one: one[0])
        for _, told in groupby(self._told, key=lambda one: one[0] // self._step(one[0], until)):
            self._happen(list(told), until)
        self._told.clear()
        self._pass_time(until, until)

    def _step(self, moment: int, until: int) -> int:
        return _FINE if moment > until - _LATELY else _COARSE

    def _happen(self, told: list[tuple[int, Submission | EventSubmission]], until: int) -> None:
        self._pass_time(told[0][0] - 1, until)
        now = told[-1][0]
        check_ins = [one for _, one in told if isinstance(one, Submission)]
        events = [one for _, one in told if isinstance(one, EventSubmission)]
        with self.store.write() as connection:
            outcomes: list[Any] = []
            if check_ins:
                outcomes += record(connection, self._hot, self._ids, check_ins, now)
                minutes = [moment // MINUTE for moment, one in told if isinstance(one, Submission)]
                intakes.add(connection, _NODE, Counter((self.workspace_id, minute) for minute in minutes))
            if events:
                outcomes += record_events(connection, self._ids, events, set(), now)
        assert all(isinstance(one, Receipt | Recorded) for one in outcomes), outcomes

    def _pass_time(self, moment: int, until: int) -> None:
        while True:
            with self.store.read() as connection:
                due = next_moment(connection)
            if due is None or due > moment:
                return
            reached = min(due + self._step(due, until), moment)
            self._tick.advance(reached, reached)

    # --- what became of it --------------------------------------------------------------------------------------------

    def deliver(self, before: int, answers: Mapping[str, Said]) -> None:
        """All deliveries made before `before` to the providers in `answers` are done: this is what each said."""
        with self.store.write() as connection:
            query = (
                select(schema.deliveries, schema.channels.c.provider)
                .join(schema.channels, schema.channels.c.id == schema.deliveries.c.channel_id)
                .where(schema.deliveries.c.state == "pending", schema.deliveries.c.created_at < before)
                .where(schema.channels.c.provider.in_(answers))
            )
            for row in connection.execute(query).all():
                said = answers[row.provider]
                connection.execute(insert(schema.delivery_attempts).values(self._attempt(row, said)))
                values = {
                    "state": "failed" if said.reason else "delivered",
                    "reason": said.reason or "delivered",
                    "attempts": 1,
                    "next_attempt_at": None,
                    "settled_at": row.created_at + SECOND,
                }
                connection.execute(update(schema.deliveries).where(schema.deliveries.c.id == row.id).values(values))

    def _attempt(self, row: Any, said: Said) -> dict[str, Any]:
        return {
            "id": self._ids.new(row.created_at),
            "workspace_id": row.workspace_id,
            "delivery_id": row.id,
            "at": row.created_at,
            "duration": 180_000,
            "outcome": "refused" if said.reason else "delivered",
            "arrival": "no" if said.reason else "yes",
            "status_code": said.status,
            "detail": said.detail,
        }

"""The world of one scenario: an empty Tocsin whose time goes where the scenario says."""

from collections.abc import Callable
from typing import Any

from tocsin.api.job_wire import JobChanges, NewJob, changed_columns, new_row
from tocsin.application import (
    accounts,
    attending,
    dependencies,
    manage_channels,
    manage_jobs,
    manage_patterns,
    manage_quiets,
    manage_tenants,
)
from tocsin.application.advance_time import Tick
from tocsin.application.attending import Deed
from tocsin.application.dependencies import Parent
from tocsin.application.errors import Refused
from tocsin.application.manage_quiets import Target
from tocsin.application.pace import Pace
from tocsin.application.record_check_ins import Submission, record
from tocsin.application.record_events import EventSubmission, record_events
from tocsin.application.resolving import resolve
from tocsin.domain.event import Event
from tocsin.domain.ids import IdMaker
from tocsin.domain.maintenance import Window
from tocsin.domain.model import DEFAULT_ENVIRONMENT, SECOND, Absence, CheckIn, CheckInKind, Windows
from tocsin.domain.quiet import TargetKind
from tocsin.domain.reason import Reason
from tocsin.secret_box import SecretBox
from tocsin.store import nodes, views_scenario
from tocsin.store.due import next_moment
from tocsin.store.engine import Connection, Store
from tocsin.store.hot_sqlite import HotSqlite
from tocsin.store.schema import metadata

JOB_KEY = "the-job"
PARENT_KEY = "parent"
_SOMEBODY = "somebody"
#: The pattern whose threshold a scenario of an integration may set.
PATTERN = "webhook_failure_spike"


def _target(fields: dict[str, Any]) -> Target:
    return Target(TargetKind(fields["kind"]), fields.get("value", ""))


class World:
    """One workspace with one job, or with integrations. Moments are microseconds since 1970."""

    def __init__(self, began_at: int, windows: Windows) -> None:
        self.now = began_at
        self._store = Store("sqlite://")
        self._ids = IdMaker()
        self._hot = HotSqlite()
        self._tick = Tick([self._store.write], self._hot, self._ids, Pace(), "http://scenario")
        with self._store.write() as connection:
            metadata.create_all(connection)
            self.workspace_id = accounts.create_workspace(connection, self._ids, began_at, "Scenario").id
            accounts.change_workspace(
                connection,
                self.workspace_id,
                {
                    "recovery_window": windows.recovery,
                    "close_window": windows.close,
                    "cooldown_window": windows.cooldown,
                    "auto_create_tenants": "all",
                },
            )
            # Alerts are worded for channels only: here is one that nobody reads.
            manage_channels.put_channel(
                connection,
                self._ids,
                began_at,
                SecretBox([b"\0" * 32]),
                self.workspace_id,
                "webhook",
                "default",
                lambda _: {"url": "https://scenario"},
                True,
            )

    def make_job(self, fields: dict[str, Any]) -> None:
        """`fields` as in `POST /jobs`, without key and name."""
        row = new_row(NewJob.model_validate({"jobKey": JOB_KEY, "name": "The job", **fields}))
        with self._store.write() as connection:
            manage_jobs.create_job(connection, self._ids, self.now, self.workspace_id, row)

    def make_parent(self, fields: dict[str, Any]) -> None:
        """What the job depends on: the key of an `integration`, or another job, as in `POST /jobs`, called `parent`."""
        is_integration = "integration" in fields
        parent = Parent("integration", fields["integration"]) if is_integration else Parent("job", PARENT_KEY)
        with self._store.write() as connection:
            if not is_integration:
                row = new_row(NewJob.model_validate({"jobKey": PARENT_KEY, "name": "The parent", **fields}))
                manage_jobs.create_job(connection, self._ids, self.now, self.workspace_id, row)
            dependencies.depend(connection, self.now, self.workspace_id, JOB_KEY, parent)

    def set_pattern(self, fields: dict[str, Any]) -> None:
        """`fields` as in `PATCH /patterns/{id}`, with the `id` among them."""
        seconds = fields.get("thresholdWindowSeconds")
        changes = {
            "is_enabled": fields.get("isEnabled", True),
            "threshold_count": fields.get("thresholdCount"),
            "threshold_window": None if seconds is None else seconds * SECOND,
        }
        pattern_id = fields.get("id", PATTERN)
        with self._store.write() as connection:
            manage_patterns.change_pattern(connection, self.now, self.workspace_id, pattern_id, changes)

    def add_tenant(self, external_id: str) -> None:
        with self._store.write() as connection:
            manage_tenants.create_tenant(connection, self._ids, self.now, self.workspace_id, external_id, "")

    def pass_time(self, until_at: int) -> None:
        """Let everything up to `until_at` fall due, each thing at its moment."""
        while True:
            with self._store.read() as connection:
                due = next_moment(connection)
            if due is None or due > until_at:
                break
            self._tick.advance(max(due, self.now), max(due, self.now))
        self.now = max(self.now, until_at)

    def be_away(self, until_at: int) -> None:
        """Nobody can report until then, and nothing is judged."""
        with self._store.write() as connection:
            nodes.add_absence(connection, Absence(0, self.now, until_at))
        self.now = until_at

    def check_in(self, fields: dict[str, Any], occurred_at: int | None) -> None:
        """`fields` as in a ping's body, with `tenant` for `tenantId`; raises `Refused`."""
        duration = fields.get("durationMs")
        check_in = CheckIn(
            self.workspace_id,
            fields.get("job", JOB_KEY),
            fields["tenant"],
            fields.get("environment", DEFAULT_ENVIRONMENT),
            CheckInKind(fields["status"]),
            self.now,
            fields.get("runId"),
            occurred_at,
            None if duration is None else duration * 1000,
        )
        with self._store.write() as connection:
            absences = nodes.all_absences(connection)
            outcome = record(connection, self._hot, self._ids, [Submission(check_in)], self.now, absences)[0]
        if isinstance(outcome, Refused):
            raise outcome

    def report(self, fields: dict[str, Any], occurred_at: int | None) -> None:
        """`fields` as in the body of an event; raises `Refused`."""
        event = Event(
            self.workspace_id,
            fields["integrationKey"],
            fields["eventType"],
            fields["tenantId"],
            self.now,
            fields.get("errorCode"),
            occurred_at,
        )
        with self._store.write() as connection:
            absences = nodes.all_absences(connection)
            outcome = record_events(connection, self._ids, [EventSubmission((event,))], set(), self.now, absences)[0]
        if isinstance(outcome, Refused):
            raise outcome

    def act(self, verb: str, step: dict[str, Any]) -> None:
        """What a person does: see tests/scenarios/README.md."""
        handler = {
            **self._quieting(step),
            "pause": lambda: self._change_job({"isActive": False}),
            "resume": lambda: self._change_job({"isActive": True}),
            "patch": lambda: self._change_job(step["set"]),
            "addTenant": lambda: self.add_tenant(step["tenant"]),
            "deactivate": lambda: self._tenant(manage_tenants.deactivate_tenant, step["tenant"]),
            "activate": lambda: self._tenant(manage_tenants.activate_tenant, step["tenant"]),
            "deleteStream": lambda: self._forget(step["tenant"]),
            "delete": self._delete_job,
            "resolve": self._resolve,
        }.get(verb)
        if handler is None:
            raise ValueError(f"the step's `do` is {verb!r}, which is nothing a person can do here")
        handler()

    def _quieting(self, step: dict[str, Any]) -> dict[str, Callable[[], None]]:
        return {
            "mute": lambda: self._mute(step),
            "unmute": lambda: self._each_quiet(Reason.MUTED, manage_quiets.unmute),
            "plan": lambda: self._plan(step),
            "cancel": lambda: self._each_quiet(Reason.IN_MAINTENANCE, manage_quiets.drop_window),
            "snooze": lambda: self._attend(
                lambda connection, deed: attending.snooze(connection, deed, self.now + round(step["seconds"] * SECOND))
            ),
            "unsnooze": lambda: self._attend(attending.unsnooze),
            "acknowledge": lambda: self._attend(
                lambda connection, deed: attending.acknowledge(connection, deed, None, None)
            ),
        }

    def _mute(self, step: dict[str, Any]) -> None:
        until_at = self.now + round(step["seconds"] * SECOND)
        with self._store.write() as connection:
            manage_quiets.mute(
                connection, self._ids, self.now, self.workspace_id, _target(step["target"]), until_at, "", _SOMEBODY
            )

    def _plan(self, step: dict[str, Any]) -> None:
        starts_at = self.now + round(step.get("in", 0) * SECOND)
        ends_at = starts_at + round(step["seconds"] * SECOND)
        window = Window(starts_at, ends_at, step.get("rrule", ""), step.get("timezone", "UTC"))
        with self._store.write() as connection:
            manage_quiets.plan(
                connection, self._ids, self.now, self.workspace_id, _target(step["target"]), window, "", _SOMEBODY
            )

    def _each_quiet(self, reason: Reason, end: Callable[[Connection, int, int, int], None]) -> None:
        with self._store.write() as connection:
            for quiet_id in views_scenario.quiets_of(connection, self.workspace_id, reason):
                end(connection, self.now, self.workspace_id, quiet_id)

    def _attend(self, act: Callable[[Connection, Deed], None]) -> None:
        with self._store.write() as connection:
            for incident_id in views_scenario.live_incidents(connection, self.workspace_id):
                act(connection, Deed(self._ids, self.now, self.workspace_id, incident_id, _SOMEBODY))

    def _change_job(self, fields: dict[str, Any]) -> None:
        changes = changed_columns(JobChanges.model_validate(fields))
        with self._store.write() as connection:
            manage_jobs.change_job(connection, self._ids, self.now, self.workspace_id, JOB_KEY, changes)

    def _delete_job(self) -> None:
        with self._store.write() as connection:
            manage_jobs.delete_job(connection, self._ids, self.now, self.workspace_id, JOB_KEY)

    def _tenant(self, change: Any, external_id: str) -> None:
        with self._store.write() as connection:
            change(connection, self._ids, self.now, self.workspace_id, external_id)

    def _forget(self, name: str) -> None:
        with self._store.write() as connection:
            stream = views_scenario.stream_named(connection, self.workspace_id, name)
            manage_jobs.forget_stream(connection, self._ids, self.now, self.workspace_id, JOB_KEY, stream)

    def _resolve(self) -> None:
        with self._store.write() as connection:
            for incident_id in views_scenario.live_incidents(connection, self.workspace_id):
                resolve(connection, self._ids, self.now, self.workspace_id, incident_id)

    def outcome(self) -> views_scenario.Told:
        """Everything that came of it."""
        with self._store.read() as connection:
            return views_scenario.told(connection, self.workspace_id)

    def close(self) -> None:
        self._store.close()

"""/mutes and /maintenance: what is known, and need not ring."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field, model_validator
from starlette.responses import Response

from tocsin.api import answers
from tocsin.api.calls import Reading, Writing, uuid_of
from tocsin.api.job_wire import Zone
from tocsin.api.wire import Moment, Paging, Wire, example
from tocsin.application import manage_quiets
from tocsin.application.manage_quiets import Target
from tocsin.domain.maintenance import Window
from tocsin.domain.quiet import TargetKind
from tocsin.domain.zones import UTC
from tocsin.store import Connection, views_quiet

router = APIRouter(tags=["quiet"])
_MUTE, _WINDOW = "Mute", "Maintenance window"
_All = Annotated[bool, Query(alias="all", description="Those that are over, too.")]
Why = Annotated[str, Field(max_length=1_000)]
Rule = Annotated[str, Field(max_length=500)]


class TargetWish(Wire):
    """What is to be quiet: `value` is a jobKey, an externalId, an environment, a tag or an integrationKey."""

    kind: Annotated[TargetKind, Field(strict=False)]
    value: Annotated[str, Field(max_length=300)] | None = None

    @model_validator(mode="after")
    def _names_something(self) -> "TargetWish":
        if (self.kind is TargetKind.WORKSPACE) != (not self.value):
            what = "must have no value: it is the whole." if self.value else "must have a value."
            raise ValueError(f"of kind {self.kind} {what}")
        return self

    def target(self) -> Target:
        return Target(self.kind, self.value or "")


class NewMute(Wire):
    model_config = example(
        target={"kind": "tag", "value": "billing"}, until="2026-12-31T06:00:00Z", reason="The bank migrates."
    )

    target: TargetWish
    until: Moment
    reason: Why = ""


class _Window(Wire):
    reason: Why = ""
    rrule: Rule | None = None
    timezone: Zone = UTC


class NewWindow(_Window):
    model_config = example(
        target={"kind": "job", "value": "nightly-invoices"},
        startsAt="2026-12-06T02:00:00+01:00",
        endsAt="2026-12-06T04:00:00+01:00",
        rrule="FREQ=WEEKLY;BYDAY=SU",
        timezone="Europe/Vienna",
    )

    target: TargetWish
    starts_at: Moment
    ends_at: Moment


class WindowChanges(_Window):
    """`PATCH /maintenance/{id}`: any of its fields; a null `rrule` makes it a single one."""

    target: TargetWish = TargetWish(kind=TargetKind.WORKSPACE)
    starts_at: Moment = 0
    ends_at: Moment = 0


@router.get("/mutes", response_model=answers.Answer[answers.Items[answers.Mute]])
def list_mutes(call: Reading, page: Paging, with_past: _All = False) -> Response:
    """The mutes that last, newest first."""
    return call.read(lambda c: views_quiet.list_mutes(c, call.workspace_id, call.now, page, with_past=with_past))


@router.post("/mutes", response_model=answers.Answer[answers.Mute], status_code=201)
def create_mute(call: Writing, body: NewMute) -> Response:
    """Mute a job, a tenant, an environment, a tag, an integration or the workspace until a time. What happens
    meanwhile is recorded, and what is still wrong then is told."""

    def work(connection: Connection) -> object:
        mute_id = manage_quiets.mute(
            connection,
            call.services.ids,
            call.now,
            call.workspace_id,
            body.target.target(),
            body.until,
            body.reason,
            call.actor(connection),
        )
        return views_quiet.mute_object(connection, call.workspace_id, mute_id, call.now)

    return call.write(work, 201, "Muted.")


@router.delete("/mutes/{mute}", response_model=answers.Nothing)
def delete_mute(call: Writing, mute: str) -> Response:
    """End a mute now; what is still wrong is told."""
    number = uuid_of(mute, _MUTE)
    return call.write(
        lambda connection: manage_quiets.unmute(connection, call.now, call.workspace_id, number), message="Unmuted."
    )


@router.get("/maintenance", response_model=answers.Answer[answers.Items[answers.MaintenanceWindow]])
def list_windows(call: Reading, page: Paging, with_past: _All = False) -> Response:
    """The maintenance windows that are under way or to come, newest first."""
    return call.read(lambda c: views_quiet.list_windows(c, call.workspace_id, call.now, page, with_past=with_past))


@router.post("/maintenance", response_model=answers.Answer[answers.MaintenanceWindow], status_code=201)
def create_window(call: Writing, body: NewWindow) -> Response:
    """Plan a maintenance window, once or by an RRULE, on the clock on the wall of its time zone."""
    window = Window(body.starts_at, body.ends_at, body.rrule or "", body.timezone)

    def work(connection: Connection) -> object:
        window_id = manage_quiets.plan(
            connection,
            call.services.ids,
            call.now,
            call.workspace_id,
            body.target.target(),
            window,
            body.reason,
            call.actor(connection),
        )
        return views_quiet.window_object(connection, call.workspace_id, window_id, call.now)

    return call.write(work, 201, "Maintenance window planned.")


@router.patch("/maintenance/{window}", response_model=answers.Answer[answers.MaintenanceWindow])
def change_window(call: Writing, window: str, body: WindowChanges) -> Response:
    """Change a maintenance window."""
    number = uuid_of(window, _WINDOW)
    changes: dict[str, Any] = body.given()
    if "target" in changes:
        changes["target"] = body.target.target()
    if "reason" in changes:
        changes["note"] = changes.pop("reason")
    if "rrule" in changes:
        changes["rrule"] = changes["rrule"] or ""

    def work(connection: Connection) -> object:
        manage_quiets.replan(connection, call.now, call.workspace_id, number, changes)
        return views_quiet.window_object(connection, call.workspace_id, number, call.now)

    return call.write(work, message="Maintenance window changed.")


@router.delete("/maintenance/{window}", response_model=answers.Nothing)
def delete_window(call: Writing, window: str) -> Response:
    """Remove a maintenance window. If it is under way, what is still wrong is told."""
    number = uuid_of(window, _WINDOW)
    return call.write(
        lambda connection: manage_quiets.drop_window(connection, call.now, call.workspace_id, number),
        message="Maintenance window removed.",
    )

"""Mutes and maintenance windows."""

from typing import Literal

from tocsin.api.answers.shapes import Id, Moment, Shape


class Target(Shape):
    """What is quiet; of a workspace there is no `value`."""

    kind: Literal["job", "tenant", "environment", "tag", "integration", "workspace"]
    value: str | None


class Mute(Shape):
    id: Id
    target: Target
    until: Moment
    reason: str
    is_active: bool
    created_at: Moment
    created_by: str


class Occurrence(Shape):
    starts_at: Moment
    ends_at: Moment


class MaintenanceWindow(Shape):
    """`startsAt` and `endsAt` are the first time. `occurrence`: the one that is under way, or the next; null where none
    comes any more."""

    id: Id
    target: Target
    starts_at: Moment
    ends_at: Moment
    rrule: str | None
    timezone: str
    reason: str
    is_active: bool
    occurrence: Occurrence | None
    created_at: Moment
    created_by: str

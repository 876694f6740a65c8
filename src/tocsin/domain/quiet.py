"""Quiet: what keeps alerts about an incident from being told for a while, and what is told when it ends.

Nothing is decided otherwise because of it: incidents open and close as ever. Only whether people are told is looked at,
at the moment of telling; `resolved` goes wherever `opened` went.
"""

from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import NamedTuple

from tocsin.domain.model import AlertKind
from tocsin.domain.reason import Reason
from tocsin.domain.routing import OPENINGS, Subject

#: Alerts that are held while it is quiet.
HELD_KINDS = OPENINGS | {AlertKind.BLAST_RADIUS_EXPANDED, AlertKind.REMINDER}


class TargetKind(StrEnum):
    """What a mute or a maintenance window is for."""

    JOB = "job"
    TENANT = "tenant"
    ENVIRONMENT = "environment"
    TAG = "tag"
    INTEGRATION = "integration"
    WORKSPACE = "workspace"


class Quiet(NamedTuple):
    """A mute, or a maintenance window that is under way: `reason` says which. It ends at `until_at`."""

    id: int
    reason: Reason
    kind: TargetKind
    value: str
    until_at: int


class Hold(NamedTuple):
    """Why alerts about an incident are held. `until_at`: when that ends; None: when another incident does, which is
    `parent_incident_id`. `quiet_id`: the mute or window. `by_tenants`: only because of who is affected."""

    reason: Reason
    until_at: int | None = None
    quiet_id: int | None = None
    parent_incident_id: int | None = None
    by_tenants: bool = False


class Circumstances(NamedTuple):
    """What an incident is about, and what else bears on it: a snooze that lasts, a parent whose incident is open."""

    subject: Subject
    environment: str | None = None
    snoozed_until_at: int | None = None
    parent_incident_id: int | None = None


def covers(quiet: Quiet, about: Circumstances) -> bool:
    """Whether it quiets the whole incident. Those of tenants quiet tenants, and are looked at elsewhere."""
    match quiet.kind:
        case TargetKind.WORKSPACE:
            return True
        case TargetKind.JOB:
            return quiet.value in about.subject.job_keys
        case TargetKind.TAG:
            return quiet.value in about.subject.tags
        case TargetKind.INTEGRATION:
            return quiet.value == about.subject.integration_key
        case TargetKind.ENVIRONMENT:
            return quiet.value == about.environment
    return False


def hold_of(about: Circumstances, quiets: Iterable[Quiet]) -> Hold | None:
    """What holds the whole incident's alerts, of several that which lasts longest; None where nothing does."""
    found = [Hold(one.reason, one.until_at, one.id) for one in quiets if covers(one, about)]
    if about.snoozed_until_at is not None:
        found.append(Hold(Reason.SNOOZED, about.snoozed_until_at))
    if about.parent_incident_id is not None:
        found.append(Hold(Reason.PARENT_OPEN))
    if not found:
        return None
    longest = max(found, key=lambda hold: (hold.until_at is None, hold.until_at or 0))
    return longest._replace(parent_incident_id=about.parent_incident_id)


def muted_tenants(quiets: Iterable[Quiet]) -> dict[str, Quiet]:
    """Tenants that are quiet, by externalId, each with what lasts longest."""
    found: dict[str, Quiet] = {}
    for one in quiets:
        if one.kind is TargetKind.TENANT and (one.value not in found or found[one.value].until_at < one.until_at):
            found[one.value] = one
    return found


def hold_of_tenants(muted: Collection[Quiet]) -> Hold:
    """What holds that of which only tenants know who are quiet: until the first of them is heard again."""
    first = min(muted, key=lambda one: one.until_at)
    return Hold(first.reason, first.until_at, first.id, by_tenants=True)

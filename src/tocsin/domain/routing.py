"""Which alerts a channel hears, and as what."""

from enum import StrEnum
from typing import NamedTuple

from tocsin.domain.model import AlertKind

#: What a channel may choose from. Reminders have a switch of their own.
KINDS = (AlertKind.OPENED, AlertKind.REOPENED, AlertKind.RESOLVED, AlertKind.BLAST_RADIUS_EXPANDED)
OPENINGS = frozenset({AlertKind.OPENED, AlertKind.REOPENED})
_NEWS = OPENINGS | {AlertKind.BLAST_RADIUS_EXPANDED}


class Routes(NamedTuple):
    """What a channel takes; an empty list takes all.

    `jobs`, `integrations` and `tags` choose together what an incident is about: any of them is enough. `tenants`
    (externalIds) and `kinds` narrow that down further.
    """

    jobs: tuple[str, ...] = ()
    integrations: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()


class Terms(NamedTuple):
    """When and of what a channel wants to hear; times in microseconds.

    `delay`: an incident that is over by then is not told at all. `remind_every`: how often it is told again that an
    incident is still open (None: never).
    """

    routes: Routes = Routes()
    delay: int = 0
    remind_every: int | None = None


class Habits(NamedTuple):
    """What kinds of channels are like, by provider: those that may get several incidents in one message, as people read
    it; those whose receivers open and close alerts of their own."""

    share: frozenset[str] = frozenset()
    keep_state: frozenset[str] = frozenset()


class Subject(NamedTuple):
    """What an incident is about. `job_keys`: the key it had then and the one it has now."""

    job_keys: frozenset[str] = frozenset()
    integration_key: str | None = None
    tags: frozenset[str] = frozenset()


def takes(routes: Routes, subject: Subject) -> bool:
    """Whether the channel listens to what this incident is about, whoever is affected."""
    if not (routes.jobs or routes.integrations or routes.tags):
        return True
    return (
        not subject.job_keys.isdisjoint(routes.jobs)
        or subject.integration_key in routes.integrations
        or not subject.tags.isdisjoint(routes.tags)
    )


class Telling(NamedTuple):
    """What a channel was told of an incident so far.

    `was_told`: an opening that no `resolved` has answered; `is_in_cycle`: one of the present cycle; `was_ever_told`:
    any. `told_until_at`: it knows of whoever was affected by then, in this cycle.
    """

    was_told: bool = False
    is_in_cycle: bool = False
    was_ever_told: bool = False
    told_until_at: int = 0


class CatchUp(StrEnum):
    """What an alert makes up for: for what was held while it was quiet, for a snooze, or for the blast radius' rule,
    which lets tenants join before the next alert is due: channels of their own then know of nothing."""

    QUIET = "quiet"
    SNOOZE = "snooze"
    JOINED = "joined"


def heard_as(
    routes: Routes,
    kind: AlertKind,
    subject: Subject,
    told: Telling,
    *,
    keeps_state: bool = False,
    catch_up: str | None = None,
) -> AlertKind | None:
    """As what the channel hears an alert of this kind; None: not at all. Its `tenants` are looked at elsewhere.

    The `resolved` of an opening that was told comes whatever the routes say of the incident meanwhile; an
    acknowledgement is for receivers that keep alerts of their own.
    """
    if kind is AlertKind.RESOLVED:
        return kind if told.was_told and _takes_kind(routes, kind) else None
    if kind is AlertKind.ACKNOWLEDGED:
        return kind if told.was_told and keeps_state else None
    is_news = catch_up != CatchUp.JOINED or (bool(routes.tenants) and not told.is_in_cycle)
    if not is_news or not takes(routes, subject):
        return None
    said = _said_as(kind, told, catch_up)
    if _takes_kind(routes, said):
        return said
    if told.is_in_cycle or not _takes_kind(routes, kind):
        return None
    return said if routes.tenants or keeps_state else kind


def _takes_kind(routes: Routes, kind: AlertKind) -> bool:
    return not routes.kinds or kind in routes.kinds or kind is AlertKind.REMINDER


def _said_as(kind: AlertKind, told: Telling, catch_up: str | None) -> AlertKind:
    """What a channel hears first of an incident is its opening, whatever the occasion; and an alert that makes up for a
    quiet says what is missing."""
    opening = AlertKind.REOPENED if told.was_ever_told else AlertKind.OPENED
    if catch_up == CatchUp.JOINED:
        return opening
    if kind not in OPENINGS:
        return kind if told.was_told else opening
    return AlertKind.BLAST_RADIUS_EXPANDED if catch_up is not None and told.is_in_cycle else opening


def fault_of(terms: Terms, *, keeps_state: bool) -> str | None:
    """What is wrong with the terms, as a sentence; None where they can be kept."""
    kinds = terms.routes.kinds
    if kinds and _NEWS.isdisjoint(kinds):
        return "routes.kinds must hold opened, reopened or blastRadiusExpanded: resolved goes only where they went."
    if kinds and keeps_state and AlertKind.RESOLVED not in kinds:
        return "routes.kinds must hold resolved: the receiver would keep its alerts open for ever."
    if terms.remind_every is not None and kinds and OPENINGS.isdisjoint(kinds):
        return "remindEverySeconds needs opened or reopened in routes.kinds: only what was told is told again."
    return None


def next_reminder(due_at: int, every: int, now: int) -> int:
    """The first moment after `now` that lies whole periods after `due_at`: what passed while we were away is let go."""
    return due_at + max(1, -(-(now + 1 - due_at) // every)) * every

"""How each day was for a tenant: a strip of days, the worst of each. Read only."""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple

from sqlalchemy import Connection, or_, select

from tocsin.store.among import among
from tocsin.store.schema import incident_tenants, incidents
from tocsin.store.views_counts import Outcomes, calendar_of, days_of_tenants
from tocsin.store.views_stats import last_days

#: The worst comes first.
_STATES = ("error", "timeout", "missed", "unknown", "ok")


class DayOfTenant(NamedTuple):
    """`state`: the worst of the day: error, timeout, missed, unknown, ok, or none where nothing was expected.
    `incidents`: of how many the tenant was a part."""

    day: int
    start_at: int
    state: str
    outcomes: Outcomes
    incidents: int


class Span(NamedTuple):
    """How long an incident had a tenant."""

    kind: str
    first_at: int
    last_at: int


def tenant_strips(
    connection: Connection, workspace_id: int, tenant_ids: Collection[int], now: int, days: int = 90
) -> dict[int, list[DayOfTenant]]:
    """The days of several tenants, oldest first: for a page of them, in a handful of statements."""
    calendar = calendar_of(connection, workspace_id)[1]
    numbers = last_days(calendar.of(now), days)
    counts = days_of_tenants(connection, workspace_id, tenant_ids, numbers)
    starts = [calendar.start(number) for number in numbers]
    spans = _spans(connection, workspace_id, tenant_ids, starts[0], now)
    return {one: history_of(numbers, starts, counts[one], spans[one]) for one in tenant_ids}


def _spans(
    connection: Connection, workspace_id: int, tenant_ids: Collection[int], from_at: int, now: int
) -> dict[int, list[Span]]:
    query = (
        select(incident_tenants.c.tenant_id, incidents.c.kind, incident_tenants.c.first_seen_at, incidents.c.closed_at)
        .join(incidents, incidents.c.id == incident_tenants.c.incident_id)
        .where(among(connection, incident_tenants.c.tenant_id, tenant_ids), incidents.c.workspace_id == workspace_id)
        .where(or_(incidents.c.closed_at.is_(None), incidents.c.closed_at >= from_at))
    )
    found: dict[int, list[Span]] = {one: [] for one in tenant_ids}
    for tenant_id, kind, first_at, closed_at in connection.execute(query).all():  # at once: rows are many
        found[tenant_id].append(Span(kind, first_at, closed_at or now))
    return found


def history_of(
    numbers: range, starts: Sequence[int], counts: Mapping[int, Outcomes], known: Collection[Span]
) -> list[DayOfTenant]:
    """The days of these numbers, which begin at `starts`."""
    everyone = _present(starts, known)
    reported = _present(starts, [one for one in known if one.kind == "integration"])
    days = []
    for place, number in enumerate(numbers):
        outcomes = counts.get(number, Outcomes())
        state = _state(outcomes, is_reported=reported[place] > 0)
        days.append(DayOfTenant(number, starts[place], state, outcomes, everyone[place]))
    return days


def _present(starts: Sequence[int], spans: Iterable[Span]) -> list[int]:
    """How many of these touch each day."""
    changes = [0] * (len(starts) + 1)
    for _, first, last in spans:
        if last >= starts[0]:
            changes[max(bisect_right(starts, first) - 1, 0)] += 1
            changes[bisect_right(starts, last)] -= 1
    return list(accumulate(changes))[:-1]


def _state(outcomes: Outcomes, *, is_reported: bool) -> str:
    """The worst outcome of a day; an integration in trouble is an error."""
    if is_reported:
        return "error"
    told = outcomes._asdict()
    return next((state for state in _STATES if told[state]), "none")

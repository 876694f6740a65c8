"""What the jobs of a simulated year do, and what must be told about it: written without the domain.

A planner draws when each job really runs, what goes wrong, and from that when it must be called missing. It knows the
contract and the calendar (datetime, zoneinfo), and nothing of how Tocsin finds out. Moments are seconds since 1970.
"""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import NamedTuple

from tocsin.domain.zones import zone

ZONES = [
    "UTC",
    "Europe/Vienna",
    "America/New_York",
    "America/St_Johns",
    "America/Sao_Paulo",
    "Australia/Lord_Howe",
    "Antarctica/Troll",
    "Asia/Kathmandu",
    "Asia/Tokyo",
    "Africa/Cairo",
    "Pacific/Chatham",
    "Pacific/Auckland",
]
START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = 86_400


class Said(NamedTuple):
    """A check-in as it reaches us at `received`; `occurred` where it says so."""

    received: float
    kind: str
    occurred: float | None = None
    run: str | None = None


class Due(NamedTuple):
    """An alarm that must be raised: a miss between the two moments, or a failure the moment it is heard."""

    earliest: float
    latest: float
    kind: str


@dataclass
class Plan:
    """A job: its schedule as the API takes it, what it says, and what must be told."""

    schedule: dict[str, object]
    grace: int | None
    said: list[Said] = field(default_factory=list)
    due: list[Due] = field(default_factory=list)
    #: Alarms before this are of a rhythm that cannot be known yet.
    learning_until: float = 0


class Slot(NamedTuple):
    """One expected run: when it is expected, and when it would be called missing if it did not begin."""

    expected: float
    deadline: float


Outages = list[tuple[float, float]]


def plan(number: int, chance: Random, days: int, outages: Outages) -> Plan:
    """The plan of one job of a mixed crowd."""
    place = ZONES[number % len(ZONES)]
    kind = chance.choices(["crontab", "interval", "calendar", "learned"], [9, 5, 3, 3])[0]
    if kind == "crontab":
        return _crontab(chance, place, days, outages)
    if kind == "calendar":
        return _calendar(chance, place, days, outages)
    return _steady(chance, kind, days, outages)


# --- crontab: on the clock --------------------------------------------------------------------------------------------


def _moment(local: datetime, place: str) -> float:
    """When a set time comes: once, in the first fold; at the end of a gap."""
    at = local.replace(tzinfo=zone(place))
    while at.astimezone(UTC).astimezone(zone(place)).replace(tzinfo=None) != local:
        local += timedelta(minutes=1)
        at = local.replace(tzinfo=zone(place))
    return at.timestamp()


def _days(days: int) -> Iterator[datetime]:
    first = datetime(START.year, START.month, START.day)  # noqa: DTZ001 -- a date on the wall
    return (first + timedelta(days=n) for n in range(-1, days + 1))


def _crontab(chance: Random, place: str, days: int, outages: Outages) -> Plan:
    hour, minute = chance.randrange(24), chance.randrange(60)
    shape = chance.choices(["daily", "night", "weekdays", "twice", "monthly", "hourly"], [6, 5, 4, 2, 1, 1])[0]
    if shape == "night":
        hour = chance.choice([0, 1, 2, 3])
    hours = sorted({hour, (hour + 12) % 24}) if shape == "twice" else [hour]
    last_day = chance.choice([28, 31])
    expression = {
        "weekdays": f"{minute} {hour} * * 1-5",
        "twice": f"{minute} {hours[0]},{hours[-1]} * * *",
        "monthly": f"{minute} {hour} {last_day} * *",
        "hourly": f"{minute} * * * *",
    }.get(shape, f"{minute} {hour} * * *")
    grace = chance.choice([60, 300, 900])
    begin, end = START.timestamp() + 600, START.timestamp() + days * DAY
    if shape == "hourly":
        looked_at = (begin - begin % 60 + k * 60 for k in range(days * 1440))
        times = [at for at in looked_at if datetime.fromtimestamp(at, zone(place)).minute == minute]
    else:
        wanted = [
            day.replace(hour=h, minute=minute)
            for day in _days(days)
            for h in hours
            if (shape != "weekdays" or day.weekday() < 5) and (shape != "monthly" or day.day == last_day)
        ]
        times = sorted({_moment(local, place) for local in wanted})
    slots = [Slot(at, at + grace) for at in times if begin < at < end - DAY]
    made = Plan({"type": "crontab", "value": expression, "timezone": place}, grace)
    made.said.append(Said(begin, "success"))
    _live(made, chance, slots, grace, outages)
    made.said.append(Said(slots[-1].deadline, "until") if slots else Said(begin, "until"))
    return made


def _live(made: Plan, chance: Random, slots: list[Slot], grace: int, outages: Outages) -> None:
    """Runs on slots of the clock: each is on its own."""
    dead = 0
    for number, slot in enumerate(slots):
        near = any(start - 2 * grace - 60 < slot.expected < end + grace + 60 for start, end in outages)
        # A run waits up to a third of the grace to begin, or comes a few seconds early.
        began = slot.expected + chance.uniform(-min(5, grace / 11), grace / 3)
        if dead == 0 and not near and chance.random() < 0.01:
            dead = chance.randint(1, 3)
        if dead and not near:
            dead -= 1
            made.due.append(Due(slot.deadline, slot.deadline, "missed"))
            if dead == 0 and chance.random() < 0.4:
                # It was only the network: the check-in comes late, and says when it was.
                made.said.append(Said(slot.deadline + grace, "success", occurred=began))
            continue
        if any(start <= began < end for start, end in outages):
            continue
        fails = not near and chance.random() < 0.01
        _run(made, chance, began, f"r{number}", grace, fails=fails)
        if fails:
            made.due.append(Due(slot.deadline, slot.deadline, "counted"))


def _run(made: Plan, chance: Random, began: float, name: str, grace: int, *, fails: bool) -> None:
    """A run as one ping, or as a start and a result; sometimes said twice."""
    finished = began
    if chance.random() < 0.3:
        finished = began + chance.uniform(0.1, grace / 3)
        made.said.append(Said(began, "start", run=name))
        made.said.append(Said(finished, "failure" if fails else "success", run=name))
    else:
        made.said.append(Said(began, "failure" if fails else "success"))
        if not fails and chance.random() < 0.05:
            made.said.append(Said(began + chance.uniform(0.5, 4), "success"))
    if fails:
        made.due.append(Due(finished, finished, "failure"))


# --- interval and learned: every so often -----------------------------------------------------------------------------


def _steady(chance: Random, kind: str, days: int, outages: Outages) -> Plan:
    every = chance.choices([1800, 3600, 6 * 3600, DAY], [1, 1, 6, 10])[0]
    grace = None if kind == "learned" else every // 4
    schedule: dict[str, object] = {"type": kind} if kind == "learned" else {"type": kind, "seconds": every}
    made = Plan(schedule, grace)
    is_weekly = kind == "learned" and every == DAY and chance.random() < 0.5
    phase = START.timestamp() + chance.uniform(600, min(every, 12 * 3600))
    if kind == "learned":
        made.learning_until = phase + (28 * DAY if is_weekly else 6 * every)
    starts = [phase + k * every for k in range(int((days * DAY - 2 * every) // every))]
    if is_weekly:
        starts = [at for at in starts if datetime.fromtimestamp(at, UTC).weekday() < 5]
    last, dead, last_dead = 0.0, 0, 0.0
    for number, slot in enumerate(starts):
        at = slot + chance.uniform(0, every / 100)
        near = any(start - 3 * every < at < end + 3 * every for start, end in outages)
        is_steady = not near and number > 12 and not is_weekly and at < starts[-5]
        # What is silent three times in 28 days is how it is, to a learned schedule.
        is_rare = kind != "learned" or at - last_dead > 15 * DAY
        if dead == 0 and is_steady and is_rare and chance.random() < 0.02:
            dead, last_dead = chance.randint(1, 2), at
        if dead and number > 12:
            dead -= 1
            continue
        if not is_weekly:
            _told_silence(made, kind, every, last, at)
        if not any(start <= at < end for start, end in outages):
            made.said.append(Said(at, "success"))
            last = at
            if chance.random() < 0.03:
                made.said.append(Said(at + 2, "success"))
                last = at + 2 if kind == "interval" else at
        else:
            last = 0.0
    return made


def _told_silence(made: Plan, kind: str, every: int, last: float, at: float) -> None:
    """What must have been told of the silence from the last success to this one."""
    if not last:
        return
    if kind == "interval":
        window = every + every // 4
        k = 1
        while last + k * window < at:
            made.due.append(Due(last + k * window, last + k * window, "missed"))
            k += 1
        return
    k = 1
    while last + (k + 0.25) * every < at - every / 10:
        # The median is the distance, and a quarter of it the grace: each within the jitter.
        middle = last + (k + 0.25) * every
        made.due.append(Due(middle - 0.05 * every, middle + 0.05 * every, "missed"))
        k += 1


# --- calendar: counted from the last check-in -------------------------------------------------------------------------


def _calendar(chance: Random, place: str, days: int, outages: Outages) -> Plan:
    unit = chance.choice(["day", "day", "week", "month"])
    grace = chance.choice([600, 3600])
    made = Plan({"type": "calendar", "value": 1, "unit": unit, "timezone": place}, grace)
    last = START.timestamp() + chance.uniform(600, DAY)
    end = START.timestamp() + days * DAY
    made.said.append(Said(last, "success"))
    while True:
        near = any(start < _later(last, unit, 5, place) + grace and last < stop for start, stop in outages)
        k = 1 if near or chance.random() > 0.02 else chance.randint(2, 4)
        at = _later(last, unit, k, place) + chance.uniform(-3, grace / 3)
        if at > end:
            return made
        if any(start <= at < stop for start, stop in outages):
            # Unheard because of us: the rhythm goes on as if it had come at its expected time.
            last = _later(last, unit, 1, place)
            continue
        for missed in range(1, k):
            deadline = _later(last, unit, missed, place) + grace
            made.due.append(Due(deadline, deadline, "missed"))
        made.said.append(Said(at, "success"))
        last = at


def _later(at: float, unit: str, count: int, place: str) -> float:
    local = datetime.fromtimestamp(at, zone(place)).replace(tzinfo=None, fold=0)
    if unit == "month":
        year, month = divmod(local.year * 12 + local.month - 1 + count, 12)
        local = local.replace(year=year, month=month + 1, day=min(local.day, monthrange(year, month + 1)[1]))
    else:
        local += timedelta(days=count * (7 if unit == "week" else 1))
    exists = local.replace(tzinfo=zone(place)).astimezone(UTC).astimezone(zone(place)).replace(tzinfo=None) == local
    if not exists:
        local = local.replace(second=0, microsecond=0)
    return _moment(local, place)

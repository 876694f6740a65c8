"""The laws of quiet, over whatever sequence of mutes, windows, snoozes, failures and recoveries:

(a) a channel that was told of an opening is told of its end, once, and of no other end;
(b) nothing is lost: when all is quiet no more, whatever is still open has been told;
(c) nothing is told while it is quiet, but ends and acknowledgements;
(d) a customer's own channel knows at any moment of every open incident that they are in, unless it is quiet for them;
(e) nothing is told twice: of a cycle a channel hears one opening, and whatever follows names somebody new.

Alerts are worded by the real tick and claimed as a worker would; what is quiet is reckoned here, from what was set.
"""

import json
import os
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from tests.support.house import JOB, House, empty, micros
from tests.support.office import DELIVERED, HABITS
from tocsin.application import accounts, attending, dependencies, manage_channels, manage_quiets
from tocsin.application.advance_time import Tick
from tocsin.application.attending import Deed
from tocsin.application.dependencies import Parent
from tocsin.application.manage_quiets import Target
from tocsin.application.pace import steady
from tocsin.application.resolving import resolve
from tocsin.domain.maintenance import Window
from tocsin.domain.model import DEFAULT_ENVIRONMENT, SECOND
from tocsin.domain.quiet import TargetKind
from tocsin.domain.routing import Routes, Terms
from tocsin.secret_box import SecretBox
from tocsin.store import claims, outbox, schema
from tocsin.store.due import next_moment
from tocsin.store.engine import Connection, Store

CHILD, TAG = "child", "billing"
TARGETS = [
    Target(TargetKind.WORKSPACE, ""),
    Target(TargetKind.JOB, JOB),
    Target(TargetKind.JOB, CHILD),
    Target(TargetKind.TENANT, "a"),
    Target(TargetKind.TENANT, "b"),
    Target(TargetKind.TAG, TAG),
    Target(TargetKind.ENVIRONMENT, DEFAULT_ENVIRONMENT),
]
#: Name, provider, terms: one that hears all, one of a tenant, a pager, one that is only told of what lasts.
CHANNELS = [
    ("all", "webhook", Terms()),
    ("of-a", "webhook", Terms(Routes(tenants=("a",)))),
    ("pager", "pagerduty", Terms()),
    ("late", "webhook", Terms(delay=120 * SECOND)),
    ("remind", "webhook", Terms(remind_every=700 * SECOND)),
]
OPENINGS = {"opened", "reopened"}
LOUD = OPENINGS | {"blastRadiusExpanded", "reminder"}


class Sent(NamedTuple):
    channel: str
    incident: int
    kind: str
    cycle: int
    tenants: frozenset[str]
    moment: int


class Spell(NamedTuple):
    """Something is quiet from one moment to another."""

    target: Target
    from_at: int
    until_at: int


@dataclass
class Town:
    """A house whose child depends on its job, with five channels, and a worker who delivers at once."""

    house: House
    channels: dict[int, str] = field(default_factory=dict)
    spells: list[Spell] = field(default_factory=list)
    snoozes: dict[int, int] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)

    def build(self) -> None:
        house = self.house
        house.tick = Tick([house.store.write], house.hot, house.ids, steady(200), "https://tocsin.example", HABITS)
        windows = {"recovery_window": 100 * SECOND, "close_window": 100 * SECOND, "cooldown_window": 400 * SECOND}
        for key, tags in ((JOB, []), (CHILD, [TAG])):
            none = {"schedule_type": "none", "schedule_interval": None}
            house.make_job(job_key=key, failure_threshold=1, tags=json.dumps(tags), **none)
        with house.store.write() as connection:
            accounts.change_workspace(connection, house.workspace_id, windows)
            dependencies.depend(connection, micros(0), house.workspace_id, CHILD, Parent("job", JOB))
            manage_channels.remove_channel(connection, house.workspace_id, "webhook", "default")
            for name, provider, terms in CHANNELS:
                self._add_channel(connection, name, provider, terms)
            table = schema.channels
            self.channels = {row.id: row.name for row in connection.execute(select(table.c.id, table.c.name))}

    def _add_channel(self, connection: Connection, name: str, provider: str, terms: Terms) -> None:
        box, house = SecretBox([b"\0" * 32]), self.house
        manage_channels.put_channel(
            connection, house.ids, micros(0), box, house.workspace_id, provider, name, lambda _: {}, True, terms
        )

    # --- time -----------------------------------------------------------------------------------------------------

    def pass_time(self, until: float) -> None:
        """Everything falls due at its moment, and whatever can be delivered is."""
        self._deliver(micros(self.house.now))
        while (due := self._next()) is not None and due <= micros(until):
            moment = max(due, micros(self.house.now))
            self.house.now = (moment - micros(0)) / SECOND
            self.house.tick.advance(moment, moment)
            self._deliver(moment)
        self.house.now = until
        self.house.tick.advance(micros(until), micros(until))
        self._deliver(micros(until))

    def _next(self) -> int | None:
        d = schema.deliveries.c
        with self.house.store.read() as connection:
            moments = [next_moment(connection)]
            waiting = select(d.next_attempt_at).where(d.state == "pending", d.next_attempt_at.is_not(None))
            moments += connection.execute(waiting).scalars()
        return min((one for one in moments if one is not None), default=None)

    def _deliver(self, now: int) -> None:
        while True:
            with self.house.store.write() as connection:
                keepers = HABITS.keep_state
                lease = now + SECOND
                claimed = claims.claim(
                    connection, self.house.ids, now, lease, 1000, lambda *_: 1000, state_keepers=keepers
                )
                for one in claimed:
                    outbox.settle(connection, one, DELIVERED, now)
            if not claimed:
                return
            for one in claimed:
                self._receive(one, now)

    def _receive(self, claimed: claims.Claimed, now: int) -> None:
        content: dict[str, Any] = json.loads(claimed.content)
        with self.house.store.read() as connection:
            d, a = schema.deliveries, schema.alerts
            query = select(d.c.incident_id, a.c.cycle).join(a, a.c.id == d.c.alert_id).where(d.c.id == claimed.id)
            incident, cycle = connection.execute(query).one()
        tenants = frozenset(one["externalId"] for one in content["affectedTenants"])
        sent = Sent(self.channels[claimed.channel_id], incident, content["kind"], cycle, tenants, now)
        assert sent.kind not in LOUD or not self.is_quiet(sent), f"told while quiet: {sent}"
        self.sent.append(sent)

    def is_quiet(self, sent: Sent) -> bool:
        row = self.incident(sent.incident)
        lasting = [one.target for one in self.spells if one.from_at <= sent.moment < one.until_at]
        whole = {TargetKind.WORKSPACE, TargetKind.ENVIRONMENT} | ({TargetKind.TAG} if row.job_key == CHILD else set())
        if any(one.kind in whole or one == Target(TargetKind.JOB, row.job_key) for one in lasting):
            return True
        if self.snoozes.get(sent.incident, 0) > sent.moment:
            return True
        if row.job_key == CHILD and any(one.job_key == JOB and one.status == "Open" for one in self.incidents()):
            return True
        muted = {one.value for one in lasting if one.kind is TargetKind.TENANT}
        return bool(sent.tenants) and sent.tenants <= muted

    def incidents(self) -> list[Any]:
        return self.house.rows(schema.incidents)

    def incident(self, incident_id: int) -> Any:
        return next(row for row in self.incidents() if row.id == incident_id)

    def sleep(self, seconds: float) -> None:
        """Nobody lets time pass, and nothing is delivered, until one late tick."""
        self.house.now += seconds
        now = micros(self.house.now)
        self.house.tick.advance(now, now)
        self._deliver(now)

    # --- what happens ---------------------------------------------------------------------------------------------

    def quiet(self, what: str, target: Target, seconds: int) -> None:
        now = micros(self.house.now)
        until_at = now + seconds * SECOND
        with self.house.store.write() as connection:
            if what == "mute":
                manage_quiets.mute(
                    connection, self.house.ids, now, self.house.workspace_id, target, until_at, "", "somebody"
                )
            else:
                window = Window(now, until_at, "FREQ=DAILY;COUNT=1")
                manage_quiets.plan(
                    connection, self.house.ids, now, self.house.workspace_id, target, window, "", "somebody"
                )
        self.spells.append(Spell(target, now, until_at))

    def end_quiets(self) -> None:
        now, mine = micros(self.house.now), self.house.workspace_id
        with self.house.store.write() as connection:
            for row in connection.execute(select(schema.quiets)).all():
                end = manage_quiets.unmute if row.reason == "muted" else manage_quiets.drop_window
                end(connection, now, mine, row.id)
        self.spells = [one._replace(until_at=min(one.until_at, now)) for one in self.spells]

    def attend(self, what: str, seconds: int) -> None:
        now = micros(self.house.now)
        for row in self.incidents():
            deed = Deed(self.house.ids, now, self.house.workspace_id, row.id, "somebody")
            with self.house.store.write() as connection:
                if row.status == "Closed":
                    continue
                if what == "acknowledge":
                    attending.acknowledge(connection, deed, None, None)
                elif what == "resolve":
                    resolve(connection, self.house.ids, now, self.house.workspace_id, row.id)
                elif what == "snooze":
                    attending.snooze(connection, deed, now + seconds * SECOND)
                    self.snoozes[row.id] = now + seconds * SECOND
                elif self.snoozes.get(row.id, 0) > now:
                    attending.unsnooze(connection, deed)
                    self.snoozes[row.id] = now

    def come_or_go(self, tenant: str) -> None:
        known = {row.external_id: row.is_active for row in self.house.rows(schema.tenants)}
        if tenant in known:
            (self.house.deactivate if known[tenant] else self.house.activate)(tenant)


DEEDS = "fail fail fail fail succeed succeed mute mute window end snooze unsnooze acknowledge resolve leave sleep"
Step = tuple[str, int, int, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(DEEDS.split()),
        st.integers(0, len(TARGETS) - 1),
        st.sampled_from([60, 130, 350, 900]),
        st.sampled_from([0, 1, 40, 110, 250]),
    ),
    min_size=3,
    max_size=14,
)


def _live_through(town: Town, steps: list[Step]) -> None:
    for what, which, seconds, wait in steps:
        if what in {"fail", "succeed"}:
            job, tenant = (JOB, CHILD)[which % 2], ("a", "b", "c")[which % 3]
            town.house.record([town.house.submission("failure" if what == "fail" else "success", tenant, job=job)])
        elif what in {"mute", "window"}:
            town.quiet(what, TARGETS[which], seconds)
        elif what == "end":
            town.end_quiets()
        elif what == "leave":
            town.come_or_go("b")
        elif what == "sleep":
            town.sleep(seconds + 0.001)
        else:
            town.attend(what, seconds)
        town.pass_time(town.house.now + wait + 0.001)  # nothing comes at the very microsecond of something else
        _check_customers_know(town)
    # All that was set is over, and what the blast radius held back for an hour is told.
    town.pass_time(town.house.now + 1000)
    town.pass_time(town.house.now + 4000)


def _check_customers_know(town: Town) -> None:
    """Law (d)."""
    a = next((row.id for row in town.house.rows(schema.tenants) if row.external_id == "a"), None)
    cycles = {(m.incident_id, m.cycle) for m in town.house.rows(schema.incident_tenants) if m.tenant_id == a}
    known = {(one.incident, one.cycle) for one in town.sent if one.channel == "of-a" and one.kind in LOUD}
    for row in town.incidents():
        due = Sent("of-a", row.id, "opened", row.cycle, frozenset("a"), micros(town.house.now))
        if row.status == "Open" and (row.id, row.cycle) in cycles and not town.is_quiet(due):
            assert (row.id, row.cycle) in known, (row.job_key, row.cycle, town.sent)


def _check_nothing_is_told_twice(town: Town) -> None:
    """Law (e)."""
    opened: set[tuple[str, int, int]] = set()
    shown: dict[tuple[str, int, int], frozenset[str]] = {}
    for one in town.sent:
        key = one.channel, one.incident, one.cycle
        if one.kind in OPENINGS:
            assert key not in opened, (one, town.sent)
            opened.add(key)
        if one.kind in OPENINGS | {"blastRadiusExpanded"}:
            assert one.tenants - shown.get(key, frozenset()), (one, town.sent)
        shown[key] = shown.get(key, frozenset()) | one.tenants


def _check_ends(town: Town) -> None:
    """Law (a)."""
    for channel in town.channels.values():
        for row in town.incidents():
            kinds = [one.kind for one in town.sent if (one.channel, one.incident) == (channel, row.id)]
            is_told = False
            for number, kind in enumerate(kinds):
                assert number > 0 or kind == "opened", (channel, kinds)
                assert kind in OPENINGS or is_told, (channel, kinds)
                is_told = kind != "resolved"
            assert not (is_told and row.status == "Closed"), (channel, kinds)


def _check_nothing_is_lost(town: Town) -> None:
    """Law (b)."""
    members = town.house.rows(schema.incident_tenants)
    names = {row.id: row.external_id for row in town.house.rows(schema.tenants)}
    for row in town.incidents():
        if row.status != "Open" or (row.job_key == CHILD and _parent_is_open(town)):
            continue
        affected = {names[m.tenant_id] for m in members if (m.incident_id, m.cycle) == (row.id, row.cycle)}
        for channel in town.channels.values():
            wanted = affected & {"a"} if channel == "of-a" else affected
            told = [one for one in town.sent if (one.channel, one.incident, one.cycle) == (channel, row.id, row.cycle)]
            assert not wanted or any(one.kind in OPENINGS for one in told), (channel, row.status, told)
            assert wanted <= frozenset[str]().union(*(one.tenants for one in told)), (channel, wanted, told)


def _parent_is_open(town: Town) -> bool:
    return any(row.job_key == JOB and row.status == "Open" for row in town.incidents())


@pytest.fixture(scope="module")
def ground() -> Any:
    store = Store("sqlite://")
    with store.write() as connection:
        schema.metadata.create_all(connection)
    yield store
    store.close()


@settings(
    max_examples=int(os.environ.get("TOCSIN_EXAMPLES", "25")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(STEPS)
def test_the_laws_of_quiet(ground: Store, steps: list[Step]) -> None:
    empty(ground)
    town = Town(House(ground))
    town.build()
    _live_through(town, steps)
    _check_ends(town)
    _check_nothing_is_lost(town)
    _check_nothing_is_told_twice(town)
    assert town.house.rows(schema.holds) == [] or _parent_is_open(town)

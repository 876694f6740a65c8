"""The application against a naive reference, whatever happens in whatever order."""

import os
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.model import reference
from tests.model.reference import Reference, Rules
from tests.support.house import House, at, empty
from tocsin.application import accounts
from tocsin.application.record_check_ins import Receipt
from tocsin.domain.model import SECOND
from tocsin.store.engine import Store
from tocsin.store.schema import alerts, incident_tenants, incidents, job_environments, metadata, runs, tenants

TENANTS = st.sampled_from(["a", "b", "c"])
RULES = st.builds(
    Rules,
    mode=st.sampled_from(["any", "all"]),
    misses=st.integers(1, 3),
    tenants=st.integers(1, 3),
    failures=st.sampled_from([None, 1, 2]),
    recovery=st.integers(1, 2),
)
#: Lengths that end at, or next to, a deadline or the end of a clock; and any other.
TIMES = st.one_of(st.sampled_from([1, 5, 6, 29, 30, 31, 59, 60, 79, 80, 81, 100, 160, 240, 480]), st.integers(1, 300))
LEGAL = {
    None: {"opened"},
    "opened": {"blastRadiusExpanded", "resolved", "reopened"},
    "reopened": {"blastRadiusExpanded", "resolved", "reopened"},
    "blastRadiusExpanded": {"blastRadiusExpanded", "resolved", "reopened"},
    "resolved": {"reopened"},
}


def _store() -> Store:
    store = Store("sqlite://")
    with store.write() as connection:
        metadata.create_all(connection)
    return store


class Tocsin(RuleBasedStateMachine):
    store = _store()

    @initialize(rules=RULES)
    def begin(self, rules: Rules) -> None:
        empty(self.store)
        self.house = House(self.store)
        windows = {"recovery_window": reference.RECOVERY, "close_window": reference.CLOSE}
        windows["cooldown_window"] = reference.COOLDOWN
        with self.store.write() as connection:
            values = {name: seconds * SECOND for name, seconds in windows.items()}
            accounts.change_workspace(connection, self.house.workspace_id, values)
        self.house.make_job(
            schedule_interval=reference.INTERVAL * SECOND,
            grace=reference.GRACE * SECOND,
            max_runtime=reference.MAX_RUNTIME * SECOND,
            threshold_mode=rules.mode,
            miss_threshold=rules.misses,
            impact_threshold=rules.tenants,
            failure_threshold=rules.failures,
            recovery_threshold=rules.recovery,
        )
        for name in "abc":
            self.house.add_tenant(name)
        self.expected = Reference(rules)

    @rule(tenant=TENANTS, kind=st.sampled_from(["success", "success", "failure", "start"]))
    def check_in(self, tenant: str, kind: str) -> None:
        outcome = self.house.record([self.house.submission(kind, tenant)])[0]
        assert isinstance(outcome, Receipt) == self.expected.check_in(tenant, kind)
        self.pass_time(1)

    @rule(seconds=TIMES)
    def pass_time(self, seconds: int) -> None:
        until = self.expected.now + seconds
        self.house.pass_time(until - 0.000_001)
        self.house.now = until
        self.expected.pass_time(until)

    @rule(seconds=st.integers(6, 120))
    def be_away(self, seconds: int) -> None:
        until = self.expected.now + seconds
        self.expected.be_away(until)
        self.house.be_away(until)
        self.house.pass_time(until - 0.000_001)
        self.expected.pass_time(until)

    @precondition(lambda self: self.expected.is_active)
    @rule()
    def pause(self) -> None:
        self.house.change_job(is_active=False)
        self.expected.pause()

    @precondition(lambda self: not self.expected.is_active)
    @rule()
    def resume(self) -> None:
        self.house.change_job(is_active=True)
        self.expected.resume()
        self.pass_time(1)

    @rule(tenant=TENANTS)
    def switch(self, tenant: str) -> None:
        if tenant in self.expected.inactive:
            self.house.activate(tenant)
            self.expected.activate(tenant)
            self.pass_time(1)
        else:
            self.house.deactivate(tenant)
            self.expected.deactivate(tenant)

    @precondition(lambda self: self.expected.live() is not None)
    @rule()
    def resolve(self) -> None:
        live = self.house.rows(incidents, incidents.c.status != "Closed")
        self.house.resolve(live[0].id)
        self.expected.resolve()

    # --- what must be so ------------------------------------------------------------------------------------------

    @invariant()
    def streams_are_as_expected(self) -> None:
        for name, stream in self.expected.streams.items():
            row = self.house.stream(name)
            assert (name, row.missed_runs, row.consecutive_failures) == (name, stream.missed, stream.failures)
            assert (name, at(row.last_success_at), row.open_runs) == (name, stream.last_success, len(stream.open))
            found = [r for r in self.house.rows(runs, runs.c.stream_id == row.id) if r.outcome != "in_progress"]
            assert sorted((at(r.at), r.outcome) for r in found) == sorted(stream.rows), name

    @invariant()
    def incidents_are_as_expected(self) -> None:
        now = self.expected.now  # what is due at this very moment may yet come
        flat = [step for incident in self.expected.incidents for step in incident.timeline if step[0] < now]
        assert [(moment, to) for _, to, moment in self.house.timeline() if moment != now] == flat
        found = self.house.rows(incidents)
        assert [(i.reopen_count, i.tenant_count) for i in found] == [
            (i.reopened, len(i.ever)) for i in self.expected.incidents
        ]
        told = [(moment, kind) for kind, moment in self.house.told() if moment != now]
        assert told == [alert for alert in self.expected.alerts if alert[0] < now]

    @invariant()
    def tenants_are_as_expected(self) -> None:
        names = {row.id: row.external_id for row in self.house.rows(tenants)}
        for incident, expected in zip(self.house.rows(incidents), self.expected.incidents, strict=True):
            rows = self.house.rows(incident_tenants, incident_tenants.c.incident_id == incident.id)
            assert {names[row.tenant_id] for row in rows} == expected.ever
            in_cycle = {names[row.tenant_id] for row in rows if row.cycle == incident.cycle}
            assert in_cycle == expected.cycle
            assert incident.tenant_count == len(rows)

    @invariant()
    def at_most_one_incident_lives(self) -> None:
        assert len(self.house.rows(incidents, incidents.c.status != "Closed")) <= 1

    @invariant()
    def alerts_come_in_legal_order(self) -> None:
        last: dict[int, str | None] = {}
        for alert in self.house.rows(alerts):
            assert alert.kind in LEGAL[last.get(alert.incident_id)]
            last[alert.incident_id] = alert.kind

    @invariant()
    def counters_equal_counting(self) -> None:
        for environment in self.house.rows(job_environments):
            streams = list(self.expected.streams.values())
            counted: dict[str, Any] = {
                "watched": sum(s.is_watched for s in streams),
                "late": sum(self.expected.counts(s) for s in streams),
                "affected": sum(s.is_affected for s in streams),
            }
            kept = {name: getattr(environment, f"{name}_count") for name in counted}
            assert kept == counted


TestTocsin = Tocsin.TestCase
TestTocsin.settings = settings(
    max_examples=int(os.environ.get("TOCSIN_EXAMPLES", "25")),
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

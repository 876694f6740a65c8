"""Incidents of integrations beside a plain reference, however events are batched and whenever the tick comes."""

import os
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.house import House, empty, micros
from tocsin.application.record_events import EventSubmission
from tocsin.domain.event import Event
from tocsin.store.engine import Store
from tocsin.store.schema import incident_tenants, incidents, metadata

RECOVERY, CLOSE, COOLDOWN = 300, 600, 900
law = settings(
    max_examples=int(os.environ.get("TOCSIN_EXAMPLES", "50")),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)


class Told(NamedTuple):
    """An event `gap` seconds after the one before, that happened `late` seconds before. `is_cut`: a batch ends before
    it; `is_ticked`: and the tick comes."""

    gap: int
    tenant: str
    late: int
    is_cut: bool
    is_ticked: bool


GAPS = st.sampled_from([0, 1, 20, 60, 299, 300, 301, 600, 899, 900, 901, 1800, 1801, 2000])
EVENTS = st.lists(
    st.builds(
        Told, GAPS, st.sampled_from("abc"), st.sampled_from([0, 0, 0, 30, 299, 300, 301]), st.booleans(), st.booleans()
    ),
    min_size=1,
    max_size=14,
)
THRESHOLDS = st.none() | st.tuples(st.integers(2, 4), st.sampled_from([1, 30, 60, 320]))


class Reference:
    """The contract, read aloud: no counters, no clocks set in advance, everything remembered."""

    def __init__(self, threshold: tuple[int, int] | None) -> None:
        self.threshold = threshold
        self.steps: list[tuple[str | None, str, float]] = []
        self.alerts: list[tuple[str, float]] = []
        self.status: str | None = None
        self.opened = 0
        self.joined: list[list[str]] = []
        self.last_event = self.changed = 0
        self.is_announced = self.was_told = self.is_cycle_told = False
        self.cycle: list[int] = []

    def pass_time(self, until: float) -> None:
        if self.status == "Open" and self.last_event + RECOVERY <= until:
            self._go("Recovering", self.last_event + RECOVERY)
        if self.status == "Recovering" and self.changed + CLOSE <= until:
            self._go("Closed", self.changed + CLOSE)
            if self.is_announced:
                self.alerts.append(("resolved", self.changed))
            self.is_announced = False

    def hear(self, at: int, tenant: str, late: int) -> None:
        self.pass_time(at - 0.5)
        if late > RECOVERY:
            if self.status in {"Open", "Recovering"}:
                self.joined[-1].append(tenant)
            return
        is_over = self.status is None or (self.status == "Closed" and at > self.changed + COOLDOWN)
        if is_over:
            self.joined.append([])
            self.was_told, self.status = False, None
        if self.status != "Open":
            self._go("Open", at)
            self.cycle, self.is_cycle_told = [], False
        self.joined[-1].append(tenant)
        self.last_event = at
        self.cycle.append(at - late)
        if not self.is_cycle_told and self._is_enough():
            self.alerts.append(("reopened" if self.was_told else "opened", at))
            self.is_announced = self.was_told = self.is_cycle_told = True

    def _is_enough(self) -> bool:
        if self.threshold is None:
            return True
        count, window = self.threshold
        return any(sum(end - window <= one <= end for one in self.cycle) >= count for end in self.cycle)

    def _go(self, status: str, at: int) -> None:
        self.steps.append((self.status, status, at))
        self.status, self.changed = status, at


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    store = Store("sqlite://")
    with store.write() as connection:
        metadata.create_all(connection)
    yield store
    store.close()


def play(house: House, told: list[Told]) -> None:
    batch: list[EventSubmission] = []
    moment = 0
    for one in told:
        if batch and (one.is_cut or one.is_ticked):
            house.record_events(batch)
            batch = []
        if one.is_ticked and one.gap > 1:
            house.pass_time(moment + one.gap - 1)
        moment += one.gap
        house.now = moment
        at, occurred = micros(moment), micros(moment - one.late)
        batch.append(
            EventSubmission((Event(house.workspace_id, "payments", "auth_failed", one.tenant, at, None, occurred),))
        )
    house.record_events(batch)
    house.pass_time(moment + 5_000)


@law
@given(EVENTS, THRESHOLDS)
def test_the_life_of_an_incident_is_as_the_contract_reads(
    store: Store, told: list[Told], threshold: tuple[int, int] | None
) -> None:
    empty(store)
    house = House(store)
    house.set_pattern("auth_failure", *(threshold or (1, None)))
    reference, moment = Reference(threshold), 0
    for one in told:
        moment += one.gap
        reference.hear(moment, one.tenant, one.late)
    reference.pass_time(moment + 5_000)

    play(house, told)
    assert house.timeline() == reference.steps
    assert [alert for alert in house.told() if alert[0] != "blastRadiusExpanded"] == reference.alerts
    kept = [(i.event_count, i.tenant_count) for i in house.rows(incidents)]
    assert kept == [(len(joined), len(set(joined))) for joined in reference.joined]
    assert sum(m.event_count for m in house.rows(incident_tenants)) == sum(map(len, reference.joined))

"""Distinct check-ins with runId and occurredAt give the same runs and stream state, in whatever order they come."""

import os
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from tests.support.house import House, at, empty
from tocsin.domain.model import SECOND
from tocsin.store.engine import Store
from tocsin.store.schema import metadata, runs

INTERVAL, GRACE = 100, 20
WINDOW = INTERVAL + GRACE
#: Nothing that is reported occurred after this, and everything has arrived by the end.
LAST, LONGEST_DELAY, END = 5 * WINDOW, 3 * WINDOW, 9 * WINDOW + 7


class Said(NamedTuple):
    """A check-in as its sender knows it; it is received `delay` seconds after `occurred`."""

    kind: str
    run: str
    occurred: int
    delay: int = 0


#: Near deadlines, and anywhere else.
MOMENTS = st.one_of(st.sampled_from([k * WINDOW + d for k in range(1, 5) for d in (-1, 0, 1)]), st.integers(1, LAST))
DELAYS = st.one_of(st.just(0), st.integers(0, LONGEST_DELAY))
KINDS, RESULTS = st.sampled_from(["start", "success", "failure"]), st.sampled_from(["success", "failure"])
SAID = st.builds(Said, KINDS, st.sampled_from(["a", "b", "c", "d", "e"]), MOMENTS, DELAYS)
MANY = st.lists(SAID, min_size=2, max_size=8, unique_by=lambda s: (s.kind, s.run, s.occurred))
#: Slots and windows of all of these lie at multiples of 120 s.
SCHEDULES: dict[str, dict[str, Any]] = {
    "interval": {"schedule_type": "interval", "schedule_interval": INTERVAL * SECOND},
    "crontab": {"schedule_type": "crontab", "schedule_interval": None, "schedule_value": "*/2 * * * *"},
    "calendar": {"schedule_type": "calendar", "schedule_interval": 2, "schedule_value": "minute"},
}
LEARNED = {"schedule_type": "learned", "schedule_interval": None}


@st.composite
def _plain_runs(draw: st.DrawFn) -> list[Said]:
    """So few runs that they change no rhythm, each with a start, a result, or both: what a start that was not the true
    one has taught is forgotten only in part."""
    many = []
    for run in "abcd"[: draw(st.integers(1, 4))]:
        first, last = sorted(draw(st.tuples(MOMENTS, MOMENTS)))
        which = draw(st.integers(1, 3))
        many += [Said("start", run, first, draw(DELAYS))] if which & 1 else []
        many += [Said(draw(RESULTS), run, last, draw(DELAYS))] if which & 2 else []
    return many


def _jobs(schedules: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "schedule_type": st.sampled_from(schedules),
            "failure_threshold": st.sampled_from([None, 2]),
            "recovery_threshold": st.sampled_from([1, 2]),
            "max_runtime": st.sampled_from([None, 50 * SECOND, 150 * SECOND]),
        }
    )


CASES = st.one_of(st.tuples(_jobs(sorted(SCHEDULES)), MANY), st.tuples(_jobs(["learned"]), _plain_runs()))
AWAY = st.sampled_from([(90, 130), (125, 300), (200, 270), (350, 390), (100, 500)])
law = settings(
    max_examples=int(os.environ.get("TOCSIN_EXAMPLES", "50")),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    store = Store("sqlite://")
    with store.write() as connection:
        metadata.create_all(connection)
    yield store
    store.close()


def is_settled(job: dict[str, Any], many: Sequence[Said]) -> bool:
    """Whether no run has results both before and after one of its timeouts: a run remembers but one result."""
    if job["max_runtime"] is None:
        return True
    sides: dict[tuple[str, int], bool] = {}
    for start in many:
        for result in many:
            if start.kind == "start" and result.run == start.run and result.kind != "start":
                is_after = result.occurred > start.occurred + job["max_runtime"] // SECOND
                if sides.setdefault((start.run, start.occurred), is_after) != is_after:
                    return False
    return True


def _house(store: Store, job: dict[str, Any]) -> House:
    empty(store)
    house = House(store)
    columns = {"grace": GRACE * SECOND, "miss_threshold": 99, "impact_threshold": 99}
    house.make_job(**{**columns, **job, **SCHEDULES.get(job["schedule_type"], LEARNED)})
    # A rhythm is known after five gaps; every other schedule begins with the first check-in.
    for moment in range(-7 * WINDOW if job["schedule_type"] == "learned" else 0, 1, WINDOW):
        house.pass_time(moment - 0.000_001)
        house.now = moment
        house.check_in("success", run=f"first@{moment}", occurred=moment)
    return house


def _arrive(
    store: Store, job: dict[str, Any], arrivals: Sequence[tuple[int, Said]], away: tuple[int, int] | None = None
) -> Any:
    """What is known in the end when each arrives at its moment, with time passing between. `away`: from when to when we
    were, before all that arrives."""
    house = _house(store, job)
    if away is not None:
        house.pass_time(away[0] - 0.000_001)
        house.now = away[0]
        house.be_away(away[1])
    for moment, said in arrivals:
        house.pass_time(moment - 0.000_001)
        house.now = moment
        house.check_in(said.kind, run=said.run, occurred=said.occurred)
    house.pass_time(END)
    return _state(house, job)


def _state(house: House, job: dict[str, Any]) -> Any:
    stream = house.stream()
    known = [
        (r.client_run_id or "", r.outcome, at(r.at), at(r.expected_at), at(r.started_at), r.duration, r.missed_count)
        for r in house.rows(runs)
    ]
    return sorted(known, key=repr), {
        "missed_runs": stream.missed_runs,
        "consecutive_failures": stream.consecutive_failures,
        "last_success_at": at(stream.last_success_at),
        "successes_in_row": min(stream.successes_in_row, job["recovery_threshold"]),
        "next_deadline": at(stream.check_at if job["schedule_type"] == "interval" else stream.deadline_at),
        "pending": at(stream.pending_at),
        "open_runs": stream.open_runs,
    }


@law
@given(CASES, st.randoms(use_true_random=False))
def test_all_late_in_any_order(store: Store, case: tuple[dict[str, Any], list[Said]], chance: Any) -> None:
    job, many = case
    assume(is_settled(job, many))
    shuffled = list(many)
    chance.shuffle(shuffled)
    in_order = sorted(many, key=lambda s: s.occurred)
    late = [[(LAST + 10 + i, said) for i, said in enumerate(order)] for order in (in_order, shuffled)]
    assert _arrive(store, job, late[0]) == _arrive(store, job, late[1])


@law
@given(_jobs(sorted(SCHEDULES)), MANY, AWAY, st.randoms(use_true_random=False))
def test_all_late_in_any_order_after_we_were_away(
    store: Store, job: dict[str, Any], many: list[Said], away: tuple[int, int], chance: Any
) -> None:
    """But for timeouts: of two in one absence the first that is judged is forgiven."""
    shuffled = list(many)
    chance.shuffle(shuffled)
    late = [[(LAST + 10 + i, said) for i, said in enumerate(order)] for order in (many, shuffled)]
    terms = job | {"max_runtime": None}
    assert _arrive(store, terms, late[0], away) == _arrive(store, terms, late[1], away)


def test_what_begins_after_an_absence_has_its_slot_also_when_the_one_before_was_reported(store: Store) -> None:
    a, b = _told("start a@119, start b@581")
    late = [[(LAST, one), (LAST + 1, other)] for one, other in ((a, b), (b, a))]
    outcomes = [_arrive(store, _job("interval", None), arrivals, (90, 130)) for arrivals in late]
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("schedule", sorted(SCHEDULES))
def test_a_late_start_that_timed_out_long_ago_leaves_later_misses_alone(store: Store, schedule: str) -> None:
    """Its timeout is judged in a second of its own, when the deadlines after it are judged already."""
    early, later = Said("start", "c", 119), Said("start", "b", 479)
    outcomes = [
        _arrive(store, _job(schedule, 50), [(610, one), (611, other)])
        for one, other in ((early, later), (later, early))
    ]
    assert outcomes[0] == outcomes[1]
    rows, stream = outcomes[0]
    assert stream["missed_runs"] + stream["consecutive_failures"] > 12
    assert sum(outcome == "missed" for _, outcome, *_ in rows) >= 6


#: Two orders of arrival that once gave different runs, and what is alike in both. Runs may take so many seconds.
ONCE_DIFFERENT = {
    "a start that turns out to be earlier uncovers the slot it covered, also where a success lies between": (
        ("crontab", None),
        "start a@119, start b@119, start b@239, success a@240",
        "success a@240, start b@239, start a@119, start b@119",
    ),
    "a run that went on when another succeeded covers the slot after that": (
        ("crontab", None),
        "start c@1, start a@119, success c@120, start b@239, success a@240",
        "start c@1, success a@240, success c@120, start a@119, start b@239",
    ),
    "a run that begins with a success has the slot that was expected before it, also when what comes next is told": (
        ("calendar", None),
        "success a@119, start c@121, success b@121, success d@239",
        "success d@239, success a@119, success b@121, start c@121",
    ),
    "of two runs that fail before the deadline of the first one counts, also when that has passed": (
        ("calendar", None),
        "start a@119, failure b@479, failure c@480",
        "failure c@480, start a@119, failure b@479",
    ),
    "a slot is missed before a success, and once, also when what comes after it is told": (
        ("learned", None),
        "start b@119, success b@359, start a@360",
        "start a@360, start b@119, success b@359",
    ),
    "what comes before a timeout was settled by then, also when it is drawn anew for an earlier timeout": (
        ("calendar", 50),
        "start a@359, start b@390, start c@479",
        "start c@479, start a@359, start b@390",
    ),
}


@pytest.mark.parametrize(("terms", "order", "other"), ONCE_DIFFERENT.values(), ids=ONCE_DIFFERENT)
def test_once_different(store: Store, terms: tuple[str, int | None], order: str, other: str) -> None:
    outcomes = [_arrive(store, _job(*terms), [(LAST + i, s) for i, s in enumerate(_told(it))]) for it in (order, other)]
    assert outcomes[0] == outcomes[1]


def _job(schedule: str, max_seconds: int | None) -> dict[str, Any]:
    max_runtime = None if max_seconds is None else max_seconds * SECOND
    return {"schedule_type": schedule, "failure_threshold": None, "recovery_threshold": 1, "max_runtime": max_runtime}


def _told(text: str) -> list[Said]:
    """Check-ins as `start a@119, success a@240`; what is received 20 s later has a `+20`."""
    words = [one.replace("@", " ").replace("+", " ").split() for one in text.split(", ")]
    return [Said(kind, run, *map(int, moments)) for kind, run, *moments in words]


@law
@given(CASES)
@example(
    (
        _job("calendar", None),
        _told("start a@240, start b@119, start c@121, success a@119, success a@239, success b@121+119"),
    )
)
@example((_job("calendar", None), _told("start c@239, success a@119, failure a@240, failure b@359+21")))
@example((_job("crontab", 150), _told("start b@89, start a@119, success b@239, start c@120+150")))
def test_late_or_in_time(store: Store, case: tuple[dict[str, Any], list[Said]]) -> None:
    job, many = case
    assume(is_settled(job, many))
    in_time = sorted(((s.occurred, s) for s in many), key=lambda pair: pair[0])
    delayed = sorted(((s.occurred + s.delay, s) for s in many), key=lambda pair: pair[0])
    assert _arrive(store, job, in_time) == _arrive(store, job, delayed)

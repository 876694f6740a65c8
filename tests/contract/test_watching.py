"""Who is watched, from when on, and what happens when it ends: on both engines."""

import pytest

from tests.support.house import JOB, House, at
from tocsin.application import manage_jobs
from tocsin.application.errors import Refused
from tocsin.domain.ids import to_uuid
from tocsin.domain.model import SECOND
from tocsin.store.engine import Store
from tocsin.store.schema import incidents, job_environments, jobs, runs, streams, transitions

WINDOW = 3900


@pytest.fixture
def house(store: Store) -> House:
    return House(store)


def _counters(house: House) -> tuple[int, int, int]:
    row = house.rows(job_environments)[0]
    return row.watched_count, row.late_count, row.affected_count


def test_scope_all_expects_every_active_tenant_but_our_own(house: House) -> None:
    for name in ("a", "b"):
        house.add_tenant(name)
    house.deactivate("b")
    house.now = 10
    house.make_job(tenant_scope="all")
    assert [at(row.check_at) for row in house.rows(streams)] == [10 + WINDOW]
    assert _counters(house) == (1, 0, 0)
    house.now = 20
    house.activate("b")
    house.add_tenant("c")
    assert [at(row.check_at) for row in house.rows(streams)] == [10 + WINDOW, 20 + WINDOW, 20 + WINDOW]
    house.check_in("success", "d")
    assert _counters(house) == (4, 0, 0)


def test_scope_seen_lets_go_of_who_was_never_heard(house: House) -> None:
    for name in ("a", "b"):
        house.add_tenant(name)
    house.make_job(tenant_scope="all")
    house.check_in("success", "a")
    house.pass_time(WINDOW)
    house.change_job(tenant_scope="seen")
    assert [row.is_watched for row in house.rows(streams)] == [True, False]
    assert _counters(house) == (1, 1, 1)
    house.change_job(tenant_scope="all")
    assert _counters(house) == (2, 1, 1)


def test_pausing_ends_what_was_wrong_and_resuming_begins_anew(house: House) -> None:
    house.make_job()
    house.check_in("success")
    house.pass_time(5000)
    house.change_job(is_active=False)
    assert _counters(house) == (1, 0, 0)
    assert house.told() == [("opened", WINDOW), ("resolved", 5000)]
    house.pass_time(50_000)
    assert house.runs() == [("ok", 0), ("missed", WINDOW)]
    house.change_job(is_active=True)
    stream = house.stream()
    assert (stream.missed_runs, at(stream.check_at)) == (0, 50_000 + WINDOW)
    assert house.rows(transitions)[-1].sentence == "Job paused"


def test_a_changed_schedule_begins_a_fresh_window_for_all(house: House) -> None:
    house.make_job()
    house.record([house.submission("success", name) for name in "ab"])
    house.pass_time(WINDOW)
    house.change_job(schedule_interval=60 * SECOND, grace=0)
    assert [(row.missed_runs, at(row.check_at), row.is_affected) for row in house.rows(streams)] == [
        (0, WINDOW + 60, True)
    ] * 2
    assert _counters(house) == (2, 0, 2)
    house.now = WINDOW + 10
    house.record([house.submission("success", name) for name in "ab"])
    assert _counters(house) == (2, 0, 0)


def test_a_schedule_of_none_expects_nothing(house: House) -> None:
    house.make_job()
    house.check_in("success")
    house.change_job(schedule_type="none", schedule_interval=None)
    assert house.stream().check_at is None
    house.pass_time(100_000)
    assert house.runs() == [("ok", 0)]


def test_a_lower_threshold_counts_what_is_late_already(house: House) -> None:
    house.make_job(threshold_mode="all", miss_threshold=3, impact_threshold=2)
    house.record([house.submission("success", name) for name in "ab"])
    house.pass_time(WINDOW + 1)
    assert _counters(house) == (2, 0, 0)
    house.change_job(miss_threshold=1)
    assert _counters(house) == (2, 2, 2)
    house.pass_time(2 * WINDOW)
    assert house.timeline() == [(None, "Open", 2 * WINDOW)]


def test_a_shorter_runtime_brings_timeouts_forward(house: House) -> None:
    house.make_job(schedule_type="none", schedule_interval=None)
    house.check_in("start")
    house.change_job(max_runtime=60 * SECOND)
    house.pass_time(61)
    assert house.runs() == [("timeout", 60)]
    assert house.timeline() == [(None, "Open", 60)]


def test_one_tenant_leaves_and_the_incident_stays(house: House) -> None:
    house.make_job()
    house.record([house.submission("success", name) for name in "ab"])
    house.pass_time(WINDOW)
    house.deactivate("a")
    assert _counters(house) == (1, 1, 1)
    assert [row.status for row in house.rows(incidents)] == ["Open"]
    house.deactivate("b")
    assert _counters(house) == (0, 0, 0)
    assert house.rows(transitions)[-1].sentence == "Tenant deactivated"
    house.deactivate("b")
    assert house.told() == [("opened", WINDOW), ("resolved", WINDOW)]


def test_a_failing_tenant_that_comes_back_is_affected_by_the_next_failure_only(house: House) -> None:
    house.make_job(failure_threshold=2, miss_threshold=99, impact_threshold=99)
    house.record([house.submission("failure", received=moment) for moment in (0, 1)])
    house.now = 2
    house.deactivate("acme")
    house.activate("acme")
    assert (_counters(house), house.stream().is_affected) == ((1, 0, 0), False)
    house.check_in("start", run="r")
    assert _counters(house) == (1, 0, 0)
    house.check_in("failure", run="r")
    assert _counters(house) == (1, 0, 1)
    assert [to for _, to, _ in house.timeline()] == ["Open", "Closed", "Open"]


def test_a_forgotten_stream_begins_anew_when_it_is_heard(house: House) -> None:
    house.make_job()
    house.check_in("success")
    house.pass_time(WINDOW)
    stream = to_uuid(house.stream().id)
    with house.store.write() as connection:
        arguments = (connection, house.ids, 0, house.workspace_id, JOB)
        manage_jobs.forget_stream(*arguments, stream)
        with pytest.raises(Refused, match="Stream not found."):
            manage_jobs.forget_stream(*arguments, "nonsense")
    assert _counters(house) == (0, 0, 0)
    assert house.rows(transitions)[-1].sentence == "No longer watched"
    house.pass_time(10 * WINDOW)
    assert len(house.rows(runs)) == 2
    house.check_in("failure")
    assert _counters(house) == (1, 0, 0)
    assert at(house.stream().check_at) == 11 * WINDOW


def test_a_deleted_job_takes_all_but_its_history_with_it(house: House) -> None:
    house.make_job()
    house.check_in("success")
    house.pass_time(WINDOW)
    house.delete_job()
    for table in (jobs, job_environments, streams, runs):
        assert house.rows(table) == []
    incident = house.rows(incidents)[0]
    assert (incident.status, incident.job_key, incident.job_environment_id) == ("Closed", JOB, None)
    assert house.told() == [("opened", WINDOW), ("resolved", WINDOW)]
    house.make_job()
    house.check_in("success")
    assert _counters(house) == (1, 0, 0)


def test_only_what_lives_is_resolved_and_only_by_its_workspace(house: House) -> None:
    house.make_job()
    house.check_in("success")
    house.pass_time(WINDOW)
    incident = house.rows(incidents)[0].id
    stranger = House(house.store, house.ids)
    with pytest.raises(Refused, match="Incident not found."):
        stranger.resolve(incident)
    house.resolve(incident)
    with pytest.raises(Refused, match="closed already"):
        house.resolve(incident)
    assert _counters(house) == (1, 0, 0)
    assert house.stream().missed_runs == 1


# --- a schedule that is to be learned ---------------------------------------------------------------------------------


def test_what_becomes_learned_has_learned_from_its_past(house: House) -> None:
    """Each stream from the starts of its own runs, whatever came of them; expected from the change on."""
    house.make_job(threshold_mode="all", miss_threshold=99)
    for i in range(6):
        house.now = i * 1800
        house.check_in("start", "hourly", run=f"r{i}")
        if i % 2 == 0:
            house.check_in("success", "other", duration=30)
        house.now += 700 + i
        house.check_in("failure" if i == 3 else "success", "hourly", run=f"r{i}")
    house.now = 9_900
    house.change_job(schedule_type="learned", schedule_interval=None)
    hourly, other = house.stream("hourly"), house.stream("other")
    assert (at(hourly.due_at), at(hourly.deadline_at)) == (9_900 + 1_800, 9_900 + 1_800 + 450)
    assert (at(other.due_at), other.check_at) == (None, None)  # two gaps are not enough
    house.pass_time(12_150)
    assert house.stream("hourly").missed_runs == 1
    house.now = 12_200
    house.check_in("success", "hourly")
    assert at(house.stream("hourly").due_at) == 12_200 + 1_800


def test_what_was_learned_is_kept_over_a_pause_and_forgotten_with_the_schedule(house: House) -> None:
    house.make_job(schedule_type="learned", schedule_interval=None, grace=None)
    for i in range(7):
        house.now = i * 600
        house.check_in("success")
    learned = house.stream().rhythm
    house.change_job(is_active=False)
    house.now = 90_000
    house.change_job(is_active=True)
    assert at(house.stream().due_at) == 90_600
    house.change_job(schedule_type="interval", schedule_interval=3600 * SECOND, grace=60 * SECOND)
    assert house.stream().rhythm is None
    house.change_job(schedule_type="learned", schedule_interval=None)
    assert at(house.stream().due_at) == 90_600
    assert house.stream().rhythm is not None
    assert learned is not None


def test_a_miss_teaches_nothing(house: House) -> None:
    house.make_job()
    for i in range(4):
        house.now = i * 3600
        house.check_in("success")
    house.pass_time(40_000)
    assert [outcome for outcome, _ in house.runs()].count("missed") > 5
    house.change_job(schedule_type="learned", schedule_interval=None)
    assert house.stream().due_at is None

"""Check-ins that are steps of a run, and the jobs that they make, on both engines."""

from typing import Any

import pytest

from tests.support.house import House, at, micros
from tocsin.application.errors import Refused
from tocsin.application.record_check_ins import Outcome, Receipt, Submission
from tocsin.application.terms import JobWish, Rejected, Terms
from tocsin.domain.attribution import Attribution
from tocsin.domain.model import SECOND, CheckIn, CheckInKind
from tocsin.domain.reason import Reason
from tocsin.store import details, rejections, sentry_keys, views_deliveries, views_jobs, views_streams, views_topology
from tocsin.store.details import MOST_NOTES
from tocsin.store.engine import Store
from tocsin.store.paging import Page
from tocsin.store.schema import incidents, jobs, places, run_details, run_notes, runs
from tocsin.store.schema import rejections as rejection_table
from tocsin.store.views_job_list import JobFilters, list_jobs

MINUTE = 60 * SECOND
DEFAULTS: dict[str, Any] = {
    "grace": MINUTE,
    "threshold_mode": "all",
    "miss_threshold": 1,
    "impact_threshold": 1,
    "failure_threshold": 1,
    "recovery_threshold": 1,
    "max_runtime": 30 * MINUTE,
    "tenant_scope": "seen",
}
HOURLY = {"schedule_type": "crontab", "schedule_interval": None, "schedule_value": "0 * * * *", "schedule_zone": "UTC"}
WISH = JobWish(DEFAULTS, HOURLY)


class Steps(House):
    """A house whose check-ins are steps; times in seconds after noon."""

    def step(self, kind: str, run: str | None = None, terms: Terms | None = None, **fields: Any) -> Submission:
        check_in = CheckIn(
            self.workspace_id,
            fields.pop("job", "steps"),
            "default",
            fields.pop("environment", "production"),
            CheckInKind(kind),
            micros(self.now),
            run,
            is_step=True,
            **fields,
        )
        return Submission(check_in, terms=terms or Terms(WISH, "test"))

    def say(self, kind: str, run: str | None = None, moment: float | None = None, **fields: Any) -> Outcome:
        self.now = self.now if moment is None else moment
        return self.record([self.step(kind, run, **fields)])[0]

    def reason(self, *arguments: Any, **fields: Any) -> Reason:
        outcome = self.say(*arguments, **fields)
        assert isinstance(outcome, Receipt | Rejected), outcome
        return outcome.reason

    def dropped(self) -> list[tuple[str, str, str, int]]:
        kept = sorted(self.rows(rejection_table), key=lambda row: int(row.id))
        return [(row.reason, row.job_key, row.environment, row.times) for row in kept]


@pytest.fixture
def house(store: Store) -> Steps:
    return Steps(store)


# --- the life of a run ------------------------------------------------------------------------------------------------


def test_each_sign_of_life_lets_the_time_of_a_run_run_anew(house: Steps) -> None:
    daily = Terms(JobWish(DEFAULTS, {**HOURLY, "schedule_value": "0 12 * * *"}))
    assert house.reason("start", "a", 0, terms=daily) is Reason.RUN_STARTED
    assert house.reason("start", "a", 1_200, terms=daily) is Reason.PROLONGED
    house.pass_time(1_801)
    assert house.runs() == [("in_progress", 1_200)]
    assert house.reason("start", "a", 2_000, terms=daily) is Reason.PROLONGED
    house.pass_time(2_000 + 1_799)
    assert house.runs() == [("in_progress", 2_000)]
    house.pass_time(2_000 + 1_801)
    assert house.runs() == [("timeout", 3_800)]


def test_a_run_given_up_goes_on_with_the_next_sign_of_life(house: Steps) -> None:
    house.say("start", "a", 0)
    house.pass_time(1_801)
    assert house.runs() == [("timeout", 1_800)]
    assert len(house.rows(incidents)) == 1
    assert house.reason("start", "a", 1_900) is Reason.REVIVED
    assert house.runs() == [("in_progress", 1_900)]
    assert (house.stream("default").open_runs, house.stream("default").consecutive_failures) == (1, 0)
    assert house.reason("success", "a", 2_000) is Reason.RUN_CLOSED
    [run] = house.rows(runs)
    assert (run.outcome, at(run.started_at), run.duration) == ("ok", 0, 2_000 * SECOND)
    assert not house.stream("default").is_affected


def test_a_run_that_is_unknown_goes_on_with_the_next_sign_of_life(house: Steps) -> None:
    house.make_job(job_key="the-job", **{**DEFAULTS, **HOURLY})
    on_it = {"job": "the-job", "terms": Terms()}
    house.say("start", "a", 0, **on_it)
    house.change_job(is_active=False)
    house.pass_time(1_801)
    assert house.runs() == [("unknown", 1_800)]
    house.change_job(is_active=True)
    assert house.reason("start", "a", 1_900, **on_it) is Reason.REVIVED
    assert house.runs() == [("in_progress", 1_900)]
    assert house.reason("success", "a", 2_000, **on_it) is Reason.RUN_CLOSED
    assert house.runs() == [("ok", 2_000)]


def test_a_late_result_only_adds_its_duration(house: Steps) -> None:
    house.say("start", "a", 0)
    house.pass_time(1_801)
    assert house.reason("success", "a", 2_000) is Reason.DURATION_ADDED
    [run] = house.rows(runs)
    assert (run.outcome, run.duration) == ("timeout", 2_000 * SECOND)


def test_the_first_result_is_final_and_the_second_is_kept_as_dropped(house: Steps) -> None:
    house.say("start", "a", 0)
    assert house.reason("success", "a", 10) is Reason.RUN_CLOSED
    assert house.reason("failure", "a", 20) is Reason.ALREADY_FINISHED
    assert house.reason("start", "a", 21) is Reason.OUT_OF_ORDER
    assert house.runs() == [("ok", 10)]
    assert house.dropped() == [("already_finished", "steps", "production", 1)]


def test_without_a_name_the_newest_open_run_is_meant(house: Steps) -> None:
    assert house.reason("start", None, 0) is Reason.RUN_STARTED
    assert house.reason("start", None, 60) is Reason.PROLONGED
    assert house.reason("failure", None, 90) is Reason.RUN_CLOSED
    assert [(run.outcome, run.duration) for run in house.rows(runs)] == [("error", 90 * SECOND)]


def test_a_run_belongs_to_one_environment(house: Steps) -> None:
    house.say("start", "a", 0)
    assert house.reason("success", "a", 10, environment="staging") is Reason.WRONG_ENVIRONMENT
    assert house.reason("start", "b", 11, environment="staging") is Reason.RUN_STARTED
    assert [run.outcome for run in house.rows(runs)] == ["in_progress", "in_progress"]
    assert house.dropped() == [("wrong_environment", "steps", "staging", 1)]


def test_an_overlapping_run_hides_no_timeout(house: Steps) -> None:
    """In Sentry it did: a newer check-in of another run kept the incident of a timed out one from opening."""
    house.say("start", "a", 0)
    house.say("start", "b", 1_700)
    house.pass_time(1_801)
    assert sorted(run.outcome for run in house.rows(runs)) == ["in_progress", "timeout"]
    assert len(house.rows(incidents)) == 1


def test_fewer_failures_than_the_threshold_open_nothing(house: Steps) -> None:
    wish = JobWish(DEFAULTS, {**HOURLY, "failure_threshold": 3, "miss_threshold": 3})
    for i in range(2):
        house.say("failure", f"r{i}", 30 + i * 60, terms=Terms(wish))
    assert house.rows(incidents) == []
    house.say("failure", "r3", 200, terms=Terms(wish))
    assert len(house.rows(incidents)) == 1


# --- jobs on sight ----------------------------------------------------------------------------------------------------


def test_a_check_in_makes_the_job_it_wants(house: Steps) -> None:
    assert house.reason("success", "a", 0) is Reason.RUN_RECORDED
    [job] = house.rows(jobs)
    assert (job.job_key, job.name, job.schedule_value, job.max_runtime) == ("steps", "steps", "0 * * * *", 30 * MINUTE)


def test_a_check_in_changes_exactly_what_it_says(house: Steps) -> None:
    house.make_job(job_key="steps", name="Mine", description="kept", grace=7 * MINUTE, recovery_threshold=5)
    [before] = house.rows(jobs)
    house.say("success", "a", 0, terms=Terms(JobWish(DEFAULTS, {**HOURLY, "max_runtime": MINUTE})))
    [after] = house.rows(jobs)
    changed = {name for name in after._mapping if after._mapping[name] != before._mapping[name]}
    assert changed == {"schedule_type", "schedule_interval", "schedule_value", "schedule_zone", "max_runtime"}


def test_a_schedule_that_comes_over_an_interval_has_a_zone(house: Steps) -> None:
    house.make_job(job_key="steps")
    columns = {name: value for name, value in HOURLY.items() if name != "schedule_zone"}
    house.say("success", "a", 0, terms=Terms(JobWish({**DEFAULTS, "schedule_zone": "UTC"}, columns)))
    assert [(job.schedule_type, job.schedule_zone) for job in house.rows(jobs)] == [("crontab", "UTC")]


def test_two_of_one_batch_may_want_the_same_new_job(house: Steps) -> None:
    outcomes = house.record([house.step("start", "a"), house.step("success", "a"), house.step("success", "b", job="x")])
    assert [outcome.reason for outcome in outcomes if isinstance(outcome, Receipt)] == [
        "run_started",
        "run_closed",
        "run_recorded",
    ]
    assert [outcome.has_made_job for outcome in outcomes if isinstance(outcome, Receipt)] == [True, False, True]
    assert len(house.rows(jobs)) == 2
    again = house.say("success", "c")
    assert isinstance(again, Receipt)
    assert not again.has_made_job


def test_whoever_wants_no_job_finds_none(house: Steps) -> None:
    outcome = house.say("success", "a", 0, terms=Terms(source="test"))
    assert isinstance(outcome, Refused)
    assert outcome.status == 404
    house.say("success", "a", 5, terms=Terms(source="test"))
    assert house.dropped() == [("unknown_job", "steps", "production", 2)]
    [row] = house.rows(rejection_table)
    assert (at(row.first_at), at(row.at)) == (0, 5)


def test_a_dead_dsn_key_is_refused_and_makes_nothing(house: Steps) -> None:
    with house.store.read() as connection:
        key = sentry_keys.keys_of(connection, [house.workspace_id])[house.workspace_id]
    assert house.reason("success", "a", 0, terms=Terms(WISH, "test", key)) is Reason.RUN_RECORDED
    refused = house.say("success", "b", 5, job="other", terms=Terms(WISH, "test", "0" * 32))
    assert isinstance(refused, Refused)
    assert refused.status == 403
    assert (len(house.rows(jobs)), house.dropped()) == (1, [])


def test_a_part_that_is_wrong_is_told_of_beside_what_was_recorded(house: Steps) -> None:
    house.say("success", "a", 0)
    fault = Rejected(Reason.INVALID_CONFIG, "the zone")
    assert house.reason("failure", "b", 20, terms=Terms(None, "test", None, None, fault)) is Reason.RUN_RECORDED
    assert house.dropped() == [("invalid_config", "steps", "production", 1)]


def test_rubbish_under_ever_new_names_fills_no_disk(house: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejections, "MOST", 20)
    rejected = Rejected(Reason.INVALID_CHECK_IN, "x" * 5_000)
    for i in range(3):
        house.now = i
        terms = Terms(None, "test", None, rejected)
        house.record([house.step("log", job=f"job-{i}-{j}", terms=terms) for j in range(15)])
    kept = house.rows(rejection_table)
    assert (len(kept), {at(row.at) for row in kept}, {len(row.detail) for row in kept}) == (20, {1, 2}, {1_000})
    with house.store.read() as connection:
        page = views_deliveries.list_rejections(connection, house.workspace_id, Page())
    assert (page["items"][0]["reason"], page["items"][0]["protocol"]) == ("invalid_check_in", "test")


# --- messages, and where a run belongs --------------------------------------------------------------------------------


def _timeline(house: Steps, run_id: int) -> list[tuple[str, str]]:
    with house.store.read() as connection:
        shown = views_streams.run_object(connection, house.workspace_id, run_id) or {}
    return [(entry["kind"], entry["message"]) for entry in shown["timeline"] if entry["kind"] == "log"]


def test_messages_are_rows_of_the_timeline_of_their_run(house: Steps) -> None:
    house.say("start", "a", 0)
    house.say("log", "a", 1, message="half")
    house.say("log", None, 2, message="more")
    house.say("success", "a", 3)
    house.say("log", None, 4, message="after the end: of the newest run")
    [run] = house.rows(runs)
    assert [text for _, text in _timeline(house, run.id)] == ["half", "more", "after the end: of the newest run"]
    assert (run.outcome, run.message) == ("ok", "half\nmore\nafter the end: of the newest run")


def test_a_message_moves_nothing(house: Steps) -> None:
    every = {"schedule_type": "calendar", "schedule_interval": 1, "schedule_value": "hour", "schedule_zone": "UTC"}
    house.say("success", "a", 0, terms=Terms(JobWish(DEFAULTS, every)))
    before = house.stream("default")
    house.say("log", None, 600, message="x", terms=Terms())
    after = house.stream("default")
    assert {name for name in after._fields if getattr(after, name) != getattr(before, name)} == {"last_check_in_at"}


def test_of_many_messages_the_newest_stay(house: Steps) -> None:
    house.say("start", "a", 0)
    for moment in range(1, 4):
        house.now = moment
        house.record([house.step("log", "a", message=f"{moment}-{i}") for i in range(60)])
    kept = [row.message for row in house.rows(run_notes)]
    assert (len(kept), kept[0], kept[-1]) == (MOST_NOTES, "2-20", "3-59")
    [run] = house.rows(runs)
    assert len(run.message.encode()) <= 10_240


def test_where_a_run_belongs_is_kept_and_makes_the_topology(house: Steps) -> None:
    house.say("start", "a", 0, attribution=Attribution("data", "backup", "db-1"))
    house.say("success", "a", 1, attribution=Attribution(release="v2"))
    house.say("failure", "b", 2, attribution=Attribution("data", "backup", "db-2"))
    house.say("success", "c", 30, job="other")
    assert (len(house.rows(places)), len(house.rows(run_details))) == (2, 2)
    with house.store.read() as connection:
        tree = views_topology.topology(connection, house.workspace_id, micros(40))
        latest = views_topology.topology(connection, house.workspace_id, micros(40), most=1)
        job_id = views_jobs.find_job_id(connection, house.workspace_id, "steps") or 0
        only = views_streams.list_runs(connection, job_id, views_streams.RunFilters(host="db-1"), Page())
        found = list_jobs(connection, house.workspace_id, micros(40), "", Page(), JobFilters(host="db-2", sort="made"))
    [shown] = only["items"]
    assert [shown[name] for name in ("project", "service", "host", "release")] == ["data", "backup", "db-1", "v2"]
    assert [job["jobKey"] for job in found["items"]] == ["steps"]
    [project] = tree["projects"]
    hosts_of_latest = latest["projects"][0]["services"][0]["jobs"][0]["hosts"]
    assert ([host["host"] for host in hosts_of_latest], latest["leftOut"], tree["leftOut"]) == (["db-2"], 1, 0)
    [service] = project["services"]
    [job] = service["jobs"]
    assert (project["project"], service["service"], job["jobKey"]) == ("data", "backup", "steps")
    assert [(host["host"], host["status"]) for host in job["hosts"]] == [("db-1", "up"), ("db-2", "down")]
    assert {project["status"], service["status"], job["status"]} == {"down"}


def test_a_job_goes_with_all_that_was_kept_beside_its_runs(house: Steps) -> None:
    house.make_job()
    for kind, more in (("start", {"attribution": Attribution("p")}), ("log", {"message": "x"})):
        house.say(kind, "a", 0, job="the-job", terms=Terms(), **more)
    assert [len(house.rows(table)) for table in (places, run_details, run_notes)] == [1, 1, 1]
    house.delete_job()
    assert [len(house.rows(table)) for table in (places, run_details, run_notes)] == [0, 0, 0]


def test_nothing_is_kept_of_nothing(house: Steps) -> None:
    with house.store.write() as connection:
        details.keep(connection, house.ids, [])
    assert house.rows(places) == []

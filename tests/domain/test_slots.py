"""What a slot's deadline means, on each schedule that has slots."""

from typing import Any

import pytest

from tests.support.domain import a_check_in
from tocsin.domain import silence, slots
from tocsin.domain.check_in import hear, new_stream
from tocsin.domain.model import SECOND, Absence, Job, Outcome, Run, Stream
from tocsin.domain.reason import Reason
from tocsin.domain.schedule import Calendar, Crontab, Learned, Schedule

HOURLY = Crontab("0 * * * *", "UTC")
GRACE = 300
HOUR = 3600


def _job(schedule: Schedule = HOURLY, **changes: Any) -> Job:
    return Job(1, 1, "k", True, schedule, GRACE * SECOND, miss_threshold=99, max_runtime=3 * HOUR * SECOND)._replace(
        **changes
    )


class Life:
    """One stream, played in order; moments in seconds after 1970."""

    def __init__(self, job: Job, *absences: Absence) -> None:
        self.job, self.absences = job, absences
        self.stream: Stream = new_stream(1, job, 1, 1, 0)
        self.runs: list[Run] = []
        self.verdicts: list[tuple[float, Reason]] = []

    def _open(self) -> list[Run]:
        return [run for run in self.runs if run.outcome == Outcome.IN_PROGRESS]

    def until(self, moment: float) -> "Life":
        limit = round(moment * SECOND)
        while (due := silence.next_deadline(self.job, self.stream)) is not None and due <= limit:
            verdict = silence.judge(self.job, self.stream, self.absences, limit, 1000 + len(self.runs), self._open())
            self.verdicts.append((due / SECOND, verdict.reason))
            self.runs += [verdict.run] if verdict.run else []
            self.stream = verdict.stream
        return self

    def say(self, kind: str, at: float, run: str | None = None) -> "Life":
        self.until(at - 0.000_001)
        known = next((r for r in self.runs if run is not None and r.client_run_id == run), None)
        heard = hear(self.job, self.stream, known, a_check_in(kind, at, run_id=run), len(self.runs) + 1, self._open())
        self.stream = heard.stream
        if heard.run is not None:
            self.runs = [r for r in self.runs if r.id != heard.run.id] + [heard.run]
        return self


def test_a_slot_waits_for_its_run_and_counts_when_it_fails() -> None:
    life = Life(_job()).say("success", 10).say("start", HOUR, "r").until(HOUR + GRACE)
    assert life.verdicts == [(HOUR + GRACE, Reason.STILL_RUNNING)]
    assert life.stream.missed_runs == 0
    assert life.say("failure", HOUR + 600, "r").stream.missed_runs == 1


def test_a_slot_that_waited_is_healed_by_success() -> None:
    life = Life(_job()).say("success", 10).say("start", HOUR, "r").say("success", HOUR + 600, "r")
    assert (life.stream.missed_runs, life.stream.due_at) == (0, 2 * HOUR * SECOND)


def test_a_slot_counts_once_though_two_runs_of_it_fail() -> None:
    life = Life(_job()).say("success", 10).say("start", HOUR, "a").say("start", HOUR + 1, "b")
    life.say("failure", HOUR + 600, "a")
    assert life.stream.missed_runs == 0, "the other run goes on"
    assert life.say("failure", HOUR + 700, "b").stream.missed_runs == 1
    assert life.stream.consecutive_failures == 2


def test_a_late_run_is_one_failure_not_two() -> None:
    life = Life(_job()).say("success", 10).say("failure", HOUR + GRACE + 60)
    assert (life.stream.missed_runs, life.stream.consecutive_failures) == (1, 1)
    assert [run.expected_at for run in life.runs[-2:]] == [HOUR * SECOND] * 2


def test_a_success_of_a_newer_run_settles_what_an_older_one_left_open() -> None:
    life = Life(_job()).say("success", 10).say("start", HOUR, "a").say("success", 2 * HOUR)
    assert life.say("failure", 2 * HOUR + 60, "a").stream.missed_runs == 0


@pytest.mark.parametrize(
    ("schedule", "moment", "slot"),
    [
        (HOURLY, HOUR - 300, HOUR),
        (HOURLY, HOUR - 301, 0),
        (HOURLY, HOUR + 3000, HOUR),
        (Calendar(1, "hour", "UTC"), 60, HOUR),  # before the first slot
        (Calendar(1, "hour", "UTC"), 2 * HOUR - 301, HOUR),
        (Calendar(1, "hour", "UTC"), 2 * HOUR - 300, 2 * HOUR),
        (Calendar(1, "day", "UTC"), 100.5 * 24 * HOUR, 100 * 24 * HOUR),
        (Learned(), 60, None),
    ],
)
def test_which_slot_a_run_belongs_to(schedule: Schedule, moment: float, slot: int | None) -> None:
    job = _job(schedule)
    expected = slots.slot_at(job, new_stream(1, job, 1, 1, 0), round(moment * SECOND))
    assert expected == (None if slot is None else slot * SECOND)


def test_on_a_calendar_a_failure_counts_at_the_deadline_of_its_slot() -> None:
    life = Life(_job(Calendar(1, "hour", "UTC"))).say("success", 0).say("failure", HOUR - 60)
    assert life.stream.missed_runs == 0
    assert life.until(HOUR + GRACE).stream.missed_runs == 1
    retried = Life(_job(Calendar(1, "hour", "UTC"))).say("success", 0).say("failure", HOUR - 60).say("success", HOUR)
    assert retried.until(HOUR + GRACE).stream.missed_runs == 0


def test_our_absence_leaves_the_learned_rhythm_alone() -> None:
    away = Absence(7, round(8.9 * HOUR * SECOND), round(10.5 * HOUR * SECOND))
    life = Life(_job(Learned()), away)
    for hour in range(8):
        life.say("success", hour * HOUR + 1)
    life.say("success", 8 * HOUR + 1).say("success", 11 * HOUR + 1)
    assert {reason for _, reason in life.verdicts} == {Reason.UNKNOWN_WE_WERE_AWAY}
    learned = slots.expectation(life.job, life.stream)
    assert learned is not None
    assert (learned.every, learned.grace) == (HOUR * SECOND, HOUR * SECOND // 4)


def test_long_silence_is_judged_in_one_step() -> None:
    life = Life(_job(Crontab("* * * * *", "UTC"), miss_threshold=1)).say("success", 0)
    life.until(30 * 24 * HOUR)
    assert len(life.verdicts) < 15
    assert life.stream.missed_runs == 30 * 24 * 60 - GRACE // 60

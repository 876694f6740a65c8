"""Plays plans through the real domain, with the runs of each stream in memory, and compares what it tells."""

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from tests.simulate.plan import DAY, START, Due, Outages, Plan, Said, plan
from tocsin.domain import history, silence, slots
from tocsin.domain.check_in import hear, new_stream
from tocsin.domain.history import Stretch, is_silent_row
from tocsin.domain.model import SECOND, Absence, CheckIn, CheckInKind, Job, Outcome, Run, Stream
from tocsin.domain.reason import Reason
from tocsin.store.hot import schedule_of

_DAY_OF_RUNS = 200


class Report(NamedTuple):
    jobs: int
    check_ins: int
    planted: int
    told: int
    #: Sentences about what was told without cause, and what was not told.
    false_alarms: list[str]
    overlooked: list[str]


def simulate(jobs: int, days: int, seed: int = 1) -> Report:
    """Play `jobs` jobs for `days` days, with two outages of ours in it."""
    start, length = START.timestamp(), days * DAY
    outages: Outages = [(start + length * 0.4, start + length * 0.4 + 3 * 3600), (start + length * 0.7, 0)]
    outages[1] = (outages[1][0], outages[1][0] + 1200)
    check_ins = planted = told = 0
    false_alarms: list[str] = []
    overlooked: list[str] = []
    for number in range(jobs):
        made = plan(number, Random(f"{seed}-{number}"), days, outages)
        alarms = Player(made, outages).play()
        check_ins += len(made.said)
        due = [one for one in made.due if one.earliest >= made.learning_until]
        unmatched = [alarm for alarm in alarms if alarm[0] >= made.learning_until]
        for one in due:
            match = next((a for a in unmatched if _is(one, a)), None)
            if match is None:
                overlooked.append(f"job {number} {made.schedule}: {one}")
            else:
                unmatched.remove(match)
        planted += len(due)
        told += len(due) - sum(line.startswith(f"job {number} ") for line in overlooked)
        false_alarms += [f"job {number} {made.schedule}: {kind} at {at}" for at, kind in unmatched]
    return Report(jobs, check_ins, planted, told, false_alarms, overlooked)


def _is(due: Due, alarm: tuple[float, str]) -> bool:
    return due.kind == alarm[1] and due.earliest - 0.001 <= alarm[0] <= due.latest + 0.001


def _micros(seconds: float) -> int:
    return round(seconds * SECOND)


class Player:
    """One stream, its runs, and what was told of it: (moment, kind)."""

    def __init__(self, made: Plan, outages: Outages) -> None:
        schedule = made.schedule
        kind = str(schedule["type"])
        count = int(str(schedule["seconds"])) * SECOND if kind == "interval" else None
        value = schedule.get("value")
        if kind == "calendar":
            count, value = int(str(value)), schedule["unit"]
        zone = schedule.get("timezone")
        grace = None if made.grace is None else made.grace * SECOND
        text = None if value is None else str(value)
        domain = schedule_of(kind, count, text, None if zone is None else str(zone), grace)
        self.job = Job(1, 1, "k", True, domain, grace or 0, max_runtime=6 * 3600 * SECOND)
        self.said = sorted(made.said, key=lambda said: said.received)
        self.absences = [Absence(i, _micros(left), _micros(back)) for i, (left, back) in enumerate(outages)]
        self.runs: list[Run] = []
        self.told: list[tuple[float, str]] = []
        self.stream: Stream | None = None
        self._ids = 0

    def play(self) -> list[tuple[float, str]]:
        for said in self.said:
            self._pass_time(_micros(said.received) - (said.kind != "until"))
            if said.kind != "until":
                self._hear(said)
        return self.told

    def _id(self) -> int:
        self._ids += 1
        return self._ids

    def _open(self) -> list[Run]:
        return [run for run in self.runs[-10:] if run.outcome == Outcome.IN_PROGRESS]

    def _pass_time(self, until: int) -> None:
        while self.stream is not None:
            deadline = silence.next_deadline(self.job, self.stream)
            if deadline is None or deadline > until:
                return
            verdict = silence.judge(self.job, self.stream, self.absences, until, self._id(), self._open())
            if verdict.missed:
                kind = "missed" if verdict.reason is Reason.MISSED else "counted"
                self.told += [(deadline / SECOND, kind)] * verdict.missed
            if verdict.run is not None:
                self.runs.append(verdict.run)
            self.stream = verdict.stream

    def _hear(self, said: Said) -> None:
        received = _micros(said.received)
        stream = self.stream or new_stream(1, self.job, 1, 1, received)
        named = next((r for r in self.runs[-10:] if said.run is not None and r.client_run_id == said.run), None)
        occurred = None if said.occurred is None else _micros(said.occurred)
        check_in = CheckIn(1, "k", "t", "production", CheckInKind(said.kind), received, said.run, occurred)
        heard = hear(self.job, stream, named, check_in, self._id(), self._open())
        self.stream = heard.stream
        if said.kind == "failure" and heard.stream.consecutive_failures > stream.consecutive_failures:
            self.told.append((said.received, "failure"))
        if heard.is_late and heard.run is not None:
            self._redraw(heard.run, received - 1)
        elif heard.run is not None:
            self._keep([heard.run])
        self.runs = self.runs[-_DAY_OF_RUNS:]

    def _keep(self, runs: Sequence[Run]) -> None:
        for run in runs:
            self.runs = [known for known in self.runs if known.id != run.id] + [run]

    def _redraw(self, run: Run, until: int) -> None:
        if self.stream is None:
            return
        reach = slots.reach(self.job, self.stream, run.began_at)
        stretch = self._stretch(min(run.at, run.began_at), max(run.at, run.began_at, reach))
        drawn = history.redraw(self.job, self.stream, stretch, run, self.absences, until, self._id, self._open())
        self._keep([run, *drawn.written, *drawn.moved])
        self.runs = sorted((r for r in self.runs if r.id not in drawn.removed), key=lambda r: (r.at, r.id))
        self.stream = drawn.stream

    def _stretch(self, from_at: int, to_at: int) -> Stretch:
        succeeded = [r for r in self.runs if r.outcome == Outcome.OK]
        before = next((r for r in reversed(succeeded) if r.at < from_at), None)
        after = next((r for r in succeeded if r.at > to_at), None)
        since = -1 if before is None else before.at
        runs = [r for r in self.runs if r.at > since and (after is None or r.at < after.at)]
        overlapping = [
            r
            for r in self.runs
            if before is not None and before.began_at <= r.at <= before.at and r.id != before.id
            if not is_silent_row(r)
        ]
        return Stretch(before, tuple(runs), after, 1, tuple(overlapping))

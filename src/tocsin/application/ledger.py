"""The working set of one transaction: what was loaded, what was decided, and what is to be written.

Streams are decided first, one by one, in memory. What that means for incidents is settled after: each turn for better
or worse of a stream is played, in order, against its job environment, which is locked only if there is such a turn.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from tocsin.domain import incident as life
from tocsin.domain import threshold
from tocsin.domain.ids import IdMaker
from tocsin.domain.incident import Change
from tocsin.domain.model import (
    Absence,
    Alert,
    Incident,
    IncidentStatus,
    Job,
    JobEnvironment,
    Membership,
    Stream,
    Transition,
)
from tocsin.domain.reason import Reason
from tocsin.store.hot import Changes
from tocsin.store.incidents import Attachment, Situation


class StaleEpoch(Exception):  # noqa: N818 -- a state of ours, answered by trying again
    """Thresholds began from zero while we decided: the transaction must be tried again."""


class Turn(NamedTuple):
    """A stream got better or worse at `moment`. `missed`: misses added; `may_open`: it is news, not history."""

    job: Job
    before: Stream
    after: Stream
    moment: int
    missed: int = 0
    may_open: bool = True


class Ledger:
    """Collects decisions; `settle` turns them into incidents, transitions and alerts."""

    def __init__(self, ids: IdMaker, now: int, absences: Sequence[Absence] = ()) -> None:
        self.changes = Changes()
        self.absences = absences
        self.turns: list[Turn] = []
        self.counters: dict[int, tuple[int, int, int]] = {}
        self.new_incidents: dict[int, Incident] = {}
        self.changed_incidents: dict[int, Incident] = {}
        self.memberships: dict[tuple[int, int], Membership] = {}
        self.changed_memberships: dict[tuple[int, int], Membership] = {}
        self.attachments: list[Attachment] = []
        self.transitions: list[tuple[int, Transition]] = []
        self.alerts: list[tuple[int, Alert]] = []
        self._ids = ids
        self._now = now
        self._situations: dict[int, Situation] = {}
        self._loaded: dict[int, Stream] = {}

    def new_id(self) -> int:
        return self._ids.new(self._now)

    # --- streams --------------------------------------------------------------------------------------------------

    def keep(
        self, job: Job, before: Stream, after: Stream, moment: int, *, missed: int = 0, may_open: bool = True
    ) -> Stream:
        """Take over a decided stream, assessed: it is written, and if it turned, incidents hear of it."""
        after = threshold.assess(job, before, after)
        self._write_stream(before, after)
        watched = after.is_watched - before.is_watched
        if watched:
            self._count(after.job_environment_id, watched, 0, 0)
        if missed or before.is_affected or after.is_affected or threshold.counts_for_impact(job, before):
            self.turns.append(Turn(job, before, after, moment, missed, may_open))
        return after

    def rearm(self, before: Stream, after: Stream) -> None:
        """Take over a stream of which nothing but its `check_at` changed."""
        if after.check_at != before.check_at:
            self._write_stream(before, after)

    def fold(self, run_id: int, times: int) -> None:
        """Add misses to the silent row that counts all that follow."""
        changes = self.changes
        if run_id in changes.new_runs:
            run = changes.new_runs[run_id]
            changes.new_runs[run_id] = run._replace(missed_count=run.missed_count + times)
        else:
            changes.folds[run_id] = changes.folds.get(run_id, 0) + times

    def flush(self, write: Callable[[Changes], None]) -> None:
        """Write what is decided so far, because the database is about to be asked about it."""
        write(self.changes)
        self._loaded.update(self.changes.heard_streams | self.changes.moved_streams | self.changes.new_streams)
        self.changes = Changes()

    def add_stream(self, stream: Stream) -> None:
        self.changes.new_streams[stream.id] = stream
        self._count(stream.job_environment_id, 1, 0, 0)

    def leave(self, job: Job, stream: Stream) -> None:
        """The stream is watched no more; what was counted for it is counted no more."""
        after = stream._replace(is_watched=False, is_affected=False, check_at=None)
        self._write_stream(stream, after)
        self._count(stream.job_environment_id, -1, -threshold.counts_for_impact(job, stream), -int(stream.is_affected))

    def _write_stream(self, before: Stream, after: Stream) -> None:
        changes, first = self.changes, self._loaded.setdefault(after.id, before)
        if after.id in changes.new_streams:
            changes.new_streams[after.id] = after
        elif _same_indexed(first, after) and after.id not in changes.moved_streams:
            changes.heard_streams[after.id] = after
        else:
            changes.heard_streams.pop(after.id, None)
            changes.moved_streams[after.id] = after

    # --- incidents ------------------------------------------------------------------------------------------------

    def environments_to_lock(self) -> set[int]:
        return {turn.after.job_environment_id for turn in self.turns}

    def settle(self, situations: dict[int, Situation], known: Sequence[Membership]) -> None:
        """Play every turn against its environment. `known`: the parts these tenants already have in its incident."""
        self._situations = situations
        self.memberships = {(m.incident_id, m.tenant_id): m for m in known}
        for turn in self.turns:
            self._play(turn)

    def advance(self, situations: dict[int, Situation], until_at: int) -> None:
        """Let incidents do what time alone makes them do."""
        self._situations = situations
        for situation in list(situations.values()):
            if situation.incident is not None:
                change = life.advance(situation.incident, until_at, situation.windows, self.absences)
                self._apply(situation.environment.id, change)

    def _play(self, turn: Turn) -> None:
        environment_id = turn.after.job_environment_id
        environment = self._recount(turn, self._situations[environment_id])
        situation = self._situations[environment_id]
        incident = situation.incident
        if incident is not None:
            advanced = life.advance(incident, turn.moment, situation.windows, self.absences)
            incident = self._apply(environment_id, advanced)
        if incident is None or incident.status == IncidentStatus.CLOSED:
            self._open_if_due(turn, environment, situation, incident)
        elif turn.after.is_affected:
            self._involve(turn, environment, incident)
        elif environment.affected_count == 0:
            self._apply(environment_id, life.calm(incident, turn.moment, situation.windows, self.absences))

    def _recount(self, turn: Turn, situation: Situation) -> JobEnvironment:
        environment = situation.environment
        if environment.epoch != turn.after.epoch:
            raise StaleEpoch
        was, is_now = (threshold.counts_for_impact(turn.job, s) for s in (turn.before, turn.after))
        late, affected = is_now - was, turn.after.is_affected - turn.before.is_affected
        environment = environment._replace(
            late_count=environment.late_count + late, affected_count=environment.affected_count + affected
        )
        self._count(environment.id, 0, late, affected)
        self._situations[environment.id] = situation._replace(environment=environment)
        return environment

    def _open_if_due(
        self, turn: Turn, environment: JobEnvironment, situation: Situation, closed: Incident | None
    ) -> None:
        reason = threshold.why_open(turn.job, turn.after, environment) if turn.may_open else None
        if reason is None:
            return
        cooldown = max(situation.windows.cooldown, threshold.least_cooldown(turn.job))
        if closed is not None and life.can_reuse(closed, turn.moment, cooldown, self.absences):
            change = life.reopen(closed, turn.moment, Reason.AFFECTED_IN_COOLDOWN, environment.affected_count)
        else:
            change = self._open(turn, environment, situation, reason)
        incident = self._apply(environment.id, change)
        self.attachments.append(
            Attachment(
                incident.id, incident.workspace_id, environment.id, environment.epoch, incident.cycle, turn.moment
            )
        )
        self._count_in(turn, incident, is_new_in_cycle=True)

    def _open(self, turn: Turn, environment: JobEnvironment, situation: Situation, reason: Reason) -> Change:
        job, tenants = turn.job, environment.affected_count
        verb = "failed" if reason is Reason.FAILURE_THRESHOLD_MET else "missed"
        sentence = f"{tenants} tenant{'s' if tenants != 1 else ''} {verb} {job.key}"
        incident = Incident(
            id=self.new_id(),
            workspace_id=job.workspace_id,
            kind="job",
            job_environment_id=environment.id,
            job_key=job.key,
            job_name=situation.job_name,
            environment=environment.environment,
            integration_key=None,
            pattern_id=None,
            pattern_name=None,
            confidence=None,
            status=IncidentStatus.OPEN,
            opened_at=turn.moment,
            cycle_tenants=tenants,
            tenant_count=tenants,
        )
        self.new_incidents[incident.id] = incident
        return life.open_new(incident, turn.moment, reason, sentence)

    def _involve(self, turn: Turn, environment: JobEnvironment, incident: Incident) -> None:
        """An affected stream while the incident lives: it joins, or its misses are added."""
        member = self.memberships.get((incident.id, turn.after.tenant_id))
        if not turn.before.is_affected:
            if incident.status == IncidentStatus.RECOVERING:
                change = life.reopen(incident, turn.moment, Reason.AFFECTED_IN_RECOVERY, environment.affected_count)
                change = change._replace(
                    incident=change.incident._replace(tenant_count=incident.tenant_count + (member is None))
                )
            else:
                is_new_in_cycle = member is None or member.cycle != incident.cycle
                change = life.join(incident, turn.moment, is_new_in_cycle=is_new_in_cycle, is_new=member is None)
            incident = self._apply(environment.id, change)
        counted = incident._replace(
            missed_runs=incident.missed_runs + turn.missed, event_count=incident.event_count + turn.missed
        )
        self._apply(environment.id, Change(counted))
        self._count_in(turn, incident, is_new_in_cycle=member is None or member.cycle != incident.cycle)

    def _count_in(self, turn: Turn, incident: Incident, *, is_new_in_cycle: bool) -> None:
        key = (incident.id, turn.after.tenant_id)
        member = self.memberships.get(key)
        missed = threshold.missed(turn.after)
        if member is None:
            member = Membership(
                *key, incident.workspace_id, incident.cycle, missed, missed, turn.moment, turn.moment, turn.moment
            )
        else:
            member = member._replace(
                cycle=incident.cycle,
                event_count=missed,
                missed_runs=missed,
                last_seen_at=max(member.last_seen_at, turn.moment),
                cycle_seen_at=turn.moment if is_new_in_cycle else member.cycle_seen_at,
            )
        self.memberships[key] = self.changed_memberships[key] = member

    def _apply(self, environment_id: int, change: Change) -> Incident:
        """Remember a changed incident, its transitions and its alerts."""
        incident = change.incident
        situation = self._situations[environment_id]
        if incident != situation.incident:
            known = self.new_incidents if incident.id in self.new_incidents else self.changed_incidents
            known[incident.id] = incident
            self._situations[environment_id] = situation._replace(incident=incident)
        self.transitions += [(incident.workspace_id, t) for t in change.transitions]
        self.alerts += [(incident.workspace_id, a) for a in change.alerts]
        return incident

    def close(self, environment_id: int, moment: int, reason: Reason, sentence: str) -> None:
        """End the environment's live incident, if it has one."""
        incident = self._situations[environment_id].incident
        if incident is not None and incident.status != IncidentStatus.CLOSED:
            self._apply(environment_id, life.close(incident, moment, reason, sentence))

    def close_deserted(self, situations: dict[int, Situation], moment: int, reason: Reason, sentence: str) -> None:
        """End the open incidents whose last affected streams have left."""
        self.advance(situations, moment)
        for environment_id, situation in list(self._situations.items()):
            left = self.counters.get(environment_id, (0, 0, 0))[2]
            if left and situation.environment.affected_count + left <= 0:
                self.close(environment_id, moment, reason, sentence)

    def _count(self, environment_id: int, watched: int, late: int, affected: int) -> None:
        known = self.counters.get(environment_id, (0, 0, 0))
        self.counters[environment_id] = (known[0] + watched, known[1] + late, known[2] + affected)


def _same_indexed(first: Stream, after: Stream) -> bool:
    """Whether the columns that indexes or counters hang on are untouched."""
    return (
        first.check_at == after.check_at
        and first.is_affected == after.is_affected
        and first.epoch == after.epoch
        and first.is_watched == after.is_watched
        and first.expected_since_at == after.expected_since_at
    )

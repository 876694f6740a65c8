"""What turns of streams mean for incidents: opened, joined, calmed, reopened, closed, each with its alerts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from tocsin.application.lives import Case, Lives
from tocsin.domain import incident as life
from tocsin.domain import threshold
from tocsin.domain.incident import Change
from tocsin.domain.model import Incident, IncidentStatus, Job, JobEnvironment, Membership, Stream
from tocsin.domain.reason import Reason
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


@dataclass(slots=True)
class _Case(Case):
    """A job environment while its turns are played; the counts are as of the turn."""

    environment: JobEnvironment
    job_name: str
    late: int
    affected: int


def _case(situation: Situation) -> _Case:
    environment, name, windows, incident = situation
    return _Case(windows, incident, environment, name, environment.late_count, environment.affected_count)


class IncidentBook(Lives[_Case]):
    """The incidents of jobs in one transaction, by the ids of their environments."""

    def open(
        self, situations: dict[int, Situation], known: Iterable[Membership], judged_until: Mapping[int, int]
    ) -> None:
        """Take up these environments as they stand; `known`: parts that tenants have in their incidents already.
        `judged_until`: by environment, if its incident's time may not pass any further (`application.judged`)."""
        self.take_up({key: _case(situation) for key, situation in situations.items()}, known)
        for key, moment in judged_until.items():
            self._cases[key].judged_until_at = moment

    def count(self, environment_id: int, watched: int, late: int, affected: int) -> None:
        """Add to what the environment's counters will be changed by."""
        known = self.counters.get(environment_id, (0, 0, 0))
        self.counters[environment_id] = (known[0] + watched, known[1] + late, known[2] + affected)

    def play(self, turn: Turn) -> None:
        case = self._cases[turn.after.job_environment_id]
        self._recount(case, turn)
        incident = case.incident
        if incident is not None and incident.check_at is not None:
            incident = self._pass_time(case, turn.moment)
        if incident is None or incident.status == IncidentStatus.CLOSED:
            self._open_if_due(case, turn, incident)
        elif turn.after.is_affected:
            self._involve(case, turn, incident)
        elif case.affected == 0:
            self._apply(case, life.calm(incident, turn.moment, case.windows, self._absences))

    def deserted(self) -> list[int]:
        """Environments whose last affected streams have left."""
        left = {key: delta[2] for key, delta in self.counters.items() if delta[2] and key in self._cases}
        return [key for key, gone in left.items() if self._cases[key].environment.affected_count + gone <= 0]

    def _recount(self, case: _Case, turn: Turn) -> None:
        environment = case.environment
        if environment.epoch != turn.after.epoch:
            raise StaleEpoch
        was = threshold.counts_for_impact(turn.job, turn.before)
        late = threshold.counts_for_impact(turn.job, turn.after) - was
        affected = turn.after.is_affected - turn.before.is_affected
        if late or affected:
            self.count(environment.id, 0, late, affected)
            case.late += late
            case.affected += affected

    def _open_if_due(self, case: _Case, turn: Turn, closed: Incident | None) -> None:
        environment = case.environment
        reason = threshold.why_open(turn.job, turn.after, case.late) if turn.may_open else None
        if reason is None:
            return
        cooldown = max(case.windows.cooldown, threshold.least_cooldown(turn.job, turn.after, turn.moment))
        if closed is not None and life.can_reuse(closed, turn.moment, cooldown, self._absences):
            change = life.reopen(closed, turn.moment, Reason.AFFECTED_IN_COOLDOWN, case.affected)
        else:
            change = self._open(case, turn, reason)
        incident = self._apply(case, change)
        self.attachments.append(
            Attachment(
                incident.id, incident.workspace_id, incident.cycle, environment.id, environment.epoch, turn.moment
            )
        )
        self._enter(turn, incident, self._known.get((incident.id, turn.after.tenant_id)))

    def _open(self, case: _Case, turn: Turn, reason: Reason) -> Change:
        job, tenants = turn.job, case.affected
        verb = "failed" if reason is Reason.FAILURE_THRESHOLD_MET else "missed"
        sentence = f"{tenants} tenant{'s' if tenants != 1 else ''} {verb} {job.key}"
        incident = Incident(
            id=self._ids.new(self._now),
            workspace_id=job.workspace_id,
            kind="job",
            job_environment_id=case.environment.id,
            job_key=job.key,
            job_name=case.job_name,
            environment=case.environment.environment,
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

    def _involve(self, case: _Case, turn: Turn, incident: Incident) -> None:
        """An affected stream while the incident lives: it joins with what it has missed, or its misses are added."""
        member = self._known.get((incident.id, turn.after.tenant_id))
        missed = threshold.missed(turn.after)
        if turn.before.is_affected:
            change = Change(life.add_missed(incident, turn.missed))
        elif incident.status == IncidentStatus.RECOVERING:
            reopened = life.reopen(incident, turn.moment, Reason.AFFECTED_IN_RECOVERY, case.affected)
            grown = reopened.incident._replace(tenant_count=incident.tenant_count + (member is None))
            change = reopened._replace(incident=life.add_missed(grown, missed))
        else:
            is_new_in_cycle = member is None or member.cycle != incident.cycle
            change = life.join(
                incident, turn.moment, is_new_in_cycle=is_new_in_cycle, is_new=member is None, missed=missed
            )
        self._enter(turn, self._apply(case, change), member)

    def _enter(self, turn: Turn, incident: Incident, member: Membership | None) -> None:
        """Write down the tenant's part in the incident."""
        key = (incident.id, turn.after.tenant_id)
        missed, moment = threshold.missed(turn.after), turn.moment
        if member is None:
            entered = Membership(*key, incident.workspace_id, incident.cycle, missed, missed, moment, moment, moment)
        else:
            entered = member._replace(
                cycle=incident.cycle,
                event_count=missed,
                missed_runs=missed,
                last_seen_at=max(member.last_seen_at, moment),
                cycle_seen_at=member.cycle_seen_at if member.cycle == incident.cycle else moment,
            )
        self._admit(entered)

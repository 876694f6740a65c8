"""Record a batch of check-ins: load everything it concerns, decide one by one, write each table once.

One transaction for all of them; who calls commits, and only then answers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tocsin.application import provisioning, terms, watching
from tocsin.application.errors import Refused, not_found, unprocessable
from tocsin.application.ledger import Ledger
from tocsin.application.settling import commit_ledger, draw_anew, judge_passed, judge_run
from tocsin.application.submitting import DEAD_KEY, Held, OnceKey, Replayed, forget, remember, replay
from tocsin.application.terms import Rejected, Terms
from tocsin.domain import check_in as checking
from tocsin.domain import silence, steps
from tocsin.domain.check_in import Heard
from tocsin.domain.ids import IdMaker, to_uuid
from tocsin.domain.model import Absence, CheckIn, CheckInKind, Job, JobEnvironment, Run, Stream
from tocsin.domain.reason import Reason
from tocsin.store import details
from tocsin.store.engine import Connection
from tocsin.store.hot import Found, HotStore


class Receipt(NamedTuple):
    """What became of a check-in: its run (for the result of a start), what is due (in µs), if it made the job."""

    reason: Reason
    ping_id: int
    run_id: str
    missed_runs: int
    next_due_at: int | None
    has_made_job: bool = False

    @property
    def is_duplicate(self) -> bool:
        return self.reason is Reason.DUPLICATE


Outcome = Receipt | Refused | Held | Replayed


class Submission(NamedTuple):
    """A check-in and who sent it."""

    check_in: CheckIn
    key_id: int | None = None
    idempotency: OnceKey | None = None
    terms: Terms | None = None

    @property
    def received_at(self) -> int:
        return self.check_in.received_at

    @property
    def workspace_id(self) -> int:
        return self.check_in.workspace_id

    @property
    def weight(self) -> int:
        """How many rows' work it is, as batches and queues are counted."""
        return 1

    @property
    def about(self) -> str:
        """What it is about, for a log line."""
        return self.check_in.job_key

    def received(self, moment: int) -> "Submission":
        """The same, received at `moment`."""
        return self._replace(check_in=self.check_in._replace(received_at=moment))


@dataclass(slots=True)
class _Target:
    """A stream with what the batch knows of it so far."""

    job: Job
    stream: Stream
    environment: JobEnvironment
    named: dict[str, Run] = field(default_factory=dict)
    open: list[Run] = field(default_factory=list)
    is_held: bool = False


class _Batch:
    """One batch on its way from submissions to outcomes."""

    def __init__(self, connection: Connection, hot: HotStore, ledger: Ledger, horizon: int | None) -> None:
        self.connection = connection
        self.hot = hot
        self.ledger = ledger
        self.horizon = horizon
        self.targets: dict[tuple[int, int, str], _Target] = {}
        self.told: list[details.Told] = []

    def decide(self, submission: Submission, found: Found) -> Outcome:
        check_in = submission.check_in
        if found.job is None:
            return not_found("Job")
        if found.tenant_id is None:
            return not_found("Tenant")
        if not found.tenant_is_active:
            return unprocessable("Tenant is deactivated.")
        target = self.target(found, check_in)
        if found.run is not None and found.run.client_run_id is not None:
            target.named.setdefault(found.run.client_run_id, found.run)
        if target.is_held or not self._may_judge(target, check_in):
            target.is_held = True
            return Held()
        self._judge_before(target, check_in)
        return self._hear(target, check_in)

    def target(self, found: Found, check_in: CheckIn) -> _Target:
        """The stream the check-in belongs to; a new one begins with it."""
        if found.job is None or found.tenant_id is None:
            raise ValueError("a check-in without job or tenant has no stream")
        key = (found.job.id, found.tenant_id, check_in.environment)
        known = self.targets.get(key)
        if known is not None:
            return known
        environment = found.environment or self._new_environment(found.job, check_in.environment)
        if found.stream is None:
            stream = checking.new_stream(
                self.ledger.new_id(),
                found.job,
                environment.id,
                found.tenant_id,
                check_in.received_at,
                environment.epoch,
            )
            self.ledger.add_stream(stream)
        else:
            stream = self.ledger.as_of(found.stream, environment)
        target = self.targets[key] = _Target(found.job, stream, environment)
        return target

    def _new_environment(self, job: Job, name: str) -> JobEnvironment:
        for environment in self.ledger.changes.new_environments:
            if environment.job_id == job.id and environment.environment == name:
                return environment
        environment = JobEnvironment(self.ledger.new_id(), job.workspace_id, job.id, name)
        self.ledger.changes.new_environments.append(environment)
        return environment

    def _may_judge(self, target: _Target, check_in: CheckIn) -> bool:
        """Whether all that fell due before the receipt may be judged: no node still holds an older check-in."""
        moment = check_in.received_at - 1
        if self.horizon is None or moment <= self.horizon:
            return True
        passed = [silence.last_deadline(target.job, target.stream, moment)]
        passed += [run.check_at for run in target.open]
        return not any(due is not None and self.horizon < due <= moment for due in passed)

    def _judge_before(self, target: _Target, check_in: CheckIn) -> None:
        """What fell due before this check-in came is judged first, as if the tick had been here."""
        moment = check_in.received_at - 1
        for run in [r for r in target.open if r.check_at is not None and r.check_at <= moment]:
            target.stream, changed = judge_run(
                self.connection, self.hot, self.ledger, target.job, target.stream, run, moment, target.open
            )
            for one in changed:
                self._remember_run(target, one, is_new=False)
        target.stream = judge_passed(self.ledger, target.job, target.stream, moment, target.open)

    def _hear(self, target: _Target, check_in: CheckIn) -> Receipt | Rejected:
        run = self._run_of(target, check_in)
        new_id = self.ledger.new_id()
        first_id = target.stream.stored_success_id
        heard = steps.hear(target.job, target.stream, run, check_in, new_id, target.open)
        if heard.reason is Reason.ALREADY_FINISHED:
            return Rejected(heard.reason, f"The run {check_in.run_id} has its result already.")
        self._take(target, check_in, heard, is_new=run is None)
        ping_id = first_id if heard.reason is Reason.DUPLICATE and first_id is not None else new_id
        shown = heard.run or run
        self.told += details.told(shown, check_in)
        run_id = shown.client_run_id or to_uuid(shown.id) if shown else check_in.run_id or to_uuid(ping_id)
        due = silence.next_due_at(target.job, target.stream)
        return Receipt(heard.reason, ping_id, run_id, target.stream.missed_runs, due)

    def _run_of(self, target: _Target, check_in: CheckIn) -> Run | None:
        """The run that the check-in names; without a name, the newest open one, and for a message the newest at all."""
        if check_in.run_id is not None:
            return target.named.get(check_in.run_id)
        if target.open and steps.is_for_open_run(check_in):
            return target.open[-1]
        if check_in.kind is not CheckInKind.LOG:
            return None
        self.ledger.flush(lambda changes: self.hot.write(self.connection, changes))
        return details.newest_reported(self.connection, target.stream.id)

    def _take(self, target: _Target, check_in: CheckIn, heard: Heard, *, is_new: bool) -> None:
        """Write what was heard; where it tells of the past, draw the stream anew first."""
        job, before, after = target.job, target.stream, heard.stream
        may_open = True
        if heard.is_late and heard.run is not None:
            known = target.named.get(heard.run.client_run_id or "")
            may_open = heard.run.at >= (after.last_result_at or 0)
            until = min(check_in.received_at - 1, check_in.received_at if self.horizon is None else self.horizon)
            after, changed = draw_anew(self.connection, self.hot, self.ledger, job, after, heard.run, known, until)
            for one in changed[:-1]:
                self._remember_run(target, one, is_new=False)
            self._remember_run(target, changed[-1], is_new=is_new)
        elif heard.run is not None:
            self._remember_run(target, heard.run, is_new=is_new)
        target.stream = self.ledger.keep(
            job, before, after, check_in.received_at, missed=heard.missed, may_open=may_open
        )

    def _remember_run(self, target: _Target, run: Run, *, is_new: bool) -> None:
        changes = self.ledger.changes
        fresh = is_new or run.id in changes.new_runs
        (changes.new_runs if fresh else changes.changed_runs)[run.id] = run
        if run.client_run_id is not None:
            target.named[run.client_run_id] = run
        target.open = [r for r in target.open if r.id != run.id]
        if run.outcome == "in_progress":
            target.open.append(run)


#: Words the answer that an `Idempotency-Key` is to repeat.
Answer = Callable[[Submission, Receipt | Refused], str]


def record(
    connection: Connection,
    hot: HotStore,
    ids: IdMaker,
    batch: Sequence[Submission],
    now: int,
    absences: Sequence[Absence] = (),
    horizon: int | None = None,
    answer: Answer | None = None,
) -> list[Outcome]:
    """Record `batch`, in the order of receipt, and say what became of each. `horizon`: no deadline after it may be
    judged (None: this node alone commits check-ins)."""
    work = _Batch(connection, hot, Ledger(ids, now, absences), horizon)
    replayed = {i: replay(connection, s.workspace_id, s.idempotency, now) for i, s in enumerate(batch) if s.idempotency}
    asked = [(s.check_in, s.terms) for s in batch]
    # Asked before any answer is looked at, all of it is one round trip on PostgreSQL.
    live = hot.live_keys(connection, {s.key_id for s in batch if s.key_id is not None})
    refusals, strays = terms.ask_refusals(connection, asked), terms.ask_strays(connection, asked)
    found = _found(connection, hot, ids, now, batch)
    refused, keys, astray = refusals(), live(), strays(found)
    refused |= {i: DEAD_KEY for i, s in enumerate(batch) if s.key_id is not None and s.key_id not in keys}
    granted = provisioning.grant(connection, ids, now, asked, refused, found)
    if granted.has_changed:
        found = _found(connection, hot, ids, now, batch)
    refused |= astray
    _load_open_runs(work, batch, found)
    outcomes = [refused.get(i) or replayed.get(i) or work.decide(s, found[i]) for i, s in enumerate(batch)]
    for i in granted.made:
        outcome = outcomes[i]
        outcomes[i] = outcome._replace(has_made_job=True) if isinstance(outcome, Receipt) else outcome
    commit_ledger(connection, hot, ids, now, work.ledger)
    details.keep(connection, ids, work.told)
    terms.keep_rejections(connection, ids, now, asked, outcomes)
    if answer is not None:
        for i in (i for i, earlier in replayed.items() if earlier is None):
            _remember_answer(connection, batch[i], outcomes[i], answer)
    return outcomes


def _found(connection: Connection, hot: HotStore, ids: IdMaker, now: int, batch: Sequence[Submission]) -> list[Found]:
    """What each check-in concerns; tenants nobody knows yet are made where the workspace wants that."""
    check_ins = [s.check_in for s in batch]
    found = hot.find(connection, check_ins)
    unknown = {
        (c.workspace_id, c.tenant) for c, f in zip(check_ins, found, strict=True) if f.tenant_id is None and f.job
    }
    made = [watching.make_tenant_if_wanted(connection, ids, now, *who) for who in sorted(unknown)]
    return hot.find(connection, check_ins) if any(made) else found


def _load_open_runs(work: _Batch, batch: Sequence[Submission], found: Sequence[Found]) -> None:
    """Results without a run id close the newest open run: load those of the streams that have any."""
    wanted = {f.stream.id: i for i, f in enumerate(found) if f.stream is not None and f.stream.open_runs}
    if not wanted:
        return
    for run in work.hot.open_runs(work.connection, list(wanted)):
        i = wanted[run.stream_id]
        target = work.target(found[i], batch[i].check_in)
        target.open.append(run)
        if run.client_run_id is not None:
            target.named[run.client_run_id] = run


def _remember_answer(connection: Connection, submission: Submission, outcome: Outcome, answer: Answer) -> None:
    workspace_id, once = submission.workspace_id, submission.idempotency
    if once is None:
        return
    if isinstance(outcome, Receipt):
        remember(connection, workspace_id, once, 200, answer(submission, outcome))
    elif isinstance(outcome, Refused) and outcome is not DEAD_KEY:
        remember(connection, workspace_id, once, outcome.status, answer(submission, outcome))
    else:
        forget(connection, workspace_id, once)

"""What a sender's protocol asks for beside the check-in itself: who is let in, and what is dropped."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from tocsin.application.errors import ErrorCode, Refused, forbidden
from tocsin.domain.ids import IdMaker
from tocsin.domain.model import CheckIn
from tocsin.domain.reason import Reason
from tocsin.store import details, rejections, sentry_keys
from tocsin.store.engine import Connection
from tocsin.store.hot import Found
from tocsin.store.rejections import Dropped

_DETAIL_CHARACTERS = 1_000
_DEAD_KEY = forbidden("The key of this DSN is not valid any more.")
_REASONS = {ErrorCode.NOT_FOUND: Reason.UNKNOWN_JOB, ErrorCode.UNPROCESSABLE: Reason.TENANT_NOT_ACTIVE}


class Rejected(Refused):
    """A check-in that is dropped, or a part of one that is ignored, for a named reason."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(422, ErrorCode.UNPROCESSABLE, detail[:_DETAIL_CHARACTERS])
        self.reason = reason


class JobWish(NamedTuple):
    """The job that a check-in wants to be there. Both hold columns of `jobs`: `columns` are made so, whatever they
    were, and a job that is not there yet is made with `defaults` for all else."""

    defaults: Mapping[str, Any]
    columns: Mapping[str, Any]


class Terms(NamedTuple):
    """`dsn_key`: the key that was shown, judged at commit. `source`: where the sender is not told why a check-in was
    dropped, the name under which that is kept for the workspace to see. `rejected`: it is known already that this one
    is. `fault`: what was wrong with a part that is ignored."""

    wish: JobWish | None = None
    source: str | None = None
    dsn_key: str | None = None
    rejected: Rejected | None = None
    fault: Rejected | None = None


#: Check-ins with the terms that they come on; most come on none.
Asked = Sequence[tuple[CheckIn, Terms | None]]


def ask_refusals(connection: Connection, asked: Asked) -> Callable[[], dict[int, Refused]]:
    """What tells, when it is called, which of the batch are refused whatever they concern: index → why."""
    with_key = {c.workspace_id for c, terms in asked if terms is not None and terms.dsn_key is not None}
    keys = sentry_keys.ask_keys(connection, with_key) if with_key else dict

    def refusals() -> dict[int, Refused]:
        known = keys()
        refused: dict[int, Refused] = {}
        for i, (check_in, terms) in enumerate(asked):
            if terms is not None and terms.dsn_key is not None and known.get(check_in.workspace_id) != terms.dsn_key:
                refused[i] = _DEAD_KEY
            elif terms is not None and terms.rejected is not None:
                refused[i] = terms.rejected
        return refused

    return refusals


def ask_strays(connection: Connection, asked: Asked) -> Callable[[Sequence[Found]], dict[int, Refused]]:
    """What tells, of what was found, which are steps of runs that belong to another environment of their job: index →
    why they are refused."""
    named = {
        i: (check_in.workspace_id, check_in.job_key, check_in.tenant, check_in.run_id)
        for i, (check_in, _) in enumerate(asked)
        if check_in.is_step and check_in.run_id is not None
    }
    elsewhere = details.ask_environments(connection, set(named.values())) if named else dict

    def strays(found: Sequence[Found]) -> dict[int, Refused]:
        known = elsewhere()
        refused: dict[int, Refused] = {}
        for i, run in named.items():
            environments = known.get(run, set()) - {asked[i][0].environment}
            if environments and found[i].run is None:
                where = ", ".join(sorted(environments))
                sentence = f"check_in_id {run[3]} belongs to a run in {where}, not in {asked[i][0].environment}."
                refused[i] = Rejected(Reason.WRONG_ENVIRONMENT, sentence)
        return refused

    return strays


def keep_rejections(connection: Connection, ids: IdMaker, now: int, asked: Asked, outcomes: Sequence[object]) -> None:
    """Count what was dropped without its sender being told."""
    dropped: dict[tuple[Any, ...], Dropped] = {}
    for i, (check_in, terms) in enumerate(asked):
        if terms is None or terms.source is None:
            continue
        for refusal in (outcomes[i], terms.fault):
            if refusal is _DEAD_KEY or not isinstance(refusal, Refused):
                continue
            reason = refusal.reason if isinstance(refusal, Rejected) else _REASONS.get(refusal.error_code)
            one = Dropped(
                ids.new(now),
                check_in.workspace_id,
                terms.source,
                reason or Reason.INVALID_CHECK_IN,
                check_in.job_key,
                check_in.environment,
                refusal.message,
                check_in.received_at,
                check_in.received_at,
            )
            known = dropped.get(one[1:6])
            dropped[one[1:6]] = one if known is None else one._replace(times=known.times + 1, first_at=known.first_at)
    if dropped:
        rejections.count_dropped(connection, dropped.values())

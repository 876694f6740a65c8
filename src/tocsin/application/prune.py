"""Forget what is older than its workspace wants it kept, so gently that nobody waits for it.

Everything old is looked for beside the writer, and deleted in slices of a few milliseconds, each a transaction of its
own, with a rest after each that is several times as long.
"""

from collections import Counter
from collections.abc import Callable, Iterator

from tocsin.application.pace import Pace
from tocsin.clock import stopwatch
from tocsin.domain.model import SECOND
from tocsin.domain.reason import Reason
from tocsin.domain.retention import Retention
from tocsin.store import old_runs, retention, tallies
from tocsin.store.engine import Store
from tocsin.store.retention import Slice
from tocsin.store.schema import runs

#: Microseconds that a slice may delete, whether anybody waits or not. On SQLite who comes next waits so long, and for
#: a commit; on PostgreSQL nobody waits for these rows, and the round trips take half of it.
_SPAN, _SPAN_BESIDE = 3_000, 6_000
#: The rest after a slice, in times of what it took, and at most.
_REST, _REST_BESIDE, _LONGEST_REST = 4, 2, SECOND
_LEAST, _MOST, _START = 20, 1_000, 100


def gentle(store: Store) -> Pace:
    """The pace of pruning."""
    span = _SPAN if store.is_sqlite else _SPAN_BESIDE
    return Pace(_LEAST, _MOST, _START, (span, span))


def prune(
    store: Store,
    defaults: Retention,
    now: int,
    pace: Pace,
    rest: Callable[[int], bool] = lambda _: False,
) -> Counter[Reason]:
    """How many rows went, by reason. `rest(microseconds)` waits, and says whether to stop there."""
    gone: Counter[Reason] = Counter()
    resting = _REST if store.is_sqlite else _REST_BESIDE
    for old in _everything(store, defaults, now, pace):
        with store.write(is_synced=False) as connection:
            held = stopwatch()
            removed = (old_runs.remove_runs if old.table is runs else retention.remove)(connection, old)
            # Without its commit: to sync a few rows takes a slow disk as long as many.
            pace.took(len(old.ids), held())
        gone[old.reason] += removed
        if rest(min(held() * resting, _LONGEST_REST)):
            break
    return gone


def _everything(store: Store, defaults: Retention, now: int, pace: Pace) -> Iterator[Slice]:
    with store.read() as connection:
        policies = retention.policies(connection, defaults)
        # What is not in the figures yet has to stay until it is: an old database may be pruned on its first day.
        counted = tallies.progress(connection)
    for workspace_id, kept in policies:
        yield from retention.expired(store, workspace_id, kept, now, lambda: pace.size, counted)
        yield from old_runs.expired_runs(store, workspace_id, kept, now, lambda: pace.size, counted)

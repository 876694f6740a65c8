"""The rate of management requests, of a key or of a user in a workspace: each is judged by itself, before it is begun.

On SQLite there is one process, and its memory knows all. On PostgreSQL a row knows, for all nodes; its commit is not
waited for, since what it tells is worth a minute.
"""

from collections import OrderedDict
from threading import Lock

from tocsin.application.access import Principal
from tocsin.application.errors import rate_limited
from tocsin.domain import rate
from tocsin.domain.model import SECOND
from tocsin.store import rates
from tocsin.store.attempts import write_with_retries
from tocsin.store.engine import Connection, Store

_MOST_REMEMBERED = 50_000


class RequestRate:
    """Counts requests; safe to call from any thread. `per_minute`: what the installation allows; 0: any number."""

    def __init__(self, store: Store, per_minute: int) -> None:
        self._store = store
        self._per_minute = per_minute
        self._paid_at: OrderedDict[tuple[int, bool], int] = OrderedDict()
        self._lock = Lock()

    def check(self, principal: Principal, now: int, *, is_ingest: bool = False) -> None:
        """Charge the request; raises `Refused` 429 where it is one too many.

        `is_ingest`: a user's check-in, which costs no write of its own; each node counts those by itself.
        """
        if not self._per_minute:
            return
        cost = rate.price(min(principal.api_rate or self._per_minute, self._per_minute))
        workspace_id, holder_id = principal.workspace_id or 0, principal.holder_id
        if is_ingest or self._store.is_sqlite:
            wait = self._remember((holder_id, is_ingest), now, cost)
        else:
            store = self._store.of(workspace_id) if workspace_id else self._store
            wait = write_with_retries(store, lambda c: _charge(c, workspace_id, holder_id, now, cost))
        if wait > 0:
            raise rate_limited(-(-wait // SECOND))

    def _remember(self, holder: tuple[int, bool], now: int, cost: int) -> int:
        with self._lock:
            paid_at = self._paid_at.get(holder, 0)
            wait = rate.wait(paid_at, now, cost)
            if wait == 0:
                self._paid_at[holder] = rate.pay(paid_at, now, cost)
                self._paid_at.move_to_end(holder)
                if len(self._paid_at) > _MOST_REMEMBERED:
                    self._paid_at.popitem(last=False)
            return wait


def _charge(connection: Connection, workspace_id: int, holder_id: int, now: int, cost: int) -> int:
    rates.not_synced(connection)
    wait = rate.wait(rates.find_one(connection, holder_id) or 0, now, cost)
    if wait == 0:
        rates.charge(connection, [rates.Charge(workspace_id, holder_id, cost)], now, is_ingest=False)
    return wait

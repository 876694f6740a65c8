"""The rate of ingest: judged in the recorder's transaction, charged with one statement a batch.

Nothing is locked while a batch is worked on: the buckets are read as they are, and charged at the end. Where other
nodes charged the same key meanwhile, and it comes to more than the tolerance above what it may, the batch is done again
with what is known then. So the rate is exact to the tolerance over any number of nodes, without a transaction of its
own.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tocsin.application.errors import Refused, rate_limited
from tocsin.application.record import Item
from tocsin.application.setting_aside import shown
from tocsin.domain import rate
from tocsin.domain.ids import IdMaker
from tocsin.domain.model import SECOND
from tocsin.store import Connection, rates
from tocsin.store.rejections import insert_rejection

#: Of a minute's allowance: how far nodes together may overshoot it.
TOLERANCE = rate.MINUTE // 25
_REJECTION_EVERY = 60 * SECOND
_STREAMS_FACTOR = 2
_STREAMS_KNOWN_FOR = 60 * SECOND
_MOST_REMEMBERED = 50_000
_NEVER = (-_STREAMS_KNOWN_FOR, 0)


class Overdrawn(Exception):  # noqa: N818 -- a state of ours: the batch is done again
    """Other nodes have taken what this one was about to give out."""


@dataclass(slots=True)
class _Account:
    bucket: rates.Bucket
    price: int
    paid_at: int
    charged: int = 0
    refused: int = 0
    first_refused: Item | None = None


class Tariff:
    """What a key may send a minute: what the installation allows (`per_minute`; 0: there are no limits at all) or its
    workspace has chosen, and never less than twice the workspace's streams: everybody's midnight jobs come at once.
    They are counted once a minute."""

    def __init__(self, per_minute: int) -> None:
        self.per_minute = per_minute
        self._streams: dict[int, tuple[int, int]] = {}

    def price(self, bucket: rates.Bucket) -> int:
        """What one of its requests costs; its workspace's streams have been counted."""
        _, streams = self._streams[bucket.workspace_id]
        chosen = min(bucket.rate or self.per_minute, self.per_minute)
        return rate.price(max(chosen, _STREAMS_FACTOR * streams))

    def count_streams(self, connection: Connection, workspace_ids: Collection[int], now: int) -> None:
        """Of those not counted within the last minute, in one query."""
        if len(self._streams) >= _MOST_REMEMBERED:
            self._streams.clear()
        unknown = [one for one in workspace_ids if now - self._streams.get(one, _NEVER)[0] >= _STREAMS_KNOWN_FOR]
        if unknown:
            counted = rates.watched_streams(connection, unknown)
            self._streams |= {one: (now, counted.get(one, 0)) for one in unknown}


class Toll:
    """What one batch is charged."""

    def __init__(self, connection: Connection, batch: Sequence[Item], now: int, tariff: Tariff) -> None:
        self._connection = connection
        self._now = now
        keys = {item.key_id for item in batch if item.key_id is not None}
        found = rates.find(connection, keys) if keys and tariff.per_minute else {}
        tariff.count_streams(connection, {bucket.workspace_id for bucket in found.values()}, now)
        self._accounts = {
            key_id: _Account(bucket, tariff.price(bucket), bucket.paid_at or 0) for key_id, bucket in found.items()
        }

    def refuse(self, item: Item) -> Refused | None:
        """Why it is not taken; None where it is, and charged."""
        account = self._accounts.get(item.key_id or 0)
        if account is None:
            return None
        cost = _cost(account, item)
        wait = rate.wait(account.paid_at, self._now, cost)
        if wait <= 0:
            account.paid_at = rate.pay(account.paid_at, self._now, cost)
            account.charged += cost
            return None
        account.refused += item.weight
        account.first_refused = account.first_refused or item
        return rate_limited(-(-wait // SECOND))

    def give_back(self, item: Item) -> None:
        """It was not decided yet, and will come again."""
        account = self._accounts.get(item.key_id or 0)
        if account is not None:
            account.charged -= _cost(account, item)

    def settle(self, ids: IdMaker) -> None:
        """Write down what was charged and refused. Raises Overdrawn."""
        charges = [self._charge(ids, key_id, a) for key_id, a in self._accounts.items() if a.charged or a.refused]
        for key_id, paid_at in rates.charge(self._connection, charges, self._now, is_ingest=True).items():
            account = self._accounts[key_id]
            if account.charged and paid_at > max(self._now + rate.MINUTE + TOLERANCE, account.paid_at):
                raise Overdrawn

    def _charge(self, ids: IdMaker, key_id: int, account: _Account) -> rates.Charge:
        """With the rejection that stands for what was refused: one a minute, with their number."""
        bucket = account.bucket
        charge = rates.Charge(bucket.workspace_id, key_id, account.charged)
        if not account.refused:
            return charge
        if bucket.rejection_id is not None and self._now - (bucket.rejected_at or 0) < _REJECTION_EVERY:
            rates.count_rejection(self._connection, bucket.rejection_id, account.refused, self._now)
            return charge
        rejection_id = ids.new(self._now)
        detail = shown(account.first_refused, only_first=True) if account.first_refused is not None else ""
        insert_rejection(
            self._connection, rejection_id, bucket.workspace_id, self._now, "rate_limited", detail, account.refused
        )
        return charge._replace(rejection_id=rejection_id, rejected_at=self._now)


def _cost(account: _Account, item: Item) -> int:
    return account.price * item.weight

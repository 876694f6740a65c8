"""What every submission has in common, be it of check-ins or of events: who sent it, and that it is done once."""

from typing import NamedTuple

from tocsin.application.errors import Refused, conflict, invalid, unauthorized
from tocsin.store import idempotency
from tocsin.store.engine import Connection

#: (route, key, hash of what was asked), where the sender wants its request done once.
OnceKey = tuple[str, str, str]

#: The sender's key was rotated on the way. Not remembered under an `Idempotency-Key`: another key may try again.
DEAD_KEY = unauthorized()


class Held(NamedTuple):
    """A submission that must wait: a deadline before it may not be judged yet."""


class Replayed(NamedTuple):
    """An `Idempotency-Key` seen before: the answer given then."""

    status: int
    answer: str


def replay(connection: Connection, workspace_id: int, once: OnceKey, now: int) -> Replayed | Refused | None:
    """What an earlier request under the same `Idempotency-Key` was answered, or that it cannot be repeated."""
    scope, body_hash = _scope(workspace_id, once)
    earlier = idempotency.claim(connection, scope, body_hash, now)
    if earlier is None:
        return None
    if earlier.body_hash != body_hash:
        return invalid("Idempotency-Key was used with another body; take a new key for a new request.")
    if earlier.status is None or earlier.answer is None:
        return conflict("A request with this Idempotency-Key is still in flight; try again when it has been answered.")
    return Replayed(earlier.status, earlier.answer)


def remember(connection: Connection, workspace_id: int, once: OnceKey, status: int, answer: str) -> None:
    """Keep what a request that claimed its key is answered."""
    idempotency.remember(connection, _scope(workspace_id, once)[0], status, answer)


def forget(connection: Connection, workspace_id: int, once: OnceKey) -> None:
    """Let the key be used again: the request came to nothing."""
    idempotency.forget(connection, _scope(workspace_id, once)[0])


def _scope(workspace_id: int, once: OnceKey) -> tuple[idempotency.Scope, str]:
    route, key, body_hash = once
    return idempotency.Scope(workspace_id, route, key), body_hash

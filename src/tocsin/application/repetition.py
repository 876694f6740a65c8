"""Writes that carry an `Idempotency-Key`: done once, answered alike for 24 hours."""

from base64 import b64decode, b64encode
from typing import NamedTuple

from tocsin.application.errors import conflict, unprocessable
from tocsin.secret_box import SecretBox
from tocsin.store import Connection, idempotency
from tocsin.store.idempotency import Scope


class Answer(NamedTuple):
    """An HTTP status and a body."""

    status: int
    body: bytes


class Repetition(NamedTuple):
    """One request under a key: `body_hash` tells whether another under the same key is its repetition.

    Answers are kept sealed, as they may hold a key that is shown only once.
    """

    secrets: SecretBox
    scope: Scope
    body_hash: str

    def claim(self, connection: Connection, now: int) -> Answer | None:
        """Take the key, or give the answer of the request that had it; refuses what is no repetition of that one,
        and one that comes while that one is in flight."""
        earlier = idempotency.claim(connection, self.scope, self.body_hash, now)
        if earlier is None:
            return None
        if earlier.body_hash != self.body_hash:
            raise unprocessable("This Idempotency-Key was used with another body. Use a new key.")
        if earlier.status is None or earlier.answer is None:
            raise conflict("A request with this Idempotency-Key is still in flight. Try again in a moment.")
        return Answer(earlier.status, self.secrets.decrypt(b64decode(earlier.answer), self._context))

    def remember(self, connection: Connection, answer: Answer) -> None:
        """Keep the answer of the request that claimed the key."""
        sealed = b64encode(self.secrets.encrypt(answer.body, self._context)).decode()
        idempotency.remember(connection, self.scope, answer.status, sealed)

    def remember_refusal(self, connection: Connection, now: int, answer: Answer) -> None:
        """Keep a refusal, whose transaction was undone together with its claim; unless somebody has the key."""
        if idempotency.claim(connection, self.scope, self.body_hash, now) is None:
            self.remember(connection, answer)

    def forget(self, connection: Connection) -> None:
        idempotency.forget(connection, self.scope)

    @property
    def _context(self) -> str:
        return "|".join(("idempotency_keys", *map(str, self.scope), "answer"))

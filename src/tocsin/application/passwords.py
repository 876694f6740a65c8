"""Passwords: argon2id as OWASP sets it, and never more than a few at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from tocsin.application.errors import unavailable

# 19 MiB and 26 ms each; four at once keep a storm of logins under 80 MiB.
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_turns = BoundedSemaphore(4)
_PATIENCE_SECONDS = 5
#: Checked when the user is unknown, so that the answer takes as long as for one who is not.
_NOBODYS_HASH = _hasher.hash("nobody's password")


def hash_password(password: str) -> str:
    with _turn():
        return _hasher.hash(password)


def is_password(password: str, password_hash: str | None) -> bool:
    """Whether it is the password; the same work where there is no hash to compare with."""
    with _turn():
        try:
            _hasher.verify(password_hash or _NOBODYS_HASH, password)
        except (VerificationError, InvalidHashError):
            return False
    return password_hash is not None


def is_outdated(password_hash: str) -> bool:
    """Whether it was made with other parameters than today's."""
    return _hasher.check_needs_rehash(password_hash)


@contextmanager
def _turn() -> Iterator[None]:
    if not _turns.acquire(timeout=_PATIENCE_SECONDS):
        raise unavailable("Too many people are signing in at once. Try again in 5 seconds.", _PATIENCE_SECONDS)
    try:
        yield
    finally:
        _turns.release()

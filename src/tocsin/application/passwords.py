"""Passwords: which are good enough, and argon2id as OWASP sets it, never more than a few at once."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from tocsin.application.errors import invalid, unavailable

# 19 MiB and 26 ms each; four at once keep a storm of logins under 80 MiB.
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_turns = BoundedSemaphore(4)
_PATIENCE_SECONDS = 5
#: Checked when the user is unknown, so that the answer takes as long as for one who is not.
_NOBODYS_HASH = _hasher.hash("nobody's password")

LEAST_LENGTH, LEAST_LENGTH_BESIDE_SECOND_FACTOR = 15, 8
#: Guesses that somebody needs who knows the commonest passwords, words and patterns: fewer than a million is too few.
_LEAST_SCORE = 2
#: What the estimate looks at, at most: it takes 25 ms for so many.
_JUDGED = 72


def check_password(
    password: str, about: Sequence[str] = (), *, has_second_factor: bool = False, field: str = "password"
) -> None:
    """Raises `Refused` 422 where the password is too short, or among the first that somebody would try. `about`: words
    that are easy to guess for this user (email, name)."""
    least = LEAST_LENGTH_BESIDE_SECOND_FACTOR if has_second_factor else LEAST_LENGTH
    if len(password) < least:
        raise invalid(f"{field} must be at least {least} characters long.")
    # 15 MiB and 50 ms to load, for what is needed seldom: most processes never do.
    from zxcvbn import zxcvbn

    words = [part for text in about for part in (text, *text.replace("@", " ").replace(".", " ").split()) if part]
    if zxcvbn(_judgeable(password[:_JUDGED]), user_inputs=[*words, "tocsin"])["score"] < _LEAST_SCORE:
        raise invalid(f"{field} is among the first that anybody would guess. Take some words that do not go together.")


def _judgeable(password: str) -> str:
    """Without what the library takes for digits and cannot read: `²`, or a line break after the last one."""
    return "".join("?" if not c.isprintable() or (c.isnumeric() and not c.isascii()) else c for c in password)


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

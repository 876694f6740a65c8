"""A new key for what is sealed, while servers run. It may be killed at any moment, and be run again.

1. The new key is put on top of the key file: from now on it seals, the old ones still open. Running servers notice.
2. The database is told that it is coming, so that no two nodes with files of their own make one each.
3. Every sealed value is sealed anew, in slices, until none is left that is not.
4. The database is told that this is its key now.

The file alone never says whether 3 is done; the database does (4). So a run that finds a file whose first key is not
the database's goes on where another was ended, and makes no key.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tocsin import key_file
from tocsin.application.installation import KEY_FACT, NEXT_KEY_FACT
from tocsin.key_file import SecretError
from tocsin.secret_box import SecretBox, fingerprint_of
from tocsin.store.accounts import claim_fact, remove_fact
from tocsin.store.engine import Store
from tocsin.store.installation import read_fact
from tocsin.store.sealed import SEALED, Sealed, reseal_slice

_SHOWN = 8


class RotationError(Exception):
    """The rotation cannot go on; its text is a sentence for the operator."""


class Outcome(NamedTuple):
    """What was done. `unreadable`: values that no key of the file opens, or that were altered; they stay."""

    key: str
    was_begun: bool
    resealed: int
    unreadable: int


def add_key(store: Store, path: Path) -> str:
    """Steps 1 and 2; the name of the key that seals from now on. Does nothing where a rotation is under way."""
    with key_file.locked(path):
        keys, _ = _begin(store, path)
        return name_of(keys[0])


def rotate(store: Store, path: Path, pause: Callable[[], None]) -> Outcome:
    """All of it. `pause` lets transactions end that sealed something before they could know of the new key."""
    with key_file.locked(path):
        keys, was_begun = _begin(store, path)
        box = SecretBox(keys)
        first, _ = _reseal_all(store, box)
        pause()
        second, unreadable = _reseal_all(store, box)
        _finish(store, box.fingerprint)
        return Outcome(name_of(keys[0]), was_begun, first + second, unreadable)


def forget_old_keys(store: Store, path: Path) -> int:
    """Takes all keys but the current one out of the file, when nothing is sealed with them any more; how many."""
    with key_file.locked(path):
        keys = key_file.read_or_make(path)
        with store.read() as connection:
            is_settled = read_fact(connection, KEY_FACT) == fingerprint_of(keys[0])
        if not is_settled:
            raise RotationError("A rotation is under way. Run `tocsin rotate-secrets` to its end first.")
        _reseal_all(store, SecretBox(keys))
        key_file.replace(path, [(keys[0], name_of(keys[0]))])
        return len(keys) - 1


def name_of(key: bytes) -> str:
    return f"key {fingerprint_of(key)[:_SHOWN]}"


def _begin(store: Store, path: Path) -> tuple[list[bytes], bool]:
    """The keys, the new one first, and whether a rotation was under way already."""
    keys = key_file.read_or_make(path)
    known = [fingerprint_of(key) for key in keys]
    with store.read() as connection:
        current, coming = read_fact(connection, KEY_FACT), read_fact(connection, NEXT_KEY_FACT)
    _check(known, current, coming)
    if known[0] != current:
        _announce(store, known[0])
        return keys, True
    made = [key_file.new_key(), *keys]
    key_file.replace(path, [(key, name_of(key)) for key in made])
    try:
        _announce(store, fingerprint_of(made[0]))
    except RotationError:
        key_file.replace(path, [(key, name_of(key)) for key in keys])
        raise
    return made, False


def _check(known: list[str], current: str | None, coming: str | None) -> None:
    if current is None:
        raise RotationError("This database was never served: there is nothing to rotate.")
    if current not in known:
        raise RotationError("The secret key file is not the one of this database. Check TOCSIN_SECRET_KEY_FILE.")
    if coming is not None and coming != known[0]:
        raise RotationError(
            "A rotation was begun with a key that is not the first in this file. Copy the key file from the node where "
            "it was begun, and run this again."
        )


def _announce(store: Store, fingerprint: str) -> None:
    with store.write() as connection:
        if not claim_fact(connection, NEXT_KEY_FACT, fingerprint):
            _check([fingerprint], fingerprint, read_fact(connection, NEXT_KEY_FACT))


def _finish(store: Store, fingerprint: str) -> None:
    with store.write() as connection:
        remove_fact(connection, KEY_FACT, None)
        claim_fact(connection, KEY_FACT, fingerprint)
        remove_fact(connection, NEXT_KEY_FACT, None)


def _reseal_all(store: Store, box: SecretBox) -> tuple[int, int]:
    """Goes through everything once: (sealed anew, unreadable)."""
    unreadable = 0

    def reseal(value: bytes, context: str) -> bytes | None:
        nonlocal unreadable
        try:
            return box.encrypt(box.decrypt(value, context), context)
        except SecretError:
            unreadable += 1
            return None

    return sum(_reseal_column(store, sealed, box.current_head, reseal) for sealed in SEALED), unreadable


def _reseal_column(store: Store, sealed: Sealed, head: bytes, reseal: Callable[[bytes, str], bytes | None]) -> int:
    after, total = None, 0
    while True:
        with store.write() as connection:
            after, done = reseal_slice(connection, sealed, head, reseal, after)
        total += done
        if after is None:
            return total

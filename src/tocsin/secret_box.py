"""Secrets at rest: AES-256-GCM under the installation's key file.

A sealed value is `version | key id | nonce | ciphertext and tag`. The key id tells which key of the file opens it, so
keys can be rotated while values sealed with the old one are still about; the context (`table|row id|column`) is
authenticated, so a sealed value cannot be moved to another row. A box that was opened from a file notices when the
file changes: nobody has to be restarted for a new key.
"""

import os
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tocsin.key_file import KEY_BYTES, SecretError, read_or_make

__all__ = ["SecretBox", "SecretError", "UnknownKeyError"]

_VERSION = b"\x01"
_ID_BYTES = 4
_NONCE_BYTES = 12
_HEAD = len(_VERSION) + _ID_BYTES + _NONCE_BYTES

Keys = Callable[[], Sequence[bytes] | None]


class UnknownKeyError(SecretError):
    """A value sealed with a key this node does not have (yet)."""


class _Ring:
    """What is derived from the keys, once; the first is the current one."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise SecretError("A secret key must be 32 bytes.")
        self.ciphers = {_key_id(key): AESGCM(_derive(key, b"encryption")) for key in keys}
        self.current = _key_id(keys[0])
        self.fingerprints = tuple(fingerprint_of(key) for key in keys)
        self.signing_keys = tuple(_derive(key, b"token signing") for key in keys)


class SecretBox:
    """Seals with the first key, opens with any of them."""

    def __init__(self, keys: Sequence[bytes], changed_keys: Keys = lambda: None) -> None:
        """`changed_keys` gives the keys anew where they have changed since it was last asked, else None."""
        self._ring = _Ring(keys)
        self._changed_keys = changed_keys

    @classmethod
    def open(cls, path: Path) -> "SecretBox":
        """Reads the key file, or makes it; raises SecretError."""
        watch = _FileWatch(path)
        return cls(read_or_make(path), watch.changed_keys)

    @property
    def fingerprint(self) -> str:
        """Names the current key without telling it: nodes on one database compare it."""
        return self.fingerprints[0]

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """Of all keys, the current one first."""
        return self._fresh().fingerprints

    @property
    def signing_key(self) -> bytes:
        """32 bytes for signing tokens, independent of the encryption key."""
        return self.signing_keys[0]

    @property
    def signing_keys(self) -> tuple[bytes, ...]:
        """What a token may be signed with, the current one first."""
        return self._fresh().signing_keys

    @property
    def current_head(self) -> bytes:
        """What all values begin with that are sealed with the current key."""
        return _VERSION + self._fresh().current

    def encrypt(self, plain: bytes, context: str) -> bytes:
        ring = self._fresh()
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _VERSION + ring.current + nonce + ring.ciphers[ring.current].encrypt(nonce, plain, context.encode())

    def decrypt(self, sealed: bytes, context: str) -> bytes:
        """Raises UnknownKeyError where the key is not in the file, SecretError where the value was altered or moved."""
        key_id = sealed[1 : 1 + _ID_BYTES]
        cipher = self._ring.ciphers.get(key_id) or self._fresh().ciphers.get(key_id)
        if sealed[:1] != _VERSION or cipher is None:
            raise UnknownKeyError("A secret was sealed with a key that is not in the secret key file.")
        try:
            return cipher.decrypt(sealed[1 + _ID_BYTES : _HEAD], sealed[_HEAD:], context.encode())
        except (InvalidTag, ValueError) as error:
            raise SecretError("A sealed secret was altered, or does not belong to its row.") from error

    def _fresh(self) -> _Ring:
        if keys := self._changed_keys():
            self._ring = _Ring(keys)
        return self._ring


class _FileWatch:
    """Notices that the key file is another one; a look costs a microsecond or two."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = self._look()

    def changed_keys(self) -> Sequence[bytes] | None:
        now = self._look()
        if now is None or now == self._seen:
            return None
        with suppress(SecretError):  # half copied, perhaps: we go on with what we have, and look again
            keys = read_or_make(self._path)
            self._seen = now
            return keys
        return None

    def _look(self) -> tuple[int, int, int] | None:
        try:
            found = os.stat(self._path)
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size


def fingerprint_of(key: bytes) -> str:
    return _derive(key, b"fingerprint", 16).hex()


def _key_id(key: bytes) -> bytes:
    return _derive(key, b"key id", _ID_BYTES)


def _derive(key: bytes, purpose: bytes, length: int = KEY_BYTES) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=b"tocsin " + purpose).derive(key)

"""Secrets at rest: AES-256-GCM under the installation's key file.

A sealed value is `version | key id | nonce | ciphertext and tag`. The key id tells which key of the file opens it, so a
key is rotated by putting a new line on top of the file; the context (`table|row id|column`) is authenticated, so a
sealed value cannot be moved to another row.
"""

import os
import secrets
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_VERSION = b"\x01"
_KEY_BYTES = 32
_ID_BYTES = 4
_NONCE_BYTES = 12
_HEAD = len(_VERSION) + _ID_BYTES + _NONCE_BYTES


class SecretError(Exception):
    """A key file that is none, or a value that none of its keys opens. Its text is a sentence for the operator."""


class SecretBox:
    """Seals with the first key, opens with any of them."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) != _KEY_BYTES for key in keys):
            raise SecretError("A secret key must be 32 bytes.")
        self._ciphers = {_derive(key, b"key id", _ID_BYTES): AESGCM(_derive(key, b"encryption")) for key in keys}
        self._current = _derive(keys[0], b"key id", _ID_BYTES)
        #: Names the current key without telling it: nodes on one database compare it.
        self.fingerprint = _derive(keys[0], b"fingerprint", 16).hex()
        #: 32 bytes for signing tokens, independent of the encryption key.
        self.signing_key = _derive(keys[0], b"token signing")

    @classmethod
    def open(cls, path: Path) -> "SecretBox":
        """Reads the key file (base64, one key a line, the newest first); makes it, readable by its owner only."""
        try:
            if not path.exists():
                _make(path)
            return cls([b64decode(line, validate=True) for line in path.read_text("ascii").split()])
        except (OSError, UnicodeDecodeError) as error:
            raise SecretError(f"The secret key file {path} cannot be read or made: {type(error).__name__}.") from error
        except (Base64Error, SecretError) as error:
            raise SecretError(f"The secret key file {path} must hold 32 bytes in base64 on each line.") from error

    def encrypt(self, plain: bytes, context: str) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _VERSION + self._current + nonce + self._ciphers[self._current].encrypt(nonce, plain, context.encode())

    def decrypt(self, sealed: bytes, context: str) -> bytes:
        """Raises SecretError where the key is not in the file, or the value was altered or moved."""
        cipher = self._ciphers.get(sealed[1 : 1 + _ID_BYTES])
        if sealed[:1] != _VERSION or cipher is None:
            raise SecretError("A secret was sealed with a key that is not in the secret key file.")
        try:
            return cipher.decrypt(sealed[1 + _ID_BYTES : _HEAD], sealed[_HEAD:], context.encode())
        except (InvalidTag, ValueError) as error:
            raise SecretError("A sealed secret was altered, or does not belong to its row.") from error


def _derive(key: bytes, purpose: bytes, length: int = _KEY_BYTES) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=b"tocsin " + purpose).derive(key)


def _make(path: Path) -> None:
    """Whole or not at all: of two processes that start together, one makes the file and both read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(b64encode(secrets.token_bytes(_KEY_BYTES)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the key must not be lost after the first secret is sealed with it
    finally:
        os.close(folder)

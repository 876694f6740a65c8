"""The key file: one key a line, the newest first. The first seals; the others still open.

A line is 32 bytes in base64; what follows on it, or after a `#`, is for people: the key's id, which says nothing of it.
"""

import fcntl
import os
import secrets
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

KEY_BYTES = 32


class SecretError(Exception):
    """A key file that is none, or a value that none of its keys opens. Its text is a sentence for the operator."""


def new_key() -> bytes:
    return secrets.token_bytes(KEY_BYTES)


def read_or_make(path: Path) -> list[bytes]:
    """The keys in the file; where there is none it is made, with one key, readable by its owner only."""
    try:
        if not path.exists():
            _make(path)
        lines = [line.split("#")[0].split() for line in path.read_text("ascii").splitlines()]
        keys = [b64decode(words[0], validate=True) for words in lines if words]
    except (OSError, UnicodeDecodeError) as error:
        raise SecretError(f"The secret key file {path} cannot be read or made: {type(error).__name__}.") from error
    except Base64Error as error:
        raise SecretError(f"The secret key file {path} must hold 32 bytes in base64 on each line.") from error
    if not keys or any(len(key) != KEY_BYTES for key in keys):
        raise SecretError(f"The secret key file {path} must hold 32 bytes in base64 on each line.")
    return keys


def replace(path: Path, lines: Sequence[tuple[bytes, str]]) -> None:
    """Puts these keys, each with a remark, into the file: all of them or none, whenever the power goes."""
    real = path.resolve()
    try:
        was = real.stat()
        draft = _draft(real, "".join(f"{b64encode(key).decode()}  # {remark}\n" for key, remark in lines))
        draft.chmod(was.st_mode & 0o777)
        with suppress(PermissionError):  # only root may give it to the account that serves
            os.chown(draft, was.st_uid, was.st_gid)
        draft.replace(real)
        _sync_folder(real.parent)
    except OSError as error:
        raise SecretError(f"The secret key file {path} cannot be written: {error.strerror}.") from error


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One process at a time changes the file; the lock goes with the process, however it ends."""
    try:
        file = path.resolve().with_name(f"{path.resolve().name}.lock").open("ab")
    except OSError as error:
        raise SecretError(f"Beside the secret key file {path} nothing can be written: {error.strerror}.") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SecretError("The keys are being rotated by another process. Wait for it to end.") from None
        yield


def _make(path: Path) -> None:
    """Whole or not at all: of two processes that start together, one makes the file and both read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = _draft(path, b64encode(new_key()).decode() + "\n")
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
    _sync_folder(path.parent)  # the key must not be lost after the first secret is sealed with it


def _draft(path: Path, text: str) -> Path:
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return draft


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""Reading and replacing crontabs: files, and the one of the user, which only `crontab` may touch."""

import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path


class CrontabError(Exception):
    """It cannot be read or replaced; the message says why."""


def read_users() -> str:
    """The crontab of the user who asks; empty if there is none."""
    listed = _crontab("-l")
    if listed.returncode and b"no crontab for" not in listed.stderr:
        raise CrontabError(f"crontab -l failed: {listed.stderr.decode(errors='replace').strip()}")
    return "" if listed.returncode else listed.stdout.decode(errors="surrogateescape")


def replace_users(old: str, new: str, backup: Path) -> None:
    """Hands `new` to `crontab`, if it still is `old`, which is kept in `backup`."""
    if read_users() != old:
        raise CrontabError("the crontab was changed in the meantime; try again")
    try:
        backup.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(backup, "x", opener=_private, encoding="utf-8", errors="surrogateescape", newline="") as file:
            file.write(old)
    except OSError as error:
        raise CrontabError(f"no backup could be made in {backup}: {error.strerror}") from error
    done = _crontab("-", new.encode(errors="surrogateescape"))
    if done.returncode:
        raise CrontabError(f"crontab refused the new one: {done.stderr.decode(errors='replace').strip()}")


def read_file(path: Path) -> str:
    try:
        return path.read_bytes().decode(errors="surrogateescape")
    except OSError as error:
        raise CrontabError(f"{path} cannot be read: {error.strerror}") from error


def replace_file(path: Path, old: str, new: str, stamp: str) -> Path:
    """Puts `new` in the file's place in one step, with its owner and mode; the backup's path.

    Cron reads no file whose name ends in `~`, so that the backup in /etc/cron.d does not run, too.
    """
    path = path.resolve()
    backup = path.with_name(f"{path.name}.{stamp}~")
    try:
        if read_file(path) != old:
            raise CrontabError(f"{path} was changed in the meantime; try again")
        shutil.copy2(path, backup)
        _replace(path, new.encode(errors="surrogateescape"))
    except OSError as error:
        raise CrontabError(f"{path} cannot be replaced: {error.strerror}") from error
    return backup


def _replace(path: Path, content: bytes) -> None:
    file, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix="~", dir=path.parent)
    try:
        with os.fdopen(file, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
            owner = path.stat()
            os.fchown(stream.fileno(), owner.st_uid, owner.st_gid)
            os.fchmod(stream.fileno(), owner.st_mode & 0o7777)
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


def local_timezone() -> str:
    """The IANA name of the zone that cron runs in; UTC where it cannot be told."""
    with suppress(OSError):
        target = os.path.realpath("/etc/localtime")
        if "/zoneinfo/" in target:
            return target.partition("/zoneinfo/")[2].removeprefix("posix/")
    with suppress(OSError):
        return Path("/etc/timezone").read_text().strip() or "UTC"
    return "UTC"


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _crontab(argument: str, content: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["crontab", argument], input=content, capture_output=True, check=False)  # noqa: S603, S607
    except OSError as error:
        raise CrontabError(f"crontab cannot be run: {error.strerror}") from error

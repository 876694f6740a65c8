"""Reports that could not be delivered yet: a folder of files, one a report, in the order in which things happened.

Each destination has a folder of its own, so that a report never reaches another workspace than its own. Who has a
report in hand holds a lock on its file: no two deliver the same one, and one whose holder died is free at once.
"""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256

from tocsin.client.destination import Destination
from tocsin.client.report import Report, from_text, to_text

#: Reports kept for one destination at most; then the oldest make room.
MOST = 10_000
#: The server takes what happened up to seven days ago; a minute less, for clocks that differ.
OLDEST = (7 * 86_400 - 60) * 1_000_000
_SUFFIX = ".json"
_LOCK = "lock"
_URL = "url"


class SpoolError(Exception):
    """The spool cannot be used; the message says why."""


class Entry:
    """A report in hand. Until it is `done` it is in the spool, and nobody else touches it."""

    def __init__(self, report: Report, path: str, file: int) -> None:
        self.report = report
        self._path = path
        self._file = file

    def done(self) -> None:
        """It was delivered, or never will be."""
        with suppress(FileNotFoundError):
            os.unlink(self._path)
        os.close(self._file)

    def leave(self) -> None:
        """It stays for another time, whatever becomes of this machine's power."""
        with suppress(OSError):
            os.fsync(self._file)
        os.close(self._file)


class Spool:
    """What waits for one destination. Nothing is written before the first report has to wait."""

    def __init__(self, root: str, target: Destination, most: int = MOST) -> None:
        self.url = target.url
        self._most = most
        self.folder = os.path.join(root, _lane(target))

    def put(self, report: Report) -> Entry:
        """Writes it down and takes it in hand; raises `SpoolError`. It is there as a whole or not at all."""
        name = f"{report.occurred_at:020d}-{report.key[:16]}{_SUFFIX}"
        hidden = os.path.join(self.folder, f".{name}")
        try:
            self._prepare()
            file = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
                _write(file, to_text(report).encode())
                os.rename(hidden, os.path.join(self.folder, name))
            except BaseException:
                os.close(file)
                os.unlink(hidden)
                raise
        except OSError as error:
            raise SpoolError(f"{self.folder}: {error.strerror}") from error
        return Entry(report, os.path.join(self.folder, name), file)

    def waiting(self) -> list[str]:
        """The names of all reports, the oldest first, also of those that somebody has in hand."""
        try:
            return sorted(name for name in os.listdir(self.folder) if _is_report(name))
        except OSError:
            return []

    def take(self, name: str) -> Entry | None:
        """Takes a waiting report in hand; None where somebody else has it, or had. Raises ValueError for a broken one,
        which is gone then."""
        file = self._take_file(name)
        if file is None:
            return None
        path = os.path.join(self.folder, name)
        try:
            return Entry(from_text(_read(file)), path, file)
        except ValueError:
            os.unlink(path)
            os.close(file)
            raise

    def make_room(self) -> int:
        """Drops what a crash left half-written, and the oldest reports beyond the limit; says how many those were."""
        self._sweep()
        excess = self.waiting()[: -self._most]
        for name in excess:
            with suppress(OSError):
                os.unlink(os.path.join(self.folder, name))
        return len(excess)

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Whether nobody else is delivering what waits here; while the block runs, nobody will."""
        try:
            file = os.open(os.path.join(self.folder, _LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            yield False
            return
        try:
            yield _locked(file)
        finally:
            os.close(file)

    def _sweep(self) -> None:
        with suppress(OSError):
            for name in os.listdir(self.folder):
                if name.startswith(".") and (entry := self._take_file(name)) is not None:
                    os.unlink(os.path.join(self.folder, name))
                    os.close(entry)

    def _take_file(self, name: str) -> int | None:
        """An open file that nobody else has in hand."""
        try:
            file = os.open(os.path.join(self.folder, name), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return None
        if _locked(file) and os.fstat(file).st_nlink > 0:  # else another has it, or had, and has delivered it
            return file
        os.close(file)
        return None

    def _prepare(self) -> None:
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        _check_private(self.folder)
        url = os.path.join(self.folder, _URL)
        if not os.path.exists(url) or not os.path.getsize(url):  # a full disk leaves an empty one
            with open(url, "w", opener=_private) as file:
                file.write(self.url)


def lanes(root: str) -> dict[str, str]:
    """The folders of all destinations with their servers' URLs."""
    found = {}
    with suppress(OSError):
        for name in sorted(os.listdir(root)):
            with suppress(OSError), open(os.path.join(root, name, _URL)) as file:
                found[os.path.join(root, name)] = file.read()
    return found


def lane_at(folder: str, target: Destination) -> Spool:
    """What waits in `folder`, which was written for another key, to be delivered to `target`."""
    spool = Spool(os.path.dirname(folder), target)
    spool.folder = folder
    return spool


def default_root(environ: dict[str, str] | os._Environ[str]) -> str:
    """Of the user who runs the job: reports hold its output, which is nobody else's business."""
    state = environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    return os.path.join(state, "tocsin", "spool")


def _lane(target: Destination) -> str:
    return sha256(f"{target.url}\n{target.api_key}".encode()).hexdigest()[:16]


def _is_report(name: str) -> bool:
    return name.endswith(_SUFFIX) and not name.startswith(".")


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _check_private(folder: str) -> None:
    """Who could write here could report in our name."""
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise SpoolError(f"{folder} is not a folder that only this user can write to")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def _write(file: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(file, view) :]


def _read(file: int) -> str:
    with open(os.dup(file), "rb") as stream:
        return stream.read().decode()

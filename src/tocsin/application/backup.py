"""Take a backup while servers run, and put one into an empty database: of the same engine or the other.

Nothing is half-done: a backup has its name only when it was read again to its end, and a restored database its place
only when all is in it.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tocsin import __version__
from tocsin.application.backup_file import FORMAT, BackupError, Header, Reader, Total, Writer, check
from tocsin.application.installation import KEY_FACT, NEXT_KEY_FACT
from tocsin.store import snapshot
from tocsin.store.engine import Connection, Store
from tocsin.store.installation import read_fact
from tocsin.store.migrations import is_known, latest_revision, migrate_and_guard, migrate_to, revision
from tocsin.wire_time import iso


class Backup(NamedTuple):
    """What a backup holds."""

    header: Header
    total: Total


def take(store: Store, path: Path, now: int, *, may_replace: bool) -> Backup:
    """Write everything as it is at one moment into the file, and read it again. Raises `BackupError`."""
    if path.exists() and not may_replace:
        raise BackupError(f"{path} exists already. Choose another name, or use --force to replace it.")
    if path.exists() and not path.is_file():
        raise BackupError(f"{path} is no file that could be replaced. Choose another name.")
    if store.is_sqlite and not Path(store.path).exists():
        raise BackupError(f"There is no database {store.path}. Point --data-dir or --database-url at yours.")
    draft = path.with_name(f"{path.name}.partial")
    try:
        header, written = _write(store, draft, now)
        if check(draft) != (header, written):
            raise BackupError(f"{draft} could not be read as it was written. Is the disk sound?")
        draft.replace(path)
        _sync(path.parent)
    except OSError as error:
        raise BackupError(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        draft.unlink(missing_ok=True)
    return Backup(header, written)


def _write(store: Store, draft: Path, now: int) -> tuple[Header, Total]:
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        with snapshot.one_moment(store) as connection:
            at = revision(connection)
            if at != latest_revision():
                raise BackupError("The database is not at this version's schema. Run `tocsin migrate` first.")
            facts = (read_fact(connection, name) for name in (KEY_FACT, NEXT_KEY_FACT))
            header = Header(FORMAT, __version__, at or "", iso(now), tuple(fact for fact in facts if fact))
            writer = Writer(file, header)
            for shape in snapshot.shapes():
                writer.table(shape, snapshot.rows_of(connection, shape))
            count = writer.end()
        file.flush()
        os.fsync(file.fileno())
    return header, count


def inspect(path: Path, fingerprints: Sequence[str]) -> Backup:
    """Read a backup to its end, and see that it can be restored here. Raises `BackupError`."""
    header, count = check(path)
    if not is_known(header.revision):
        raise BackupError(f"{path} was made by a newer Tocsin ({header.tocsin}). Restore it with that version.")
    if not set(header.keys) <= set(fingerprints):
        raise BackupError(
            "The secret key file is not the one this backup's secrets are sealed with: the channels could not be read, "
            "nor anybody's second factor. Put the key file of its time in its place (TOCSIN_SECRET_KEY_FILE), and "
            "restore then."
        )
    return Backup(header, count)


def restore(store: Store, path: Path, now: int, *, may_replace: bool) -> Total:
    """Put a backup that was inspected into the database. Raises `BackupError`; then the database is as it was."""
    try:
        if store.is_sqlite:
            return _restore_file(store, path, may_replace=may_replace)
        with store.as_owner() as connection:
            if snapshot.is_served(connection, now):
                raise BackupError("A Tocsin runs on this database, or did ten seconds ago. Stop every node first.")
            if not may_replace:
                _refuse_if_used(connection)
            snapshot.drop_everything(connection)
            return _fill(connection, path)
    except snapshot.UnfitRowsError as error:
        raise BackupError(f"{path} cannot be restored: {error}. The database is as it was.") from error


def _restore_file(store: Store, path: Path, *, may_replace: bool) -> Total:
    """Beside the old file, and then in its place. Nobody serves it: the caller holds the folder's lock."""
    old = Path(store.path)
    if old.exists() and not may_replace:
        with store.read() as connection:
            _refuse_if_used(connection)
    store.close()
    draft = old.with_name(f"{old.name}.restoring")
    _forget(draft)
    beside = Store(f"sqlite:///{draft}")
    try:
        with beside.as_owner() as connection:
            count = _fill(connection, path)
        beside.close()
        snapshot.replace_file(draft, old)
    finally:
        beside.close()
        _forget(draft)
    return count


def _refuse_if_used(connection: Connection) -> None:
    if snapshot.is_used(connection):
        raise BackupError(
            "This database is in use already. Choose an empty one, or use --force to replace all that it holds."
        )


def _fill(connection: Connection, path: Path) -> Total:
    reader = Reader(path)
    migrate_to(connection, reader.header.revision)
    for shape, rows in reader.tables():
        snapshot.put_rows(connection, shape, rows)
    snapshot.finish(connection)
    migrate_and_guard(connection)
    return reader.count


def _forget(draft: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        draft.with_name(draft.name + suffix).unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)

"""One process a SQLite database: two would each hold half of the truth in memory."""

import fcntl
from pathlib import Path
from typing import IO


class FolderInUseError(Exception):
    """Another process serves this database."""


def lock_folder(database: Path) -> IO[bytes]:
    """Takes the lock beside the SQLite file `database`; it is held until the process ends, however it ends."""
    database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = database.with_name(f"{database.name}.lock").open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise FolderInUseError(
            f"Another Tocsin already serves {database}. Stop it first, choose another --data-dir, or use PostgreSQL "
            "(--database-url) where several processes shall share a database."
        ) from None
    return file

"""Named API keys of a workspace, beside its primary one; and when each was last used."""

from collections.abc import Sequence
from threading import Lock
from typing import NamedTuple

from tocsin.application import credentials
from tocsin.application.errors import conflict, not_found
from tocsin.domain.ids import IdMaker
from tocsin.store import Connection, people
from tocsin.store import accounts as rows
from tocsin.store.engine import Store

MOST_KEYS = 100


class NewKey(NamedTuple):
    """A key just made; `plain` is shown this once."""

    id: int
    plain: str


def create_key(
    connection: Connection, ids: IdMaker, now: int, workspace_id: int, name: str, scopes: Sequence[str]
) -> NewKey:
    rows.lock_workspace(connection, workspace_id)
    names = people.live_key_names(connection, workspace_id)
    if name in names:
        raise conflict("name exists already. Choose another, or remove that key first.")
    if len(names) >= MOST_KEYS:
        raise conflict(f"A workspace has at most {MOST_KEYS} keys. Remove one that is not used any more.")
    key = credentials.new_api_key()
    key_id = ids.new(now)
    row = {"id": key_id, "workspace_id": workspace_id, "name": name, "scopes": " ".join(scopes)}
    rows.insert_key(connection, {**row, "key_hash": key.key_hash, "prefix": key.prefix, "created_at": now})
    return NewKey(key_id, key.plain)


def revoke_key(connection: Connection, workspace_id: int, key_id: int, now: int) -> None:
    key = people.find_live_key(connection, workspace_id, key_id)
    if key is None:
        raise not_found("Key")
    if key["is_primary"]:
        raise conflict("The primary key cannot be removed. Replace it with POST /workspaces/rotate-key.")
    if not people.revoke_key(connection, workspace_id, key_id, now):
        raise not_found("Key")


class KeyUse:
    """Remembers when each key was last used, and writes it down now and then: never on the way of a check-in."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._used_at: dict[int, int] = {}
        self._lock = Lock()

    def note(self, key_id: int, now: int) -> None:
        self._used_at[key_id] = now

    def flush(self) -> None:
        with self._lock:
            used_at, self._used_at = self._used_at, {}
            if used_at:
                with self._store.write() as connection:
                    people.touch_keys(connection, used_at)

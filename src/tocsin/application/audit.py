"""The audit log: who changed what, when, and from where. An entry is committed with its change, or not at all."""

import json
from collections.abc import Sequence
from typing import Literal, NamedTuple

from tocsin.application.access import Principal
from tocsin.domain.ids import NODE_LIMIT, IdMaker
from tocsin.store import Connection, people
from tocsin.store import audit as rows

_MOST_FIELDS = 50
_LONGEST = 200


class Actor(NamedTuple):
    """Who did it, as they are called now, and the address they did it from (empty: the server itself)."""

    kind: Literal["user", "key", "operator"]
    id: int | None
    name: str
    address: str = ""


OPERATOR = Actor("operator", None, "operator")
#: The number that ids are made with where no node is at work: the last, which nodes take when all others are taken.
OPERATOR_NODE = NODE_LIMIT - 1


def actor_of(connection: Connection, principal: Principal, address: str) -> Actor:
    if principal.user_id is not None:
        return Actor("user", principal.user_id, rows.name_of_user(connection, principal.user_id), address)
    key_id, workspace_id = principal.api_key_id or 0, principal.workspace_id or 0
    return Actor("key", key_id, rows.name_of_key(connection, workspace_id, key_id), address)


def note(
    connection: Connection,
    ids: IdMaker,
    now: int,
    workspaces: Sequence[int],
    actor: Actor,
    action: str,
    target: str,
    fields: Sequence[str] = (),
) -> None:
    """An entry in the log of each workspace. `fields`: the names of what was given; values are never kept."""
    entry = {
        "at": now,
        "actor_kind": actor.kind,
        "actor_id": actor.id,
        "actor": actor.name,
        "action": action,
        "target": target[:_LONGEST],
        "fields": json.dumps([name[:_LONGEST] for name in fields[:_MOST_FIELDS]]),
        "address": actor.address[:_LONGEST],
    }
    rows.insert_entries(connection, [{"id": ids.new(now), "workspace_id": one, **entry} for one in workspaces])


def note_of_user(connection: Connection, ids: IdMaker, now: int, user_id: int, actor: Actor, action: str) -> None:
    """What concerns the account itself stands in the log of every workspace it has a place in."""
    name = rows.name_of_user(connection, user_id)
    note(connection, ids, now, people.workspaces_of(connection, user_id), actor, action, f"user {name}")

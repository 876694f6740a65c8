"""The first start of an installation, and what has to hold at every other one."""

from typing import NamedTuple

from tocsin.application import accounts
from tocsin.domain.ids import IdMaker
from tocsin.store.accounts import claim_fact
from tocsin.store.engine import Connection
from tocsin.store.installation import read_fact

_KEY, _BEGUN = "key_fingerprint", "begun"


class WrongKeyError(Exception):
    """This node's secret key is not the one the database was encrypted with."""


class FirstStart(NamedTuple):
    """What is shown once, when an installation begins: its first API key, and the token that makes its owner."""

    api_key: str
    claim_token: str


def check_key(connection: Connection, fingerprint: str) -> None:
    """All nodes on one database share a key; the first that comes decides which."""
    if claim_fact(connection, _KEY, fingerprint) or read_fact(connection, _KEY) == fingerprint:
        return
    raise WrongKeyError(
        "The secret key of this node is not the one this database was begun with. Point TOCSIN_SECRET_KEY_FILE at that "
        "key's file: without it, the secrets of the channels cannot be read."
    )


def begin(connection: Connection, ids: IdMaker, now: int) -> FirstStart | None:
    """Makes the first workspace, with the way to claim it; None where that was done before."""
    if not claim_fact(connection, _BEGUN, str(now)):
        return None
    workspace = accounts.create_workspace(connection, ids, now, "My workspace")
    return FirstStart(workspace.api_key, accounts.make_claim(connection, now))

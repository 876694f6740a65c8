"""The first start of an installation, and what has to hold at every other one."""

from collections.abc import Sequence
from typing import NamedTuple

from tocsin.application import accounts
from tocsin.domain.ids import IdMaker
from tocsin.store.accounts import claim_fact
from tocsin.store.engine import Connection
from tocsin.store.installation import read_fact

#: The fingerprint of the key that secrets are sealed with; and of the one they are being sealed with anew.
KEY_FACT, NEXT_KEY_FACT = "key_fingerprint", "next_key_fingerprint"
_BEGUN = "begun"


class WrongKeyError(Exception):
    """This node's secret key is not the one the database was encrypted with."""


class FirstStart(NamedTuple):
    """What is shown once, when an installation begins: its first API key, and the token that makes its owner."""

    api_key: str
    claim_token: str


def check_key(connection: Connection, fingerprints: Sequence[str]) -> None:
    """All nodes on one database share their keys (`fingerprints`, the current one first); the first that comes decides
    which. While keys are rotated, both the old and the new one have to be there."""
    if claim_fact(connection, KEY_FACT, fingerprints[0]):
        return
    wanted = {read_fact(connection, KEY_FACT), read_fact(connection, NEXT_KEY_FACT)} - {None}
    if wanted <= set(fingerprints):
        return
    raise WrongKeyError(
        "The secret key of this node is not the one this database's secrets are sealed with. Point "
        "TOCSIN_SECRET_KEY_FILE at that key's file, or copy it anew from another node: without it, the secrets of the "
        "channels cannot be read."
    )


def begin(connection: Connection, ids: IdMaker, now: int) -> FirstStart | None:
    """Makes the first workspace, with the way to claim it; None where that was done before."""
    if not claim_fact(connection, _BEGUN, str(now)):
        return None
    workspace = accounts.create_workspace(connection, ids, now, "My workspace")
    return FirstStart(workspace.api_key, accounts.make_claim(connection, now))

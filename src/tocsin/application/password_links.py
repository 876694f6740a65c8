"""Links with which a user who forgot the password sets a new one: good for half an hour, and once."""

from collections.abc import Callable
from typing import Any

import structlog

from tocsin.application import credentials
from tocsin.application.errors import unprocessable
from tocsin.store import Connection, people
from tocsin.store import accounts as rows
from tocsin.store.attempts import write_with_retries
from tocsin.store.engine import Store

LINK_LIFE = 30 * 60 * 1_000_000
DEAD_LINK = "The link is not valid any more. Ask for a new one."
SendMail = Callable[[str, str, str], bool]
_log = structlog.get_logger(__name__)
_TEXT = """Somebody, probably you, wants to set a new password for {email} at {base}.

Open this link within half an hour; it works once:

{link}

If it was not you, do nothing: the password stays as it is.
"""


def make_link(connection: Connection, now: int, user_id: int, base: str) -> str:
    """A fresh link; those before it are dead."""
    token = credentials.new_secret()
    row = {"token_hash": credentials.hash_secret(token), "user_id": user_id, "expires_at": now + LINK_LIFE}
    people.insert_password_reset(connection, row)
    return f"{base}/password#{token}"


def mail_link(store: Store, send_mail: SendMail, now: int, email: str, base: str) -> None:
    """Mail a link to the user of this address, if there is one."""

    def work(connection: Connection) -> str | None:
        user = rows.find_user_by_email(connection, email)
        return make_link(connection, now, user["id"], base) if user is not None else None

    link = write_with_retries(store, work)
    if link is None:
        return
    was_sent = send_mail(email, "Set a new password for Tocsin", _TEXT.format(email=email, base=base, link=link))
    _log.info("password_link_mailed" if was_sent else "password_link_not_mailed")


def find_user(connection: Connection, now: int, token: str) -> dict[str, Any] | None:
    user_id = people.find_password_reset(connection, credentials.hash_secret(token), now)
    return rows.find_user(connection, user_id) if user_id is not None else None


def set_password(connection: Connection, now: int, user_id: int, token: str, password_hash: str) -> None:
    """Raises `Refused` 422 where somebody else was quicker with the link."""
    if not people.use_password_reset(connection, credentials.hash_secret(token)):
        raise unprocessable(DEAD_LINK)
    rows.update_user(connection, user_id, {"password_hash": password_hash})
    people.remove_password_resets(connection, user_id)
    people.end_sessions(connection, now, user_id)

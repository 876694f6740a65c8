"""People as the API knows them: users who are signed in, in workspaces, with their apps."""

from base64 import b32decode
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from tests.api.conftest import PASSWORD, Api
from tocsin.application import accounts
from tocsin.application.passwords import hash_password
from tocsin.domain.ids import to_uuid

SECOND = 1_000_000
_HASH = hash_password(PASSWORD)


def add_user(api: Api, email: str, role: str | None = None, workspace_id: int | None = None) -> str:
    """A user's id, a member of the workspace if there is a role."""
    with api.services.store.write() as connection:
        now = api.clock.now()
        user = accounts.create_user(connection, api.services.ids, now, email, _HASH, email.partition("@")[0].title())
        if role is not None:
            accounts.join(connection, now, workspace_id or api.workspace_id, user["id"], role)
    return to_uuid(user["id"])


def log_in(api: Api, email: str, password: str = PASSWORD, **more: Any) -> Api:
    """The API as that user sees it."""
    return bearer(api, api.as_().ok("POST", "/auth/login", {"email": email, "password": password, **more}))


def member(api: Api, role: str, email: str = "") -> Api:
    """The API as a new member of the workspace sees it."""
    address = email or f"{role}@example.com"
    add_user(api, address, role)
    return log_in(api, address)


def bearer(api: Api, session: dict[str, Any]) -> Api:
    return api.as_(Authorization=f"Bearer {session['token']}")


def code_of(secret: str, now: int) -> str:
    """What the authenticator app shows."""
    return TOTP(b32decode(secret), 6, SHA1(), 30).generate(now // SECOND).decode()


def turn_on_second_factor(user: Api) -> tuple[str, list[str]]:
    """(the app's key, the recovery codes)"""
    secret = user.ok("POST", "/auth/totp", {"password": PASSWORD})["secret"]
    codes = user.ok("POST", "/auth/totp/confirm", {"code": code_of(secret, user.clock.now())})["recoveryCodes"]
    return secret, codes

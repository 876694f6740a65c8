"""What /auth answers with: tokens, sessions, and the challenge where a second factor is wanted too."""

from typing import Any

from fastapi import Request

from tocsin.api.services import Services
from tocsin.application import sessions
from tocsin.application.credentials import sign_challenge, sign_token
from tocsin.application.errors import rate_limited, unauthorized
from tocsin.application.login_throttle import address_name
from tocsin.application.passwords import is_password
from tocsin.domain.ids import to_uuid
from tocsin.store import Connection
from tocsin.store import accounts as rows
from tocsin.store import views_accounts as views
from tocsin.wire_time import iso

Object = dict[str, Any]
_WRONG = "Email or password is wrong."


def address_of(request: Request) -> str:
    """Where the request comes from, by the proxies that are trusted."""
    return request.client.host if request.client else ""


class Guess:
    """One try to prove who one is, counted by account and address. `kind`: what is guessed, each kind by itself."""

    def __init__(self, services: Services, request: Request, kind: str, account: str, now: int) -> None:
        """Raises `Refused` 429 where it is too early."""
        self._throttle, self._now = services.throttle, now
        self._account, self._address = f"{kind} {account}", address_name(address_of(request))
        if wait := self._throttle.attempt([self._account, self._address], now):
            raise rate_limited(wait)

    def was_right(self) -> None:
        self._throttle.succeeded(self._account, self._address, self._now)


def check_password_of(
    services: Services,
    request: Request,
    email: str,
    password: str,
    now: int,
    wrong: str = _WRONG,
) -> Object:
    """The user's row; raises `Refused` 401 or 429. It takes as long for a user who is not known."""
    guess = Guess(services, request, "account", email, now)
    with services.store.read() as connection:
        user = rows.find_user_by_email(connection, email)
    if not is_password(password, user["password_hash"] if user else None) or user is None:
        raise unauthorized(wrong)
    guess.was_right()
    return user


def token_object(services: Services, now: int, user_id: int, workspace_id: int | None, session_id: int) -> Object:
    made = sign_token(services.secrets.signing_key, now, user_id, workspace_id, session_id)
    return {"token": made.text, "expiresAt": iso(made.expires_at)}


def challenge_object(services: Services, now: int, user: Object) -> Object:
    """What a login answers where a second factor is wanted too."""
    made = sign_challenge(services.secrets.signing_key, now, user["id"], user["password_hash"])
    return {"totpRequired": True, "challenge": made.text, "expiresAt": iso(made.expires_at)}


def session_object(services: Services, connection: Connection, now: int, session: sessions.Session) -> Object:
    mine = views.memberships(connection, session.user_id)
    return {
        **token_object(services, now, session.user_id, session.workspace_id, session.id),
        "refreshToken": session.refresh_token,
        "user": views.user_object(connection, session.user_id),
        "workspaces": [_shown(workspace) for workspace in mine],
        "workspace": workspace_of(mine, session.workspace_id),
    }


def open_session(
    services: Services, connection: Connection, now: int, user: Object, workspace: str | None, address: str
) -> Object:
    """A new session, as it is answered."""
    mine = views.memberships(connection, user["id"])
    session = sessions.open_session(connection, services.ids, now, user, workspace, mine, address)
    return session_object(services, connection, now, session)


def workspace_of(mine: list[Object], workspace_id: int | None) -> Object | None:
    return next((_shown(workspace) for workspace in mine if workspace["id"] == workspace_id), None)


def _shown(workspace: Object) -> Object:
    return {**workspace, "id": to_uuid(workspace["id"])}

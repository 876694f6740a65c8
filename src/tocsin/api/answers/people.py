"""Members and their second factors, invitations, keys, the audit log."""

from typing import Literal

from tocsin.api.answers.accounts import Session
from tocsin.api.answers.shapes import Id, Moment, Shape

_Role = Literal["owner", "admin", "member", "viewer"]


class Challenge(Shape):
    """Answers a right password where a second factor is wanted too: `challenge` is for POST /auth/login/totp."""

    totp_required: Literal[True]
    challenge: str
    expires_at: Moment


#: A session, or what has to be done before there is one.
SignedIn = Session | Challenge


class SecondFactor(Shape):
    """The key of an authenticator app, as text and as the URI of a QR code."""

    secret: str
    uri: str


class RecoveryCodes(Shape):
    """Each is good for one login without the app. They are shown this once."""

    recovery_codes: list[str]


class Member(Shape):
    user_id: Id
    email: str
    name: str
    role: _Role
    has_second_factor: bool
    joined_at: Moment


class Invitation(Shape):
    id: Id
    email: str
    role: _Role
    created_at: Moment
    expires_at: Moment


class InvitationLink(Shape):
    """The token and the link it is in are shown this once."""

    id: Id
    token: str
    url: str


class Key(Shape):
    """An API key, known by its prefix; `isPrimary`: it came with the workspace."""

    id: Id
    name: str
    prefix: str
    scopes: list[Literal["ingest", "read", "admin"]]
    is_primary: bool
    created_at: Moment
    last_used_at: Moment | None


class ScopedKey(Shape):
    """The key itself is shown this once."""

    key: Key
    api_key: str


class Actor(Shape):
    """Who changed something: a user, or whoever holds an API key. The operator at the command line has no id."""

    kind: Literal["user", "key", "operator"]
    id: Id | None
    name: str


class AuditEntry(Shape):
    """A change: the name of what was done, what it was done to, and the fields that were sent."""

    id: Id
    at: Moment
    actor: Actor
    action: str
    target: str
    fields: list[str]
    address: str | None

"""What a caller shows to prove who they are: made here, and read back without asking the database."""

import hashlib
import secrets
from collections.abc import Sequence
from typing import Any, NamedTuple

import jwt

from tocsin.domain.ids import from_uuid, to_uuid

TOKEN_LIFE = 15 * 60
_SECOND = 1_000_000
_ALGORITHM = "HS256"
_ISSUER, _AUDIENCE = "tocsin", "tocsin-api"
_REQUIRED = ["exp", "iat", "aud", "iss", "sub"]
_KEY_BYTES = 24
_SHOWN_OF_KEY = len("sg_") + 7


class Credential(NamedTuple):
    """An API key by its hash, or what a valid token says. Whether it still holds, the database knows."""

    key_hash: str | None = None
    user_id: int | None = None
    workspace_id: int | None = None


class ApiKey(NamedTuple):
    """A fresh API key: the whole of it, shown once, and what is stored."""

    plain: str
    key_hash: str
    prefix: str


class Token(NamedTuple):
    """A signed JWT and when it expires, in microseconds."""

    text: str
    expires_at: int


def new_api_key() -> ApiKey:
    plain = "sg_" + secrets.token_hex(_KEY_BYTES)
    return ApiKey(plain, hash_secret(plain), plain[:_SHOWN_OF_KEY])


def new_secret() -> str:
    """256 random bits for refresh tokens and links."""
    return secrets.token_urlsafe(32)


def hash_secret(plain: str) -> str:
    """SHA-256: such secrets are random, so a slow hash would protect nothing more."""
    return hashlib.sha256(plain.encode()).hexdigest()


def sign_token(signing_key: bytes, now: int, user_id: int, workspace_id: int | None) -> Token:
    """A JWT of 15 minutes for one user, scoped to one workspace or to none."""
    issued = now // _SECOND
    claims: dict[str, Any] = {
        "iss": _ISSUER,
        "aud": _AUDIENCE,
        "sub": to_uuid(user_id),
        "iat": issued,
        "exp": issued + TOKEN_LIFE,
    }
    if workspace_id is not None:
        claims["ws"] = to_uuid(workspace_id)
    return Token(jwt.encode(claims, signing_key, _ALGORITHM), (issued + TOKEN_LIFE) * _SECOND)


def read_credential(
    api_key: str | None, authorization: str | None, signing_keys: Sequence[bytes], now: int
) -> Credential | None:
    """What the headers X-Api-Key or Authorization say; None where they say nothing valid. A token may be signed with
    any of the keys: for a while after a rotation there are two."""
    if api_key:
        return Credential(key_hash=hash_secret(api_key))
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    read = (_read_token(token.strip(), signing_key, now) for signing_key in signing_keys)
    return next((credential for credential in read if credential is not None), None)


def _read_token(token: str, signing_key: bytes, now: int) -> Credential | None:
    # The moment is ours to judge (`clock.py` is the only reader of time), the rest the library's.
    options: Any = {"require": _REQUIRED, "verify_exp": False, "verify_iat": False, "verify_nbf": False}
    try:
        claims = jwt.decode(
            token, signing_key, algorithms=[_ALGORITHM], audience=_AUDIENCE, issuer=_ISSUER, options=options
        )
    except (jwt.InvalidTokenError, ValueError):
        return None
    expires, subject, workspace = claims["exp"], from_uuid(str(claims["sub"])), claims.get("ws")
    if not isinstance(expires, int) or now >= expires * _SECOND or subject is None:
        return None
    return Credential(user_id=subject, workspace_id=from_uuid(str(workspace)) if workspace is not None else None)

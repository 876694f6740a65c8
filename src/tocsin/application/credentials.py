"""What a caller shows to prove who they are: made here, and read back without asking the database."""

import hashlib
import secrets
from collections.abc import Sequence
from typing import Any, NamedTuple

import jwt

from tocsin.domain.ids import from_uuid, to_uuid

TOKEN_LIFE = 15 * 60
CHALLENGE_LIFE = 5 * 60
COOKIE_LIFE = 30 * 24 * 3600
_SECOND = 1_000_000
_ALGORITHM = "HS256"
_ISSUER, _AUDIENCE, _CHALLENGE, _COOKIE = "tocsin", "tocsin-api", "tocsin-second-factor", "tocsin-dashboard"
_REQUIRED = ["exp", "iat", "aud", "iss", "sub", "sid"]
_KEY_BYTES = 24
_SHOWN_OF_KEY = len("sg_") + 7


class Credential(NamedTuple):
    """An API key by its hash, or what a valid token says. Whether it still holds, the database knows."""

    key_hash: str | None = None
    user_id: int | None = None
    workspace_id: int | None = None
    session_id: int | None = None


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


def sign_token(signing_key: bytes, now: int, user_id: int, workspace_id: int | None, session_id: int) -> Token:
    """A JWT of 15 minutes for one session of a user, scoped to one workspace or to none."""
    return _sign(signing_key, now, TOKEN_LIFE, _AUDIENCE, _claims(user_id, workspace_id, session_id))


def sign_cookie(signing_key: bytes, now: int, user_id: int, workspace_id: int | None, session_id: int) -> Token:
    """The same for a browser's cookie: it opens the dashboard alone, and for as long as the session lives."""
    return _sign(signing_key, now, COOKIE_LIFE, _COOKIE, _claims(user_id, workspace_id, session_id))


def sign_challenge(signing_key: bytes, now: int, user_id: int, password_hash: str) -> Token:
    """What a right password is worth where a second factor is wanted too: five minutes, and until it is changed."""
    claims = {"sub": to_uuid(user_id), "sid": hash_secret(password_hash)}
    return _sign(signing_key, now, CHALLENGE_LIFE, _CHALLENGE, claims)


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
    return _credential(_read_token(token.strip(), signing_keys, now, _AUDIENCE))


def read_cookie(text: str, signing_keys: Sequence[bytes], now: int) -> tuple[Credential, int] | None:
    """What a browser's cookie says, and when it was made (microseconds); None where it does not hold."""
    claims = _read_token(text, signing_keys, now, _COOKIE)
    credential = _credential(claims)
    return (credential, int(claims["iat"]) * _SECOND) if credential is not None and claims is not None else None


def read_challenge(text: str, signing_keys: Sequence[bytes], now: int) -> tuple[int, str] | None:
    """(whose, hash of the password's hash), or None where it does not hold."""
    claims = _read_token(text, signing_keys, now, _CHALLENGE)
    user_id = from_uuid(claims["sub"]) if claims is not None else None
    return (user_id, claims["sid"]) if claims is not None and user_id is not None else None


def _claims(user_id: int, workspace_id: int | None, session_id: int) -> dict[str, str]:
    claims = {"sub": to_uuid(user_id), "sid": to_uuid(session_id)}
    return claims if workspace_id is None else {**claims, "ws": to_uuid(workspace_id)}


def _credential(claims: dict[str, Any] | None) -> Credential | None:
    if claims is None:
        return None
    user_id, session_id, workspace = from_uuid(claims["sub"]), from_uuid(claims["sid"]), claims.get("ws")
    if user_id is None or session_id is None:
        return None
    return Credential(None, user_id, from_uuid(str(workspace)) if workspace is not None else None, session_id)


def _sign(signing_key: bytes, now: int, life: int, audience: str, claims: dict[str, str]) -> Token:
    issued = now // _SECOND
    whole = {"iss": _ISSUER, "aud": audience, "iat": issued, "exp": issued + life, **claims}
    text = jwt.encode(whole, signing_key, _ALGORITHM, headers={"kid": key_name(signing_key)})
    return Token(text, (issued + life) * _SECOND)


def key_name(signing_key: bytes) -> str:
    """Which key signed a token, as its header names it; it tells nothing of the key."""
    return hashlib.sha256(b"kid" + signing_key).hexdigest()[:16]


def _read_token(token: str, signing_keys: Sequence[bytes], now: int, audience: str) -> dict[str, Any] | None:
    """Its claims, `sub` and `sid` being texts. The algorithm is ours, whatever the token names."""
    # The moment is ours to judge (`clock.py` is the only reader of time), the rest the library's.
    options: Any = {"require": _REQUIRED, "verify_exp": False, "verify_iat": False, "verify_nbf": False}
    try:
        named = jwt.get_unverified_header(token).get("kid")
        signing_key = next(key for key in signing_keys if key_name(key) == named)
        claims: dict[str, Any] = jwt.decode(
            token, signing_key, algorithms=[_ALGORITHM], audience=audience, issuer=_ISSUER, options=options
        )
    except (jwt.InvalidTokenError, ValueError, StopIteration):
        return None
    expires = claims["exp"]
    if not isinstance(expires, int) or now >= expires * _SECOND or not isinstance(claims["sid"], str):
        return None
    return claims

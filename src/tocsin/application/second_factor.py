"""The second factor: codes of an authenticator app (TOTP, RFC 6238), and recovery codes for when it is lost."""

import secrets
from base64 import b32encode
from hmac import compare_digest
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from tocsin.application.credentials import hash_secret
from tocsin.application.errors import conflict, invalid
from tocsin.secret_box import SecretBox
from tocsin.store import Connection, people
from tocsin.store import accounts as rows

_SECOND = 1_000_000
_STEP_SECONDS = 30
_DIGITS = 6
_KEY_BYTES = 20
#: Clocks of phones may be off by so many steps.
_LEEWAY = 1
_RECOVERY_CODES = 10
#: 120 bits: enough for a fast hash to do.
_RECOVERY_BYTES = 15
Row = dict[str, Any]


class Enrolment(NamedTuple):
    """What an authenticator app is given: the key as text, and as the URI of a QR code."""

    secret: str
    uri: str


def is_on(user: Row) -> bool:
    return user["totp_since_at"] is not None


def enrol(connection: Connection, box: SecretBox, user: Row) -> Enrolment:
    """A key that counts once a code of it was shown."""
    if is_on(user):
        raise conflict("A second factor is on already. Turn it off with DELETE /auth/totp first.")
    key = secrets.token_bytes(_KEY_BYTES)
    # No code of this key was used yet, whatever was of the one before.
    columns = {"totp_secret": box.encrypt(key, _context(user["id"])), "totp_last_step": 0}
    rows.update_user(connection, user["id"], columns)
    return Enrolment(b32encode(key).decode(), _totp(key).get_provisioning_uri(user["email"], "Tocsin"))


def confirm(connection: Connection, box: SecretBox, now: int, user: Row, code: str) -> list[str]:
    """Turn it on; the recovery codes, which are shown this once."""
    if user["totp_secret"] is None or is_on(user):
        raise conflict("There is no second factor to confirm. Begin with POST /auth/totp.")
    if not _is_code(connection, box, now, user, code):
        raise invalid("code is not the one that the app shows now. Check the clock of your device.")
    rows.update_user(connection, user["id"], {"totp_since_at": now})
    codes = [_recovery_code() for _ in range(_RECOVERY_CODES)]
    people.replace_recovery_codes(connection, user["id"], [hash_secret(_bare(one)) for one in codes])
    return codes


def turn_off(connection: Connection, user_id: int) -> None:
    rows.update_user(connection, user_id, {"totp_secret": None, "totp_since_at": None})
    people.replace_recovery_codes(connection, user_id, [])


def is_right(connection: Connection, box: SecretBox, now: int, user: Row, code: str) -> bool:
    """Whether it is a code of the app's, or a recovery code; either counts once."""
    if _is_code(connection, box, now, user, code):
        return True
    return people.use_recovery_code(connection, user["id"], hash_secret(_bare(code)))


def _is_code(connection: Connection, box: SecretBox, now: int, user: Row, code: str) -> bool:
    digits = code.replace(" ", "").encode()
    totp = _totp(box.decrypt(user["totp_secret"], _context(user["id"])))
    current = now // _SECOND // _STEP_SECONDS
    right = [s for s in range(current - _LEEWAY, current + _LEEWAY + 1) if _is_same(totp, s, digits)]
    return bool(right) and people.use_totp_step(connection, user["id"], right[0])


def _is_same(totp: TOTP, step: int, digits: bytes) -> bool:
    return compare_digest(totp.generate(step * _STEP_SECONDS), digits)


def _totp(key: bytes) -> TOTP:
    return TOTP(key, _DIGITS, SHA1(), _STEP_SECONDS)  # noqa: S303 -- the only one that all apps know


def _context(user_id: int) -> str:
    return f"users|{user_id}|totp_secret"


def _recovery_code() -> str:
    text = b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode().lower()
    return "-".join(text[i : i + 6] for i in range(0, len(text), 6))


def _bare(code: str) -> str:
    return code.replace("-", "").replace(" ", "").lower()

"""The token in every form: it shows that the form came from a page of ours, made for this visitor."""

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence

_BYTES = 16
FIELD = "csrf"


def make_token(key: bytes, visitor: str) -> str:
    """A token for the visitor. It looks different each time: pages are compressed, and what stays the same in a
    compressed page can be guessed bit by bit (BREACH)."""
    pad = secrets.token_bytes(_BYTES)
    return urlsafe_b64encode(pad + _xor(pad, _secret(key, visitor))).decode()


def is_right(keys: Sequence[bytes], visitor: str, token: str) -> bool:
    """`keys`: for a while after a rotation there are two."""
    try:
        raw = urlsafe_b64decode(token.encode())
    except ValueError:
        return False
    if len(raw) != 2 * _BYTES:
        return False
    shown = _xor(raw[:_BYTES], raw[_BYTES:])
    return any(hmac.compare_digest(shown, _secret(key, visitor)) for key in keys)


def _secret(key: bytes, visitor: str) -> bytes:
    return hmac.digest(key, b"csrf " + visitor.encode(), "sha256")[:_BYTES]


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))

"""What the protocols of others have in common: what their jobs are like, and how their texts are read."""

from collections.abc import Mapping
from typing import Any

from tocsin.domain.message import MESSAGE_BYTES, tail

#: Of a job that a foreign client makes: one miss, or one failure, is enough.
ONE_IS_ENOUGH: Mapping[str, Any] = {
    "threshold_mode": "any",
    "miss_threshold": 1,
    "impact_threshold": 1,
    "failure_threshold": 1,
    "recovery_threshold": 1,
    "tenant_scope": "seen",
}


def printable(text: str) -> str:
    """Without blanks around it. Raises ValueError where nobody could read it."""
    if not text.isprintable() or not text.strip():
        raise ValueError("must be a text that can be read.")
    return text.strip()


def message_of(body: bytes) -> str:
    """The end of a body that is kept with the run; what is no text in it is shown as such."""
    return tail(body[-MESSAGE_BYTES:].decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}"))

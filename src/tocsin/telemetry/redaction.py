"""Keeps secrets out of what is written down: by the name they go under, and by how they look."""

import re
from functools import lru_cache
from typing import Any

HIDDEN = "[hidden]"

_SECRET_NAMES = re.compile(
    r"password|passwd|secret|token|authorization|cookie|credential|api_?key$|routing_?key$|webhook_?url$|^config$|^dsn$",
    re.IGNORECASE,
)
_SECRET_SHAPES = re.compile(
    r"""
      (?P<api_key> sg_[0-9a-f]{7} ) [0-9a-f]{9,}           # an API key: its prefix may be shown
    | (?P<signing> whsec_ ) [A-Za-z0-9+/=_-]+               # the secret of a signed webhook
    | (?P<slack> hooks\.slack\.com/(?:services|workflows|triggers)/ ) [^\s"'<>]+
    | (?P<signature> [?&](?:sig|signature|token|key)= ) [^\s"'<>&]+
    | (?P<genie> GenieKey\s+ ) [^\s"',]+
    | (?P<bearer> Bearer\s+ ) [^\s"',]+
    | (?P<basic> Basic\s+ ) [A-Za-z0-9+/=]{8,}
    | (?P<claim> claim[=/] ) [A-Za-z0-9._-]{16,}            # the one-time link of the first start
    | (?P<jwt> eyJ ) [A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+
    | (?P<login> ://[^\s:/@]* ) :[^\s/@]+(?=@)              # the password in a URL
    """,
    re.VERBOSE | re.IGNORECASE,
)


#: Whatever `_SECRET_SHAPES` finds holds one of these.
_HINTS = (
    "sg_",
    "whsec_",
    "hooks.slack.com/",
    "sig=",
    "signature=",
    "token=",
    "key=",
    "geniekey",
    "bearer",
    "basic",
    "claim",
    "eyj",
    "://",
)


@lru_cache(maxsize=1_000)
def _is_secret_name(name: str) -> bool:
    return _SECRET_NAMES.search(name) is not None


def redact_text(text: str) -> str:
    """`text` with everything that looks like a secret cut short."""
    folded = text.casefold()
    for hint in _HINTS:
        if hint in folded:
            break
    else:
        return text
    return _SECRET_SHAPES.sub(lambda match: f"{match[match.lastgroup or 0]}{HIDDEN}", text)


def redact(value: Any, name: str = "") -> Any:
    """`value`, logged under `name`, without its secrets, however deep they lie."""
    if name and _is_secret_name(name) and value not in (None, "", False):
        return HIDDEN
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, bytes):
        return redact_text(value.decode(errors="replace"))
    if isinstance(value, dict):
        return {key: redact(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(item) for item in value]
    return value if isinstance(value, int | float | None) else redact_text(str(value))

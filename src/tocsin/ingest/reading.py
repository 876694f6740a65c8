"""From bytes to what a request asks: shared by the native routes that machines call."""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from tocsin import strict_json
from tocsin.api.sentences import sentence
from tocsin.application.errors import Refused, invalid, not_json
from tocsin.domain.model import SECOND
from tocsin.wire_time import parse_iso

M = TypeVar("M", bound=BaseModel)
_OLDEST = 7 * 86_400 * SECOND
_AHEAD = 300 * SECOND


def decode(model: type[M], body: bytes) -> M:
    """Raises `Refused` with a sentence that names the field and what was expected."""
    try:
        strict_json.check_json(body)
        return model.model_validate_json(body)
    except strict_json.NotJsonError as error:
        raise not_json(str(error)) from None
    except strict_json.UnacceptableJsonError as error:
        raise invalid(str(error)) from None
    except ValidationError as error:
        raise _refusal(error, body) from None


def decode_list(model: type[M], name: str, body: bytes) -> M:
    """The same of a body that may be the bare list instead of an object with the list under `name`."""
    return decode(model, b'{"%s":%s}' % (name.encode(), body) if body.lstrip().startswith(b"[") else body)


def moment(name: str, text: str | None, now: int) -> int | None:
    """A moment a sender may tell of: at most seven days back and five minutes ahead of `now`."""
    if text is None:
        return None
    try:
        told = parse_iso(text)
    except ValueError as error:
        raise invalid(f"{name} {error}.") from None
    if not now - _OLDEST <= told <= now + _AHEAD:
        raise invalid(f"{name} must be at most 7 days back and 5 minutes ahead.")
    return told


def _refusal(error: ValidationError, body: bytes) -> Refused:
    first: Any = error.errors(include_url=False)[0]
    if first["type"] == "json_invalid":
        return _syntax(body)
    return invalid(sentence({**first, "loc": ("body", *first["loc"])}))


def _syntax(body: bytes) -> Refused:
    """What is wrong with a text that is no JSON, in the words of the rest of the API."""
    if not body:
        return invalid("A JSON body is required.")
    try:
        strict_json.parse(body)
    except strict_json.NotJsonError as error:
        return not_json(str(error))
    return not_json()

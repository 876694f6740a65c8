"""JSON as every store can keep it: what one engine would choke on, none is given.

Refused everywhere alike: NUL and lone surrogates in strings, numbers beyond 64 bits, NaN and Infinity, and nesting
deeper than `MAX_DEPTH`.
"""

import json
import re
from math import isinf
from typing import Any, NoReturn

from pydantic_core import from_json

MAX_DEPTH = 32
_LEAST, _GREATEST = -(1 << 63), (1 << 63) - 1
#: What may be wrong with a number: 19 digits in a row, or an exponent of three digits. It begins with a digit that
#: follows no letter, digit, dot or quotation mark: nearly every check-in of Sentry's holds an id with some `1e234` in
#: it. (The digit first, and then what stands before it: so the search skips from digit to digit.)
_ODD_NUMBER = re.compile(
    rb'[0-9](?<![0-9A-Za-z."][0-9])'
    rb"(?:[0-9]{18}|[eE][+-]?[0-9]{3}|[-+.0-9eE]*(?:[0-9]{19}|[0-9][eE][+-]?[0-9]{3}))"
)
_UNPRINTABLE = re.compile("[\0\ud800-\udfff]")


class NotJsonError(ValueError):
    """The text is not JSON at all (HTTP 400); the message is a sentence for its sender."""


class UnacceptableJsonError(ValueError):
    """JSON, but holding what cannot be kept (HTTP 422); the message is a sentence for its sender."""


def check_json(body: bytes) -> None:
    """Raise if `body` holds what cannot be kept; leaves syntax to the parser that follows.

    A few scans settle an ordinary body in about a microsecond; only a suspicious one is parsed here.
    """
    if b"\x00" in body:
        raise NotJsonError("The body is not valid JSON: it holds a NUL byte.")
    nested = body.count(b"{") + body.count(b"[") > MAX_DEPTH
    if nested or b"\\u" in body or b"NaN" in body or b"Infinity" in body or _ODD_NUMBER.search(body):
        parse(body)


def load(body: bytes) -> Any:
    """As `parse`, and faster where nothing looks suspicious."""
    check_json(body)
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError:
        return parse(body)


def parse(body: bytes) -> Any:
    """The value of a JSON text in UTF-8; raises `NotJsonError` or `UnacceptableJsonError`."""
    if b"\x00" in body:
        raise NotJsonError("The body is not valid JSON: it holds a NUL byte.")
    try:
        value = json.loads(body.decode(), parse_int=_integer, parse_float=_real, parse_constant=_constant)
    except UnicodeDecodeError:
        raise NotJsonError("The body is not valid JSON: it is not UTF-8.") from None
    except json.JSONDecodeError as error:
        raise NotJsonError(f"The body is not valid JSON: {error.msg} at character {error.pos}.") from None
    except RecursionError:
        _too_deep()
    _check_values(value)
    return value


def _check_values(root: Any) -> None:
    level = [root]
    for _ in range(MAX_DEPTH):
        level = [inner for value in level for inner in _inside(value)]
        if not level:
            return
    # What stands inside the deepest containers allowed may be anything but a container.
    for value in level:
        if isinstance(value, dict | list):
            _too_deep()
        _inside(value)


def _inside(value: Any) -> list[Any]:
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, dict):
        for key in value:
            _check_text(key)
        return list(value.values())
    elif isinstance(value, list):
        return value
    return []


def _check_text(text: str) -> None:
    if _UNPRINTABLE.search(text):
        raise UnacceptableJsonError("A string in the body holds a NUL character or half a surrogate pair.")


def _integer(digits: str) -> int:
    # The length is looked at first: turning thousands of digits into a number is slow, and refused by Python.
    if len(digits) > 20 or not _LEAST <= (number := int(digits)) <= _GREATEST:
        raise UnacceptableJsonError("A number in the body does not fit in 64 bits.")
    return number


def _real(digits: str) -> float:
    number = float(digits)
    if isinf(number):
        raise UnacceptableJsonError("A number in the body does not fit in 64 bits.")
    return number


def _constant(word: str) -> NoReturn:
    raise NotJsonError(f"The body is not valid JSON: {word} is no JSON number.")


def _too_deep() -> NoReturn:
    raise UnacceptableJsonError(f"The body is nested deeper than {MAX_DEPTH} levels.")

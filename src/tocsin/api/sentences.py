"""What pydantic found wrong, as a sentence that names the field and what was expected."""

from collections.abc import Callable, Mapping
from typing import Any

_Details = Mapping[str, Any]
_EXPECTED: dict[str, Callable[[_Details], str]] = {
    "missing": lambda _: "is required.",
    "extra_forbidden": lambda _: "is not known here.",
    "string_type": lambda _: "must be a string.",
    "int_type": lambda _: "must be a whole number.",
    "int_parsing": lambda _: "must be a whole number.",
    "int_parsing_size": lambda _: "is too large a number.",
    "int_from_float": lambda _: "must be a whole number.",
    "float_type": lambda _: "must be a number.",
    "bool_type": lambda _: "must be true or false.",
    "bool_parsing": lambda _: "must be true or false.",
    "list_type": lambda _: "must be a list.",
    "dict_type": lambda _: "must be an object.",
    "model_type": lambda _: "must be an object.",
    "model_attributes_type": lambda _: "must be an object.",
    "string_too_short": lambda d: f"must be at least {_many(d['min_length'], 'character')} long.",
    "string_too_long": lambda d: f"must be at most {_many(d['max_length'], 'character')} long.",
    "string_pattern_mismatch": lambda d: f"must have the form {d['pattern'].removeprefix('^').removesuffix('$')}.",
    "too_short": lambda d: f"must have at least {_many(d['min_length'], 'item')}.",
    "too_long": lambda d: f"must have at most {_many(d['max_length'], 'item')}.",
    "greater_than_equal": lambda d: f"must be at least {d['ge']}.",
    "less_than_equal": lambda d: f"must be at most {d['le']}.",
    "literal_error": lambda d: f"must be {d['expected']}.",
    "union_tag_not_found": lambda _: "must have a type: interval, crontab, calendar, learned or none.",
    "union_tag_invalid": lambda d: f"type must be one of {d['expected_tags']}.",
    "value_error": lambda d: str(d["error"]),
}


def sentence(error: _Details) -> str:
    """One error of pydantic's, for the person who sent the request."""
    field = _field(error["loc"])
    expected = _EXPECTED.get(error["type"])
    return f"{field} {expected(error.get('ctx', {})) if expected else 'is not valid.'}"


def _field(location: tuple[str | int, ...]) -> str:
    """`tags[2]`, `schedule.seconds`; without where it stands (body, query) and the tags of unions."""
    name = ""
    for part in location[1:]:
        if isinstance(part, int):
            name += f"[{part}]"
        elif not (name == "schedule" and part in {"interval", "crontab", "calendar", "learned", "none"}):
            name += f".{part}" if name else part
    return name or "A JSON body"


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'s'[: number != 1]}"

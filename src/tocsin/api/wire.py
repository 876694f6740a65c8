"""What requests are made of: shared shapes and bounds."""

from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, Query
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel

from tocsin.application.errors import invalid
from tocsin.store.paging import Page
from tocsin.wire_time import parse_iso

DAY = 86_400
LONGEST = 366 * DAY
PAGE_SIZE, LARGEST_PAGE_SIZE, LAST_PAGE = 25, 100, 1_000_000


class Wire(BaseModel):
    """A JSON object in camelCase. Types are taken at their word: "1" is no number. Unknown fields are ignored."""

    model_config = ConfigDict(alias_generator=to_camel, strict=True)

    def given(self) -> dict[str, Any]:
        """The fields the request really had, by their own names."""
        return {name: getattr(self, name) for name in self.model_fields_set}


def example(**fields: Any) -> ConfigDict:
    """What the OpenAPI document shows of a body; the tests send it to the real route."""
    return ConfigDict(json_schema_extra={"examples": [fields]})


def _web_address(text: str) -> str:
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = urlsplit("")
    if text and (parts.scheme not in {"http", "https"} or not parts.netloc):
        raise ValueError("must be a URL that begins with https:// or http://.")
    return text


def _moment_text(text: object) -> int:
    if not isinstance(text, str) or len(text) > 40:
        raise ValueError("must be a moment like 2026-11-22T01:02:03Z.")
    try:
        return parse_iso(text)
    except ValueError as error:
        raise ValueError(f"{error}.") from None


def moment(name: str, text: str | None) -> int | None:
    """A moment given as a query parameter, in microseconds."""
    try:
        return None if text is None else parse_iso(text)
    except ValueError as error:
        raise invalid(f"{name} {error}.") from None


Seconds = Annotated[int, Field(ge=1, le=LONGEST)]
#: A moment in a body, as microseconds.
Moment = Annotated[
    int,
    BeforeValidator(_moment_text),
    WithJsonSchema({"type": "string", "format": "date-time", "maxLength": 40}),
]
Name = Annotated[str, Field(min_length=1, max_length=200)]
WebAddress = Annotated[str, Field(max_length=2_000), AfterValidator(_web_address)]
#: A filter by a name of any kind.
Filter = Annotated[str | None, Query(max_length=300)]


def _paging(
    page: Annotated[int, Query(ge=1, le=LAST_PAGE)] = 1,
    page_size: Annotated[int, Query(alias="pageSize", ge=1, le=LARGEST_PAGE_SIZE)] = PAGE_SIZE,
) -> Page:
    return Page(page, page_size)


Paging = Annotated[Page, Depends(_paging)]


def moment_parameter(alias: str) -> Any:
    """A parameter that `moment` reads."""
    return Query(alias=alias, max_length=40, json_schema_extra={"format": "date-time"})

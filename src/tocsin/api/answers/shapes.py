"""What the shapes of answers have in common: the envelope, lists, ids and moments."""

from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

T = TypeVar("T")
Id = Annotated[str, Field(json_schema_extra={"format": "uuid"})]
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=["2026-01-05T12:00:40Z"])]
Count = Annotated[int, Field(ge=0)]
Status = Literal["new", "up", "late", "down", "paused"]


class Shape(BaseModel):
    """An object in camelCase, all of whose fields are always there."""

    model_config = ConfigDict(alias_generator=to_camel, serialize_by_alias=True)


class Answer(Shape, Generic[T]):
    """The envelope of a success."""

    is_success: Literal[True]
    error_code: Literal[0]
    message: str
    data: T


class Items(Shape, Generic[T]):
    """A page of a list."""

    items: list[T]
    page: int
    page_size: int
    total: Count


class Nothing(Shape):
    """The envelope of a success that has nothing to tell."""

    is_success: Literal[True]
    error_code: Literal[0]
    message: str
    data: None

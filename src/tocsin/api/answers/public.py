"""Badges and status pages as they are answered."""

from typing import Literal

from pydantic import Field

from tocsin.api.answers.shapes import Id, Moment, Shape


class LinkTarget(Shape):
    kind: Literal["workspace", "tenant", "job", "tag"]
    value: str | None = Field(description="The tenant's externalId, the jobKey, or the tag; null: the whole workspace.")


class PublicLink(Shape):
    id: Id
    kind: Literal["badge", "status"]
    target: LinkTarget
    target_name: str | None = Field(description="What the tenant or the job is called.")
    title: str
    url: str = Field(description="Anybody may open it. Of a badge the picture; with .json instead of .svg, its data.")
    created_at: Moment

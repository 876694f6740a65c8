"""Workspaces with their channels, users, tenants."""

from typing import Any, Literal

from pydantic import ConfigDict, Field

from tocsin.api.answers.shapes import Count, Id, Moment, Shape


class User(Shape):
    id: Id
    email: str
    name: str
    created_at: Moment


class Membership(Shape):
    """A workspace of a user, and what they are in it."""

    id: Id
    name: str
    role: Literal["owner", "admin", "member", "viewer"]


class Token(Shape):
    token: str
    expires_at: Moment


class Registered(Token):
    user: User


class TokenOfWorkspace(Token):
    workspace: Membership | None


class Session(TokenOfWorkspace):
    refresh_token: str
    user: User
    workspaces: list[Membership]


class Routes(Shape):
    """What a channel takes; a list that is not there takes all."""

    model_config = ConfigDict(json_schema_extra={"required": []})

    jobs: list[str] = Field(default_factory=list)
    integrations: list[str] = Field(default_factory=list)
    tags: list[str] = Field(default_factory=list)
    tenants: list[str] = Field(default_factory=list)
    kinds: list[str] = Field(default_factory=list)


class Channel(Shape):
    """`config` has its secrets masked, but for those just made, which are shown once."""

    id: Id
    provider: str
    name: str
    config: dict[str, Any]
    is_enabled: bool
    routes: Routes
    delay_seconds: Count
    remind_every_seconds: int | None
    broken_reason: str | None
    created_at: Moment


class TestOutcome(Shape):
    """What came of a test alert. `detail` is what the receiver said."""

    delivered: bool
    reason: str
    may_retry: bool
    status_code: int | None
    detail: str


class Workspace(Shape):
    """Of its API key the prefix; the key itself is shown once, when it is made."""

    id: Id
    name: str
    api_key_prefix: str | None
    is_active: bool
    recovery_window_seconds: Count
    close_window_seconds: Count
    cooldown_window_seconds: Count
    auto_create_tenants: Literal["events", "all", "none"]
    timezone: str
    ping_key: str | None
    long_ping_slugs: bool
    ingest_rate: int | None
    api_rate: int | None
    created_at: Moment


class Kept(Shape):
    """Days that things are kept; 0 means for ever."""

    log_days: Count
    run_days: Count
    failed_run_days: Count
    event_days: Count
    delivery_days: Count
    rejection_days: Count
    audit_days: Count


class WholeWorkspace(Workspace):
    retention: Kept
    retention_defaults: Kept
    channels: list[Channel]
    sentry_dsn: str | None


class SentryDsn(Shape):
    sentry_dsn: str | None


class NewKey(Shape):
    workspace: Workspace
    api_key: str


class Tenant(Shape):
    id: Id
    external_id: str
    name: str | None
    is_active: bool
    created_at: Moment

"""/workspaces: the account that owns everything, its windows and its key."""

from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from fastapi import APIRouter
from pydantic import AfterValidator, Field
from pydantic.alias_generators import to_camel
from starlette.responses import Response

from tocsin.api import answers
from tocsin.api.calls import Administering, Call, OfUser, Reading
from tocsin.api.masking import channel_object
from tocsin.api.wire import DAY, Name, Wire, example
from tocsin.application import accounts
from tocsin.application.errors import invalid
from tocsin.domain.model import SECOND
from tocsin.domain.retention import LEAST_RUN_DAYS, MOST_DAYS, Retention
from tocsin.store import Connection, retention, sentry_keys, views_deliveries
from tocsin.store import views_accounts as views

router = APIRouter(prefix="/workspaces", tags=["workspaces"])


def _timezone(name: str) -> str:
    if name != "UTC" and name not in available_timezones():
        raise ValueError("must be an IANA time zone, like Europe/Vienna.")
    return name


Window = Annotated[int, Field(ge=1, le=30 * DAY)]


class NewWorkspace(Wire):
    model_config = example(name="Acme Inc.")

    name: Name


Days = Annotated[int, Field(ge=0, le=MOST_DAYS)]


def _long_enough(days: int | None) -> int | None:
    if days is not None and 0 < days < LEAST_RUN_DAYS:
        raise ValueError(f"must be at least {LEAST_RUN_DAYS}, as check-ins may tell of the last seven days; or 0.")
    return days


RunDays = Annotated[Days | None, AfterValidator(_long_enough)]


class RetentionChanges(Wire):
    """Days; 0 keeps for ever, null takes the operator's default again."""

    log_days: Days | None = None
    run_days: RunDays = None
    failed_run_days: RunDays = None
    event_days: Days | None = None
    delivery_days: Days | None = None
    rejection_days: Days | None = None
    audit_days: Days | None = None


class WorkspaceChanges(Wire):
    model_config = example(recoveryWindowSeconds=300, timezone="Europe/Vienna", retention={"runDays": 60})

    name: Name = ""
    recovery_window_seconds: Window = 1
    close_window_seconds: Window = 1
    cooldown_window_seconds: Window = 1
    auto_create_tenants: Literal["events", "all", "none"] = "events"
    timezone: Annotated[str, AfterValidator(_timezone)] = "UTC"
    retention: RetentionChanges = RetentionChanges()
    long_ping_slugs: bool = False
    #: Requests a minute by one key; null: as many as the installation allows.
    ingest_rate: Annotated[int | None, Field(ge=1)] = None
    api_rate: Annotated[int | None, Field(ge=1)] = None

    def columns(self) -> dict[str, Any]:
        """The columns that were given; windows in microseconds."""
        return {
            name.removesuffix("_seconds"): value * SECOND if name.endswith("_seconds") else value
            for name, value in self.given().items()
            if name != "retention"
        }


@router.post("", response_model=answers.Answer[answers.NewKey], status_code=201)
def create_workspace(call: OfUser, body: NewWorkspace) -> Response:
    """Make a workspace. Its API key is shown this once."""

    def work(connection: Connection) -> object:
        made = accounts.create_workspace(connection, call.services.ids, call.now, body.name, call.principal.user_id)
        call.note(connection, made.id, "/workspaces/me")
        return {"workspace": views.workspace_object(connection, made.id), "apiKey": made.api_key}

    return call.write(work, 201, "Workspace created.", store=call.services.store)


@router.get("/me", response_model=answers.Answer[answers.WholeWorkspace])
def get_workspace(call: Reading) -> Response:
    """The workspace, its windows and its channels, their secrets masked."""
    return call.read(lambda connection: _whole(call, connection))


@router.patch("/me", response_model=answers.Answer[answers.WholeWorkspace])
def change_workspace(call: Administering, body: WorkspaceChanges) -> Response:
    """Change the name, the windows, how tenants are made, or how long things are kept."""

    settings = call.services.settings
    for name, most in (("ingestRate", settings.ingest_rate), ("apiRate", settings.api_rate)):
        wanted = body.ingest_rate if name == "ingestRate" else body.api_rate
        if wanted is not None and 0 < most < wanted:
            raise invalid(f"{name} must be at most {most}, which is what this Tocsin allows.")

    def work(connection: Connection) -> object:
        accounts.change_workspace(connection, call.workspace_id, body.columns())
        if chosen := body.retention.given():
            retention.choose(connection, call.workspace_id, chosen)
        return _whole(call, connection)

    return call.write(work, message="Workspace changed.")


@router.post("/rotate-key", response_model=answers.Answer[answers.NewKey])
def rotate_key(call: Administering) -> Response:
    """A new API key, shown this once; the old one is dead at once."""

    def work(connection: Connection) -> object:
        key = accounts.rotate_key(connection, call.services.ids, call.now, call.workspace_id)
        return {"workspace": views.workspace_object(connection, call.workspace_id), "apiKey": key}

    return call.write(work, message="API key rotated.")


@router.post("/rotate-sentry-key", response_model=answers.Answer[answers.SentryDsn])
def rotate_sentry_key(call: Administering) -> Response:
    """A new public key for the workspace's Sentry DSN; the old one is dead at once."""

    def work(connection: Connection) -> object:
        accounts.rotate_sentry_key(connection, call.services.ids, call.now, call.workspace_id)
        return {"sentryDsn": _dsn(call, connection)}

    return call.write(work, message="Sentry DSN rotated.")


def _dsn(call: Call, connection: Connection) -> str | None:
    """What a Sentry SDK is given in place of Sentry's own DSN."""
    key = sentry_keys.keys_of(connection, [call.workspace_id]).get(call.workspace_id)
    scheme, _, host = call.services.settings.public_url.partition("://")
    return None if key is None else f"{scheme}://{key}@{host}/{call.workspace_id}"


def _whole(call: Call, connection: Connection) -> object:
    channels = views_deliveries.list_channels(connection, call.workspace_id)
    defaults = call.services.settings.retention
    return {
        **views.workspace_object(connection, call.workspace_id),
        "retention": _days(defaults.but(retention.read_chosen(connection, call.workspace_id))),
        "retentionDefaults": _days(defaults),
        "channels": [channel_object(call.services.secrets, row) for row in channels],
        "sentryDsn": _dsn(call, connection),
    }


def _days(kept: Retention) -> dict[str, int]:
    return {to_camel(name): days for name, days in kept._asdict().items()}

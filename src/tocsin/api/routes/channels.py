"""/workspaces/me/channels: where alerts go."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import AfterValidator, Field
from starlette.responses import Response

from tocsin.api import answers
from tocsin.api.calls import Administering, Call
from tocsin.api.masking import channel_object
from tocsin.api.wire import DAY, Seconds, Wire, example
from tocsin.application import manage_channels
from tocsin.application.errors import invalid, not_found
from tocsin.delivery.channel import BadConfigError, Delivered, Provider, Retry, Verdict
from tocsin.delivery.channels import PROVIDERS
from tocsin.domain.ids import is_external_id
from tocsin.domain.model import SECOND
from tocsin.domain.routing import Routes, Terms, fault_of
from tocsin.store import Connection
from tocsin.store import views_deliveries as views

router = APIRouter(prefix="/workspaces/me/channels", tags=["channels"])
ProviderName = Annotated[str, Path(json_schema_extra={"enum": sorted(PROVIDERS)})]
NAME = "^[A-Za-z0-9._-]{1,50}$"
ChannelName = Annotated[str, Path(pattern=NAME)]
_DEFAULT = "default"


_LONGEST_DELAY = 7 * DAY


def _readable(text: str) -> str:
    if not is_external_id(text):
        raise ValueError("must have no control characters, and no blanks around it.")
    return text


Chosen = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_readable)]],
    Field(default_factory=list, max_length=500),
]
Kind = Literal["opened", "reopened", "resolved", "blastRadiusExpanded"]


class RoutesOfChannel(Wire):
    """What a channel takes; what is left out or empty takes all. `jobs`, `integrations` and `tags` choose together what
    an incident is about, any of them is enough; `tenants` (externalIds) and `kinds` of alerts narrow that down."""

    jobs: Chosen
    integrations: Chosen
    tags: Chosen
    tenants: Chosen
    kinds: list[Kind] = Field(default_factory=list, max_length=20)


class ChannelSettings(Wire):
    """The whole of a channel: what is left out has its default. Only the config of one that is there stays."""

    model_config = example(
        config={"webhookUrl": "https://hooks.example.com/services/T000/B000/XXXX"},
        isEnabled=True,
        routes={"tags": ["billing"], "kinds": ["opened", "reopened", "resolved"]},
        delaySeconds=600,
        remindEverySeconds=3_600,
    )

    config: dict[str, Any] | None = None
    is_enabled: bool = True
    routes: RoutesOfChannel = Field(default_factory=RoutesOfChannel)
    delay_seconds: int = Field(0, ge=0, le=_LONGEST_DELAY)
    remind_every_seconds: Seconds | None = None

    def terms(self) -> Terms:
        chosen = {name: tuple(dict.fromkeys(values)) for name, values in self.routes.model_dump().items()}
        every = self.remind_every_seconds
        return Terms(Routes(**chosen), self.delay_seconds * SECOND, None if every is None else every * SECOND)


@router.put("/{provider}", response_model=answers.Answer[answers.Channel])
def put_channel(call: Administering, provider: ProviderName, body: ChannelSettings) -> Response:
    """Set the channel of a kind. A secret made for it is shown this once.

    `config` by provider: slack and teams `{webhookUrl}`; pagerduty `{routingKey, region?}`; opsgenie
    `{apiKey, region?}` with region us or eu; webhook `{url, secret?}`; email `{to: [...]}`; apprise `{url}`.
    """
    return _put(call, provider, _DEFAULT, body)


@router.put("/{provider}/{name}", response_model=answers.Answer[answers.Channel])
def put_named_channel(
    call: Administering, provider: ProviderName, name: ChannelName, body: ChannelSettings
) -> Response:
    """Set a second channel of a kind."""
    return _put(call, provider, name, body)


@router.delete("/{provider}", response_model=answers.Nothing)
def remove_channel(call: Administering, provider: ProviderName) -> Response:
    """Remove the channel of a kind."""
    return _remove(call, provider, _DEFAULT)


@router.delete("/{provider}/{name}", response_model=answers.Nothing)
def remove_named_channel(call: Administering, provider: ProviderName, name: ChannelName) -> Response:
    """Remove a second channel of a kind."""
    return _remove(call, provider, name)


@router.post("/{provider}/test", response_model=answers.Answer[answers.TestOutcome])
def test_channel(call: Administering, provider: ProviderName) -> Response:
    """Send a test alert, and tell what the receiver said."""
    return _test(call, provider, _DEFAULT)


@router.post("/{provider}/{name}/test", response_model=answers.Answer[answers.TestOutcome])
def test_named_channel(call: Administering, provider: ProviderName, name: ChannelName) -> Response:
    """Send a test alert over a second channel of a kind."""
    return _test(call, provider, name)


def _put(call: Call, provider: str, name: str, body: ChannelSettings) -> Response:
    kind, terms = _provider(provider), body.terms()
    shown_once: dict[str, str] = {}
    if fault := fault_of(terms, keeps_state=kind.keeps_state):
        raise invalid(fault)

    def accept(previous: dict[str, Any] | None) -> dict[str, Any]:
        if body.config is None:
            if previous is None:
                raise invalid("config is required.")
            return previous
        try:
            accepted = kind.validate(body.config, call.services.settings.allowed_networks, previous)
        except BadConfigError as error:
            raise invalid(f"config.{error}") from None
        shown_once.update(accepted.shown_once)
        return accepted.config

    if body.config is not None:
        _refuse_objectionable(call, kind, body.config)

    def work(connection: Connection) -> object:
        services = call.services
        manage_channels.put_channel(
            connection,
            services.ids,
            call.now,
            services.secrets,
            call.workspace_id,
            provider,
            name,
            accept,
            body.is_enabled,
            terms,
        )
        row = views.find_channel(connection, call.workspace_id, provider, name)
        return channel_object(services.secrets, row, shown_once) if row is not None else None

    return call.write(work, message="Channel set.")


def _refuse_objectionable(call: Call, kind: Provider, config: dict[str, Any]) -> None:
    try:
        accepted = kind.validate(config, call.services.settings.allowed_networks)
    except BadConfigError:
        return  # it may yet be completed by what the channel had: the transaction will tell
    if sentence := call.services.objection(kind.name, accepted.config):
        raise invalid(f"config.{sentence}")


def _remove(call: Call, provider: str, name: str) -> Response:
    _provider(provider)
    return call.write(
        lambda connection: manage_channels.remove_channel(connection, call.workspace_id, provider, name),
        message="Channel removed.",
    )


def _test(call: Call, provider: str, name: str) -> Response:
    _provider(provider)
    with call.store.read() as connection:
        row = views.find_channel(connection, call.workspace_id, provider, name)
    if row is None:
        raise not_found("Channel")
    config = manage_channels.open_config(call.services.secrets, row)
    return call.act(lambda: _outcome(call.services.send_test(provider, config)), "Tested.")


def _outcome(verdict: Verdict) -> dict[str, Any]:
    reason = "delivered" if isinstance(verdict, Delivered) else verdict.reason
    return {
        "delivered": isinstance(verdict, Delivered),
        "reason": reason,
        "mayRetry": isinstance(verdict, Retry),
        "statusCode": verdict.status,
        "detail": verdict.detail,
    }


def _provider(name: str) -> Provider:
    if name not in PROVIDERS:
        raise invalid(f"provider must be one of {', '.join(sorted(PROVIDERS))}.")
    return PROVIDERS[name]

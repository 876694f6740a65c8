"""/workspaces/me/channels: where alerts go."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.responses import Response

from tocsin.api.calls import Administering, Call
from tocsin.api.masking import channel_object
from tocsin.api.wire import Wire
from tocsin.application import manage_channels
from tocsin.application.errors import invalid, not_found
from tocsin.delivery.channel import BadConfigError, Delivered, Provider, Retry, Verdict
from tocsin.delivery.channels import PROVIDERS
from tocsin.store import Connection
from tocsin.store import views_deliveries as views

router = APIRouter(prefix="/workspaces/me/channels", tags=["channels"])
ChannelName = Annotated[str, Path(pattern="^[A-Za-z0-9._-]{1,50}$")]
_DEFAULT = "default"


class ChannelSettings(Wire):
    config: dict[str, Any]
    is_enabled: bool = True


@router.put("/{provider}")
def put_channel(call: Administering, provider: str, body: ChannelSettings) -> Response:
    """Set the channel of a kind. A secret made for it is shown this once."""
    return _put(call, provider, _DEFAULT, body)


@router.put("/{provider}/{name}")
def put_named_channel(call: Administering, provider: str, name: ChannelName, body: ChannelSettings) -> Response:
    """Set a second channel of a kind."""
    return _put(call, provider, name, body)


@router.delete("/{provider}")
def remove_channel(call: Administering, provider: str) -> Response:
    """Remove the channel of a kind."""
    return _remove(call, provider, _DEFAULT)


@router.delete("/{provider}/{name}")
def remove_named_channel(call: Administering, provider: str, name: ChannelName) -> Response:
    """Remove a second channel of a kind."""
    return _remove(call, provider, name)


@router.post("/{provider}/test")
def test_channel(call: Administering, provider: str) -> Response:
    """Send a test alert, and tell what the receiver said."""
    return _test(call, provider, _DEFAULT)


@router.post("/{provider}/{name}/test")
def test_named_channel(call: Administering, provider: str, name: ChannelName) -> Response:
    """Send a test alert over a second channel of a kind."""
    return _test(call, provider, name)


def _put(call: Call, provider: str, name: str, body: ChannelSettings) -> Response:
    kind = _provider(provider)
    shown_once: dict[str, str] = {}

    def accept(previous: dict[str, Any] | None) -> dict[str, Any]:
        try:
            accepted = kind.validate(body.config, call.services.settings.allowed_networks, previous)
        except BadConfigError as error:
            raise invalid(f"config.{error}") from None
        shown_once.update(accepted.shown_once)
        return accepted.config

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
        raise invalid(f"config: {sentence}")


def _remove(call: Call, provider: str, name: str) -> Response:
    _provider(provider)
    return call.write(
        lambda connection: manage_channels.remove_channel(connection, call.workspace_id, provider, name),
        message="Channel removed.",
    )


def _test(call: Call, provider: str, name: str) -> Response:
    _provider(provider)
    with call.services.store.read() as connection:
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

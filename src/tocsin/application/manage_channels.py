"""Channels as a person sets and removes them. Their configs are sealed here, and opened for who has to use them."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from tocsin.application.errors import conflict, not_found, unprocessable
from tocsin.domain.ids import IdMaker
from tocsin.domain.routing import Terms
from tocsin.secret_box import SecretBox
from tocsin.store import Connection, outbox, reminders
from tocsin.store import channels as rows

MOST_CHANNELS = 50
Config = dict[str, Any]
_NO_TERMS = Terms()


def put_channel(
    connection: Connection,
    ids: IdMaker,
    now: int,
    secrets: SecretBox,
    workspace_id: int,
    provider: str,
    name: str,
    accept: Callable[[Config | None], Config],
    is_enabled: bool,
    terms: Terms = _NO_TERMS,
) -> None:
    """Make the channel or replace its config and terms. `accept` is given the config it had (None: a new channel) and
    returns the one to keep, or refuses; a channel that was found broken gets a new chance."""
    channel = rows.find_channel(connection, workspace_id, provider, name)
    config = accept(None if channel is None else open_config(secrets, channel))
    if channel is None and rows.count_channels(connection, workspace_id) >= MOST_CHANNELS:
        raise unprocessable(f"A workspace can have at most {MOST_CHANNELS} channels. Remove one first.")
    channel_id = ids.new(now) if channel is None else channel["id"]
    values = {"config": _seal(secrets, channel_id, config), "is_enabled": is_enabled, "broken_reason": None}
    values |= rows.columns_of(terms)
    if channel is not None:
        rows.update_channel(connection, workspace_id, channel_id, values)
        is_back = is_enabled and not channel["is_enabled"]
        if is_back or channel["remind_every"] != terms.remind_every:
            next_at = None if terms.remind_every is None else now + terms.remind_every
            reminders.begin_anew(connection, workspace_id, channel_id, next_at)
        return
    identity = {"id": channel_id, "workspace_id": workspace_id, "provider": provider, "name": name, "created_at": now}
    if not rows.insert_channel(connection, {**identity, **values}):  # somebody was quicker: now there is one
        put_channel(connection, ids, now, secrets, workspace_id, provider, name, accept, is_enabled, terms)


def remove_channel(connection: Connection, workspace_id: int, provider: str, name: str) -> None:
    if not rows.delete_channel(connection, workspace_id, provider, name):
        raise not_found("Channel")


def resend_delivery(connection: Connection, now: int, workspace_id: int, delivery_id: int) -> None:
    """Queue a settled delivery once more."""
    match outbox.resend(connection, workspace_id, delivery_id, now):
        case "not_found":
            raise not_found("Delivery")
        case "pending":
            raise conflict("The delivery is on its way already.")
        case "channel_disabled":
            raise conflict("The delivery's channel is disabled. Enable it first.")


def open_config(secrets: SecretBox, channel: Mapping[str, Any]) -> Config:
    """The config of a channel's row, in plain text."""
    config: Config = json.loads(secrets.decrypt(channel["config"], _context(channel["id"])))
    return config


def _seal(secrets: SecretBox, channel_id: int, config: Config) -> bytes:
    return secrets.encrypt(json.dumps(config).encode(), _context(channel_id))


def _context(channel_id: int) -> str:
    return f"channels|{channel_id}|config"

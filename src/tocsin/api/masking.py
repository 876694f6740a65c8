"""Channels as they are shown: their secrets masked by their provider."""

from collections.abc import Mapping
from typing import Any

from tocsin.application.manage_channels import open_config
from tocsin.delivery.channels import PROVIDERS
from tocsin.domain.ids import to_uuid
from tocsin.domain.model import SECOND
from tocsin.secret_box import SecretBox
from tocsin.store.channels import terms_of
from tocsin.wire_time import iso


def channel_object(
    secrets: SecretBox, row: Mapping[str, Any], shown_once: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """`shown_once`: secrets just made, which their owner sees now and never again."""
    terms = terms_of(row)
    return {
        "id": to_uuid(row["id"]),
        "provider": row["provider"],
        "name": row["name"],
        "config": {**PROVIDERS[row["provider"]].mask(open_config(secrets, row)), **(shown_once or {})},
        "isEnabled": row["is_enabled"],
        "routes": {name: list(chosen) for name, chosen in terms.routes._asdict().items() if chosen},
        "delaySeconds": terms.delay // SECOND,
        "remindEverySeconds": None if terms.remind_every is None else terms.remind_every // SECOND,
        "brokenReason": row["broken_reason"],
        "createdAt": iso(row["created_at"]),
    }

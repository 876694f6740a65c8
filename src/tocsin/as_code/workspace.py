"""What a server has, as the entries of a file."""

from collections.abc import Mapping
from typing import Any

from tocsin.as_code import entries
from tocsin.as_code.entries import Entries, Object
from tocsin.as_code.remote import Remote
from tocsin.as_code.variables import unmasked
from tocsin.domain import pattern as patterns
from tocsin.domain.model import DEFAULT_TENANT


def fetch(remote: Remote) -> Entries:
    """Everything of the workspace that a file can hold. Channels are masked as the server masks them."""
    workspace = remote.call("GET", "/workspaces/me")
    channels = [entries.channel_entry(one) for one in workspace["channels"]]
    return Entries(
        entries.workspace_entry(workspace),
        {one["externalId"]: _tenant(one) for one in remote.pages("/tenants") if one["externalId"] != DEFAULT_TENANT},
        {one["id"]: _pattern(one) for one in remote.call("GET", "/patterns")["items"]},
        {one["jobKey"]: entries.job_entry(one) for one in remote.pages("/jobs")},
        {f"{one['provider']}/{one['name']}": one for one in channels},
        {entries.window_key(one): one for one in map(_window, remote.pages("/maintenance"))},
    )


def exported(found: Entries) -> Entries:
    """What an export holds: no built-in pattern that is as it was built, and variables in place of secrets. In the
    order of names, so that two exports can be compared."""
    changed = {key: one for key, one in found.patterns.items() if one != built_in_entry(key)}
    channels = {key: unmasked(one) for key, one in found.channels.items()}
    known = {key: entries.tenant_entry(one) for key, one in found.tenants.items()}
    sections = [dict(sorted(one.items())) for one in (known, changed, found.jobs, channels)]
    windows = {key: entries.window_entry(one) for key, one in found.maintenance.items()}
    sections.append(dict(sorted(windows.items(), key=lambda item: (item[1]["startsAt"], item[0]))))
    tenants, patterns, jobs, secretless, planned = sections
    return Entries(_chosen(found.workspace), tenants, patterns, jobs, secretless, planned)


def _chosen(workspace: Mapping[str, Any]) -> Object:
    """Of how long what is kept, and how often one may ask, only what is otherwise than the operator has it."""
    usual = entries.WORKSPACE_CHOICES
    entry = {name: value for name, value in workspace.items() if name not in usual or value != usual[name]}
    kept, defaults = entry.pop("retention"), entry.pop("retentionDefaults")
    chosen = {name: days for name, days in kept.items() if days != defaults[name]}
    return {**entry, "retention": chosen} if chosen else entry


def built_in_entry(pattern_id: str) -> Object | None:
    """A built-in pattern as nobody has touched it; None where it is none. Its own threshold counts as none chosen."""
    if patterns.built_in(pattern_id) is None:
        return None
    return {"id": pattern_id, "isEnabled": True, "thresholdCount": None, "thresholdWindowSeconds": None}


def _tenant(tenant: Mapping[str, Any]) -> Object:
    return {**entries.tenant_entry(tenant), "id": tenant["id"]}


def _window(window: Mapping[str, Any]) -> Object:
    return {**entries.window_entry(window), "id": window["id"]}


def _pattern(pattern: Mapping[str, Any]) -> Object:
    if not pattern["isBuiltIn"]:
        return entries.pattern_entry(pattern)
    known = patterns.built_in(pattern["id"])
    original = known.threshold if known else None
    count, window = pattern["thresholdCount"], pattern["thresholdWindowSeconds"]
    if not pattern["hasOwnThreshold"]:
        count = window = None
    elif count is None and original is not None:  # it was told to have none
        count = 1
    return entries.pattern_entry({**pattern, "thresholdCount": count, "thresholdWindowSeconds": window})

"""The one form of everything that a file can hold: all fields there, as the API answers them, so that what a file says
and what a server has can be compared; and how a file is written of it."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import yaml

from tocsin.domain.zones import UTC

Object = dict[str, Any]
SECTIONS = ("workspace", "tenants", "patterns", "jobs", "channels", "maintenance")
_WORKSPACE = (
    *("name", "timezone", "recoveryWindowSeconds", "closeWindowSeconds", "cooldownWindowSeconds"),
    "autoCreateTenants",
)
#: Of the workspace, what is in an export only where somebody has chosen it.
WORKSPACE_CHOICES: Object = {"longPingSlugs": False, "ingestRate": None, "apiRate": None}
_JOB: Object = {
    "schedule": None,
    "gracePeriodSeconds": 60,
    "tenantImpactThreshold": 3,
    "consecutiveMissThreshold": 3,
    "thresholdMode": "any",
    "failureThreshold": None,
    "recoveryThreshold": 1,
    "maxRuntimeSeconds": None,
    "tenantScope": "seen",
    "tags": [],
    "description": "",
    "runbookUrl": None,
    "dependsOn": None,
    "isActive": True,
}
_PATTERN = {
    "priority": 100,
    "eventTypes": [],
    "errorCodes": [],
    "isEnabled": True,
    "thresholdCount": None,
    "thresholdWindowSeconds": None,
}
_CHANNEL = {"isEnabled": True, "config": {}, "routes": {}, "delaySeconds": 0, "remindEverySeconds": None}
_WINDOW = {"rrule": None, "timezone": UTC, "reason": ""}


class Entries(NamedTuple):
    """Everything by what it is called; `sections`: which of them the file has at all. Maintenance windows are called by
    all that they say. Windows and tenants that a server has carry their `id`."""

    workspace: Object
    tenants: dict[str, Object]
    patterns: dict[str, Object]
    jobs: dict[str, Object]
    channels: dict[str, Object]
    maintenance: dict[str, Object]
    sections: frozenset[str] = frozenset(SECTIONS)


def job_entry(job: Mapping[str, Any]) -> Object:
    """A job as the file has it, from one as the API answers it."""
    entry = {"jobKey": job["jobKey"], "name": job["name"], **{name: job[name] for name in _JOB}}
    if entry["gracePeriodSeconds"] is None and entry["schedule"]["type"] != "learned":
        entry["gracePeriodSeconds"] = 60
    return {**entry, "tags": list(dict.fromkeys(entry["tags"])), "runbookUrl": entry["runbookUrl"] or None}


def tenant_entry(tenant: Mapping[str, Any]) -> Object:
    """A tenant as the file has it, from one as the API answers it."""
    return {name: tenant[name] for name in ("externalId", "name", "isActive")}


def pattern_entry(pattern: Mapping[str, Any]) -> Object:
    """A pattern as the file has it, from one as the API answers it; of a built-in one what can be set."""
    threshold = {name: pattern[name] for name in ("thresholdCount", "thresholdWindowSeconds")}
    if threshold["thresholdCount"] == 1:
        threshold["thresholdWindowSeconds"] = None
    if pattern["isBuiltIn"]:
        return {"id": pattern["id"], "isEnabled": pattern["isEnabled"], **threshold}
    words = {name: sorted({word.lower() for word in pattern[name]}) for name in ("eventTypes", "errorCodes")}
    head = {name: pattern[name] for name in ("id", "name", "priority")}
    return {**head, **words, "isEnabled": pattern["isEnabled"], **threshold}


def channel_entry(channel: Mapping[str, Any]) -> Object:
    """A channel as the file has it, from one as the API answers it. What is masked is named after the channel."""
    routes = {name: list(dict.fromkeys(chosen)) for name, chosen in channel["routes"].items() if chosen}
    return {
        **{name: channel[name] for name in ("provider", "name", "isEnabled")},
        "config": channel["config"] or {},
        "routes": routes,
        **{name: channel[name] for name in ("delaySeconds", "remindEverySeconds")},
    }


def window_entry(window: Mapping[str, Any]) -> Object:
    """A maintenance window as the file has it, from one as the API answers it."""
    target = {name: value for name, value in window["target"].items() if value}
    times = {name: window[name] for name in ("startsAt", "endsAt")}
    return {"target": target, **times, **{name: window[name] or default for name, default in _WINDOW.items()}}


def window_key(entry: Object) -> str:
    return json.dumps({name: value for name, value in entry.items() if name != "id"}, sort_keys=True)


def write(entries: Entries) -> str:
    """The text of a file. What has its default is left out."""
    content: Object = {"tocsin": 1, "workspace": entries.workspace}
    content["tenants"] = [_short(one, {"name": None, "isActive": True}) for one in entries.tenants.values()]
    content["patterns"] = [_short(one, _PATTERN) for one in entries.patterns.values()]
    content["jobs"] = [_short(one, _JOB) for one in entries.jobs.values()]
    content["channels"] = [_short(one, _CHANNEL) for one in entries.channels.values()]
    content["maintenance"] = [_short(one, _WINDOW) for one in entries.maintenance.values()]
    return dump({name: value for name, value in content.items() if value})


def dump(content: Any) -> str:
    return str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100))


def _short(entry: Object, defaults: Mapping[str, Any]) -> Object:
    return {name: value for name, value in entry.items() if name not in defaults or value != defaults[name]}


def workspace_entry(workspace: Mapping[str, Any]) -> Object:
    """A workspace as the file has it, and the operator's `retentionDefaults`, from one as the API answers it."""
    return {name: workspace[name] for name in (*_WORKSPACE, *WORKSPACE_CHOICES, "retention", "retentionDefaults")}

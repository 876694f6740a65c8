"""The file: what may stand in it, and what is wrong with one.

What the API would refuse is refused here, by the same models, before anything is sent.
"""

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_network
from typing import Any, ClassVar, Literal

import yaml
from pydantic import ConfigDict, Field, ValidationError

from tocsin.api.job_wire import NewJob, new_row
from tocsin.api.routes.channels import ChannelSettings
from tocsin.api.routes.patterns import NewPattern, PatternChanges
from tocsin.api.routes.quiets import NewWindow
from tocsin.api.routes.tenants import NewTenant
from tocsin.api.routes.workspaces import RetentionChanges, WorkspaceChanges
from tocsin.api.sentences import sentence
from tocsin.api.wire import Wire
from tocsin.application.errors import Refused, invalid
from tocsin.as_code.entries import (
    SECTIONS,
    Entries,
    Object,
    channel_entry,
    job_entry,
    pattern_entry,
    window_entry,
    window_key,
)
from tocsin.as_code.variables import variables
from tocsin.delivery.channel import BadConfigError
from tocsin.delivery.channels import PROVIDERS
from tocsin.domain import pattern as patterns
from tocsin.domain.maintenance import Window
from tocsin.domain.maintenance import fault_of as window_fault
from tocsin.domain.model import DEFAULT_TENANT
from tocsin.domain.routing import fault_of
from tocsin.wire_time import iso

_STRICT = ConfigDict(extra="forbid")
_ANYWHERE = [ip_network("0.0.0.0/0"), ip_network("::/0")]
_UNKEPT = re.compile("[\0\ud800-\udfff]")
_SCHEDULES = {"interval", "crontab", "calendar", "learned", "none"}


class FaultyFileError(Exception):
    """What is wrong with the file: one sentence a line, each with where."""


class _Retention(RetentionChanges):
    model_config = _STRICT


class _Workspace(WorkspaceChanges):
    model_config = _STRICT

    retention: _Retention = _Retention()


class _Tenant(NewTenant):
    model_config = _STRICT

    is_active: bool = True


class _Job(NewJob):
    model_config = _STRICT


class _Own(NewPattern):
    model_config = _STRICT


class _BuiltIn(PatternChanges):
    model_config = _STRICT

    id: str


class _Channel(ChannelSettings):
    model_config = _STRICT

    provider: str
    name: str = Field("default", pattern="^[A-Za-z0-9._-]{1,50}$")


class _Window(NewWindow):
    model_config = _STRICT


class _File(Wire):
    model_config = _STRICT

    tocsin: Literal[1]
    workspace: _Workspace | None = None
    tenants: list[_Tenant] = Field(default_factory=list)
    patterns: list[dict[str, Any]] = Field(default_factory=list)
    jobs: list[_Job] = Field(default_factory=list)
    channels: list[_Channel] = Field(default_factory=list)
    maintenance: list[_Window] = Field(default_factory=list)


# --- reading ------------------------------------------------------------------------------------------------------


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Refuses a key that stands twice (of two values one would be ignored), and a text that no database keeps. A moment
    is a text, as in the API."""

    yaml_implicit_resolvers: ClassVar = {
        first: [(tag, pattern) for tag, pattern in known if not tag.endswith(":timestamp")]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _unacceptable("what stands before a colon must be a word", key)
            if key.value in seen:
                raise _unacceptable(f"{key.value} stands twice", key)
            seen.add(key.value)
        return dict(super().construct_mapping(node, deep))

    def construct_scalar(self, node: yaml.ScalarNode) -> Any:
        if _UNKEPT.search(node.value):
            raise _unacceptable("a text holds a NUL character, or half a surrogate pair", node)
        return super().construct_scalar(node)


def _unacceptable(what: str, node: yaml.Node) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, what, node.start_mark)


def read(text: str, name: str) -> Entries:
    """The entries of a file's text. Raises `FaultyFileError`, whose sentences begin with `name`."""
    try:
        content = yaml.load(text, _Loader)  # noqa: S506 -- a SafeLoader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}:" if mark else ""
        raise FaultyFileError(f"{name}:{where} {getattr(error, 'problem', None) or 'is no YAML'}.") from None
    if not isinstance(content, dict):
        raise FaultyFileError(f"{name}: must be a mapping that begins with tocsin: 1.")
    try:
        file = _File.model_validate(content)
    except ValidationError as error:
        told = [f"{name}: {_sentence(one)}" for one in error.errors()]
        raise FaultyFileError("\n".join(told)) from None
    return _Reading(name).entries(file, content)


class _Reading:
    """Brings each entry to its form, and gathers what is wrong."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._faults: list[str] = []

    def entries(self, file: _File, content: Mapping[str, Any]) -> Entries:
        workspace = _given(file.workspace) if file.workspace is not None else {}
        found = Entries(
            workspace,
            self._keyed("tenants", file.tenants, lambda one: one.external_id, _tenant),
            self._keyed("patterns", file.patterns, lambda one: str(one.get("id")), _pattern),
            self._keyed("jobs", file.jobs, lambda one: one.job_key, _job),
            self._keyed("channels", file.channels, lambda one: f"{one.provider}/{one.name}", _channel),
            self._keyed("maintenance", file.maintenance, lambda one: window_key(_window(one)), _window),
            frozenset(content) & frozenset(SECTIONS),
        )
        if DEFAULT_TENANT in found.tenants:
            self._faults.append(f"{self._name}: tenants must not hold {DEFAULT_TENANT}: it is the workspace's own.")
        if self._faults:
            raise FaultyFileError("\n".join(self._faults))
        return found

    def _keyed(
        self, section: str, items: list[Any], key: Callable[[Any], str], form: Callable[[Any], Object]
    ) -> dict[str, Object]:
        found: dict[str, Object] = {}
        for number, item in enumerate(items):
            where = f"{self._name}: {section}[{number}]"
            try:
                called, entry = key(item), form(item)
            except ValidationError as error:
                self._faults += [f"{where}.{_sentence(one)}" for one in error.errors()]
            except Refused as refusal:
                self._faults.append(f"{where}: {refusal.message}")
            except BadConfigError as error:
                self._faults.append(f"{where}: config.{error}")
            else:
                if called in found:
                    self._faults.append(f"{where}: {called} stands in the file twice.")
                found[called] = entry
        return found


def _sentence(error: Any) -> str:
    """As the API words it, with the place in the file."""
    place: list[str | int] = []
    for part in error["loc"]:
        if not (place and place[-1] == "schedule" and part in _SCHEDULES):
            place.append(part)
    return sentence({**error, "loc": ("body", *place)})


def _given(entry: Wire) -> Object:
    return entry.model_dump(by_alias=True, exclude_unset=True)


def _tenant(entry: _Tenant) -> Object:
    return {"externalId": entry.external_id, "name": entry.name or None, "isActive": entry.is_active}


def _job(entry: _Job) -> Object:
    new_row(entry)  # refuses what no single field tells
    schedule = entry.schedule.model_dump(by_alias=True) if entry.schedule else None
    if schedule is None:
        schedule = {"type": "interval", "seconds": entry.expected_interval_seconds}
    return job_entry({**entry.model_dump(by_alias=True), "schedule": schedule})


def _pattern(item: Mapping[str, Any]) -> Object:
    known = patterns.built_in(str(item.get("id")))
    if known is not None:
        if item.keys() - {"id", "isEnabled", "thresholdCount", "thresholdWindowSeconds"}:
            raise invalid("only isEnabled and the threshold of a built-in pattern can be set.")
        changes = _BuiltIn.model_validate(item)
        changes.threshold_columns()
        return pattern_entry({**changes.model_dump(by_alias=True), "isBuiltIn": True})
    own = _Own.model_validate({"id": None, **item})
    own.threshold_columns()
    if own.id is None:
        raise invalid("id is required.")
    if not own.event_types and not own.error_codes:
        raise invalid("eventTypes or errorCodes must hold at least 1 item.")
    return pattern_entry({**own.model_dump(by_alias=True), "isBuiltIn": False})


def _channel(entry: _Channel) -> Object:
    if entry.provider not in PROVIDERS:
        raise invalid(f"provider must be one of {', '.join(sorted(PROVIDERS))}.")
    if fault := fault_of(entry.terms(), keeps_state=PROVIDERS[entry.provider].keeps_state):
        raise invalid(fault)
    whole = {"provider": entry.provider, "name": entry.name, **entry.model_dump(by_alias=True)}
    if not variables(entry.config):
        check_config(entry.provider, entry.config or {})
    return channel_entry(whole)


def _window(entry: _Window) -> Object:
    starts_at, ends_at = entry.starts_at, entry.ends_at
    window = Window(starts_at, ends_at, entry.rrule or "", entry.timezone)
    if fault := window_fault(window, min(starts_at, ends_at)):
        raise invalid(fault)
    target = {"kind": entry.target.kind.value, "value": entry.target.value}
    times = {"startsAt": iso(starts_at), "endsAt": iso(ends_at)}
    return window_entry(
        {"target": target, **times, "rrule": entry.rrule, "timezone": entry.timezone, "reason": entry.reason}
    )


def check_config(provider: str, config: Object) -> None:
    """Raises `BadConfigError` for what no server would take; which addresses may be reached, only the server knows."""
    PROVIDERS[provider].validate(config, _ANYWHERE)

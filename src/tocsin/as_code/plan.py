"""The difference between a file and a server, shown and carried out."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from tocsin.as_code.document import FaultyFileError, check_config
from tocsin.as_code.entries import Entries, Object, dump
from tocsin.as_code.remote import Remote, path_of
from tocsin.as_code.variables import filled, variables
from tocsin.as_code.workspace import built_in_entry
from tocsin.delivery.channel import BadConfigError
from tocsin.delivery.channels import PROVIDERS
from tocsin.domain.maintenance import Window, span_at
from tocsin.wire_time import parse_iso

Jobs = Mapping[str, Object]


class Request(NamedTuple):
    method: str
    path: str
    body: Any = None


class Change(NamedTuple):
    """One thing that is otherwise: `before` None where it is made, `after` None where it goes."""

    what: str
    before: Object | None
    after: Object | None
    requests: tuple[Request, ...]

    def lines(self) -> Iterator[str]:
        """As a diff."""
        sign = "+" if self.before is None else "-" if self.after is None else "~"
        yield f"{sign} {self.what}"
        if self.after is None:
            return
        before = self.before or {}
        for name, value in self.after.items():
            if self.before is None:
                yield from _indented("+", {name: value})
            elif value != before.get(name):
                yield from _indented("-", {name: before.get(name)})
                yield from _indented("+", {name: value})


def _indented(sign: str, content: Object) -> Iterator[str]:
    for line in dump(content).splitlines():
        yield f"{sign}   {line}"


def compare(
    wanted: Entries, found: Entries, environ: Mapping[str, str], name: str, now: int, *, prunes: bool
) -> list[Change]:
    """Every change that makes `found` what is `wanted`, in the order in which to make them. `prunes`: what is not in a
    section of the file goes. A maintenance window that is over at `now` is not made again. Raises `FaultyFileError`
    where a channel lacks its secrets, or a job its parent."""
    changes = [*_workspace(wanted, found)]
    changes += _each(wanted.tenants, found.tenants, _tenant)
    changes += _each(wanted.patterns, found.patterns, _pattern)
    changes += _each(_alone(wanted.jobs), _alone(found.jobs), _job)
    changes += _parents(wanted.jobs, found.jobs, wanted.jobs if prunes else {**found.jobs, **wanted.jobs}, name)
    changes += _Channels(environ, name).changes(wanted.channels, found.channels)
    changes += _windows(wanted.maintenance, found.maintenance, now)
    if prunes:
        changes += _superfluous(wanted, found)
    return changes


def carry_out(changes: Iterable[Change], remote: Remote, tell: Callable[[str], None]) -> None:
    """Raises `RemoteError`; what was done by then is done, and another run goes on from there."""
    for change in changes:
        for request in change.requests:
            remote.call(*request)
        tell(f"{'made' if change.before is None else 'removed' if change.after is None else 'changed'} {change.what}")


def _each(
    wanted: Mapping[str, Object], found: Mapping[str, Object], change: Callable[[str, Object | None, Object], Change]
) -> Iterator[Change]:
    for key, after in wanted.items():
        before = found.get(key)
        if before is None or any(before[name] != value for name, value in after.items()):
            yield change(key, before, after)


def _workspace(wanted: Entries, found: Entries) -> Iterator[Change]:
    before = {name: found.workspace.get(name) for name in wanted.workspace}
    after = dict(wanted.workspace)
    if "retention" in after:
        kept, defaults = found.workspace["retention"], found.workspace["retentionDefaults"]
        before["retention"] = {name: kept[name] for name in after["retention"]}
        after["retention"] = {n: defaults[n] if days is None else days for n, days in after["retention"].items()}
    if before != after:
        changed = {name: wanted.workspace[name] for name, value in after.items() if value != before[name]}
        yield Change("workspace", before, after, (Request("PATCH", "/workspaces/me", changed),))


def _tenant(key: str, before: Object | None, after: Object) -> Change:
    # By its id, where it has one: an externalId may hold what an address cannot.
    path = path_of("tenants", key if before is None else before["id"])
    requests = []
    if before is None:
        requests.append(Request("POST", "/tenants", {name: after[name] for name in ("externalId", "name")}))
    elif before["name"] != after["name"]:
        requests.append(Request("PATCH", path, {"name": after["name"]}))
    if after["isActive"] != (before is None or before["isActive"]):
        requests.append(Request("POST", f"{path}/activate") if after["isActive"] else Request("DELETE", path))
    return Change(f"tenant {key}", before, after, tuple(requests))


def _pattern(key: str, before: Object | None, after: Object) -> Change:
    if before is None:
        return Change(f"pattern {key}", before, after, (Request("POST", "/patterns", after),))
    changed = {name: value for name, value in after.items() if name != "id" and value != before[name]}
    if any(name.startswith("threshold") for name in changed):
        changed |= {name: after[name] for name in ("thresholdCount", "thresholdWindowSeconds")}
    return Change(f"pattern {key}", before, after, (Request("PATCH", path_of("patterns", key), changed),))


def _job(key: str, before: Object | None, after: Object) -> Change:
    if before is None:
        return Change(f"job {key}", before, after, (Request("POST", "/jobs", after),))
    changed = {name: value for name, value in after.items() if value != before[name]}
    return Change(f"job {key}", before, after, (Request("PATCH", path_of("jobs", key), changed),))


def _alone(jobs: Mapping[str, Object]) -> dict[str, Object]:
    """Jobs without their parents, which have to be there first."""
    return {key: {name: value for name, value in one.items() if name != "dependsOn"} for key, one in jobs.items()}


def _parents(wanted: Mapping[str, Object], found: Mapping[str, Object], lasting: Jobs, name: str) -> list[Change]:
    """What jobs depend on, once all of them are made; `lasting`: those there will be. Ancestors come first: whatever
    they depended on before, there is no circle at any step."""
    changes = {}
    for key, one in wanted.items():
        before, after = found.get(key, {}).get("dependsOn"), one["dependsOn"]
        depth = _depth(key, lasting, name)
        if before != after:
            request = Request("PATCH", path_of("jobs", key), {"dependsOn": after})
            changes[depth, key] = Change(
                f"parent of job {key}", {"dependsOn": before}, {"dependsOn": after}, (request,)
            )
    return [changes[place] for place in sorted(changes)]


def _depth(key: str, jobs: Jobs, name: str) -> int:
    """How many ancestors the job will have. Raises `FaultyFileError` where one is missing, or is the job itself."""
    seen = [key]
    while (parent := jobs[seen[-1]]["dependsOn"]) is not None and parent["kind"] == "job":
        if parent["value"] not in jobs:
            raise FaultyFileError(f"{name}: job {seen[-1]}: dependsOn: there will be no job {parent['value']}.")
        if parent["value"] in seen:
            raise FaultyFileError(f"{name}: job {parent['value']}: dependsOn: it would be its own ancestor.")
        seen.append(parent["value"])
    return len(seen)


def _windows(wanted: Mapping[str, Object], found: Mapping[str, Object], now: int) -> Iterator[Change]:
    """A window has no name: one that says something else is another one."""
    for key, one in wanted.items():
        times = (parse_iso(one["startsAt"]), parse_iso(one["endsAt"]))
        if key not in found and span_at(Window(*times, one["rrule"] or "", one["timezone"]), now) is not None:
            yield Change(_called(one), None, one, (Request("POST", "/maintenance", one),))


def _called(window: Object) -> str:
    return f"maintenance of {' '.join(window['target'].values())} from {window['startsAt']}"


def _path_of_channel(channel: Object) -> str:
    """The one named `default` has the bare path of its kind."""
    name = () if channel["name"] == "default" else (channel["name"],)
    return path_of("workspaces", "me", "channels", channel["provider"], *name)


class _Channels:
    """Channels, whose secrets come from the environment, or stay as the server has them."""

    def __init__(self, environ: Mapping[str, str], name: str) -> None:
        self._environ = environ
        self._name = name
        self._faults: list[str] = []

    def changes(self, wanted: Mapping[str, Object], found: Mapping[str, Object]) -> list[Change]:
        changes = [self._change(key, found.get(key), after) for key, after in wanted.items()]
        if self._faults:
            raise FaultyFileError("\n".join(self._faults))
        return [change for change in changes if change is not None]

    def _change(self, key: str, before: Object | None, after: Object) -> Change | None:
        unset = [name for name in variables(after["config"]) if name not in self._environ]
        body = {name: after[name] for name in ("isEnabled", "routes", "delaySeconds", "remindEverySeconds")}
        shown = after
        if not unset:
            shown = self._with_secrets(key, before, after, body)
        elif before is None:
            self._fault(key, f"set {' and '.join(unset)}: the channel is new, and has no secret that could be kept.")
            return None
        else:
            shown = {**after, "config": before["config"]}
            if self._plain(after["config"]).items() - self._plain(before["config"]).items():
                self._fault(key, f"set {' and '.join(unset)}: where a config changes, its secrets have to be given.")
        if shown == before:
            return None
        return Change(f"channel {key}", before, shown, (Request("PUT", _path_of_channel(after), body),))

    def _with_secrets(self, key: str, before: Object | None, after: Object, body: Object) -> Object:
        """As it will be shown, with the config in `body`."""
        config = filled(after["config"], self._environ)
        provider = PROVIDERS[after["provider"]]
        try:
            check_config(after["provider"], config)
        except BadConfigError as error:
            self._fault(key, f"config.{error}")
            return after
        masked = provider.mask({"secret": "", **config} if after["provider"] == "webhook" else config)
        if before is not None and "secret" not in config and "secret" in before["config"]:
            masked["secret"] = before["config"]["secret"]  # one that the server made stays
        if before is None or masked != before["config"]:
            body["config"] = config
        return {**after, "config": masked}

    @staticmethod
    def _plain(config: Object) -> dict[str, str]:
        """What is no secret."""
        return {name: str(one) for name, one in config.items() if not variables(one) and "…" not in str(one)}

    def _fault(self, key: str, sentence: str) -> None:
        self._faults.append(f"{self._name}: channel {key}: {sentence}")


def _superfluous(wanted: Entries, found: Entries) -> Iterator[Change]:
    """What the file's sections do not name. A section that the file does not have is left alone."""
    for section, superfluous in _SUPERFLUOUS.items():
        if section in wanted.sections:
            yield from superfluous(wanted, found)


def _superfluous_channels(wanted: Entries, found: Entries) -> Iterator[Change]:
    for key, one in found.channels.items():
        if key not in wanted.channels:
            yield Change(f"channel {key}", one, None, (Request("DELETE", _path_of_channel(one)),))


def _superfluous_windows(wanted: Entries, found: Entries) -> Iterator[Change]:
    for key, one in found.maintenance.items():
        if key not in wanted.maintenance:
            yield Change(_called(one), one, None, (Request("DELETE", path_of("maintenance", one["id"])),))


def _superfluous_jobs(wanted: Entries, found: Entries) -> Iterator[Change]:
    for key in sorted(found.jobs.keys() - wanted.jobs.keys()):
        yield Change(f"job {key}", found.jobs[key], None, (Request("DELETE", path_of("jobs", key)),))


def _superfluous_tenants(wanted: Entries, found: Entries) -> Iterator[Change]:
    for key, one in found.tenants.items():
        if key not in wanted.tenants and one["isActive"]:
            after = {**one, "isActive": False}
            yield Change(f"tenant {key}", one, after, (Request("DELETE", path_of("tenants", one["id"])),))


def _superfluous_patterns(wanted: Entries, found: Entries) -> Iterator[Change]:
    for key, one in found.patterns.items():
        original = built_in_entry(key)
        if key in wanted.patterns or one == original:
            continue
        if original is None:
            yield Change(f"pattern {key}", one, None, (Request("DELETE", path_of("patterns", key)),))
        else:
            yield _pattern(key, one, original)


_SUPERFLUOUS = {
    "channels": _superfluous_channels,
    "maintenance": _superfluous_windows,
    "jobs": _superfluous_jobs,
    "patterns": _superfluous_patterns,
    "tenants": _superfluous_tenants,
}

"""An alert in words, once for all channels: for somebody at 3 a.m. who did not write the job."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tocsin.domain.model import DEFAULT_ENVIRONMENT, DEFAULT_TENANT, SECOND, AlertKind

#: Later than this is worth saying.
_DELAY_SHOWN = 60 * SECOND
_NAMES_SHOWN = 10
_NAME_LIMIT = 80
_INCIDENTS_SHOWN = 20
_ENDED = {AlertKind.RESOLVED: "Resolved", AlertKind.ACKNOWLEDGED: "Acknowledged"}
_BEGUN = {
    AlertKind.BLAST_RADIUS_EXPANDED: "Spreading",
    AlertKind.REMINDER: "Still open",
    AlertKind.REOPENED: "Again",
}


class Message(NamedTuple):
    """One delivery in words. `id` stays the same over all attempts; `title` and `lines` are plain text.

    `state` is the incident's, as the alert leaves it; `content` is what `application.announce` made. One that several
    incidents share has their contents in `content["incidents"]`, and no `incident`.
    """

    id: str
    kind: str
    title: str
    lines: tuple[str, ...]
    state: str
    url: str
    runbook_url: str
    content: Mapping[str, Any]

    @property
    def thread(self) -> str:
        """What all messages about one thing are filed under: the incident's id; of a message without one, its own."""
        incident = self.content.get("incident") or {}
        return "tocsin-test" if self.kind == AlertKind.TEST else incident.get("id") or self.id

    @property
    def subject(self) -> str:
        """The job or integration it is about; empty where it is about none, or several."""
        return _subject(self.content) if self.content.get("incident") else ""

    @property
    def links(self) -> list[tuple[str, str]]:
        """What to open next: (label, URL)."""
        return [(label, url) for label, url in ((self.link_label, self.url), ("Runbook", self.runbook_url)) if url]

    @property
    def link_label(self) -> str:
        """What to call the link."""
        return "See all incidents" if "incidents" in self.content else "Open the incident"

    @property
    def text(self) -> str:
        links = [f"Runbook: {self.runbook_url}"] if self.runbook_url else []
        name = "Incidents" if "incidents" in self.content else "Incident"
        links += [f"{name}: {self.url}"] if self.url else []
        return "\n".join([self.title, *self.lines, *links])


def compose(delivery_id: str, content: Mapping[str, Any], moment_at: int, now: int) -> Message:
    """Words the content of an alert that became due at `moment_at`, sent at `now` (microseconds)."""
    kind = content["kind"]
    job = content.get("job") or {}
    is_shared = "incidents" in content
    lines = _shared_lines(content) if is_shared else _lines(content)
    return Message(
        delivery_id,
        kind,
        _shared_title(content) if is_shared else _title(content),
        (*lines, *_delay(now - moment_at)),
        {AlertKind.RESOLVED: "Closed", AlertKind.TEST: "Test"}.get(kind, "Open"),
        content.get("url") or "",
        job.get("runbookUrl") or "",
        content,
    )


def _title(content: Mapping[str, Any]) -> str:
    if content["kind"] == AlertKind.TEST:
        return "Tocsin test alert"
    subject = _subject(content)
    if ended := _ENDED.get(content["kind"]):
        return f"{ended}: {subject}"
    begun = _BEGUN.get(content["kind"])
    return f"{f'{begun}: ' if begun else ''}{subject} {_trouble(content)}{_who(content)}"


def _subject(content: Mapping[str, Any]) -> str:
    incident = content["incident"]
    if incident["kind"] != "job":
        pattern = _short(incident.get("patternName") or incident.get("patternId") or "")
        return f"{incident['integrationKey']} ({pattern})"
    name = _short(incident.get("jobName") or incident["jobKey"])
    environment = incident.get("environment") or DEFAULT_ENVIRONMENT
    return name if environment == DEFAULT_ENVIRONMENT else f"{name} ({environment})"


def _trouble(content: Mapping[str, Any]) -> str:
    if content["incident"]["kind"] != "job":
        return "reports failures"
    missed = content["missedRuns"]
    if not missed:
        return "is failing"
    return "missed a run" if missed == 1 else f"missed {missed} runs"


def _who(content: Mapping[str, Any]) -> str:
    count = content["tenantCount"]
    names = _names(content)
    if not names:
        return ""
    return f" for {names[0]}" if count == 1 else f" for {count} customers"


def _lines(content: Mapping[str, Any]) -> Iterator[str]:
    if content["kind"] == AlertKind.TEST:
        yield "This channel works: alerts about silent and failing jobs will arrive here."
        return
    if content["kind"] == AlertKind.ACKNOWLEDGED:
        yield from _acknowledgement(content.get("acknowledgement") or {})
        return
    incident, names = content["incident"], _names(content)
    if content.get("reason"):
        yield content["reason"] + "."
    if names:
        more = content["tenantCount"] - len(names[:_NAMES_SHOWN])
        yield f"Affected customers: {', '.join(names[:_NAMES_SHOWN])}{f' and {more} more' if more > 0 else ''}"
    if incident["kind"] == "job":
        yield f"Job: {incident['jobKey']} · missed runs: {content['missedRuns']} · {_since(content)}"
    else:
        yield f"Integration: {incident['integrationKey']} · events: {incident['eventCount']} · {_since(content)}"


def _acknowledgement(said: Mapping[str, Any]) -> Iterator[str]:
    if said.get("by"):
        yield f"Acknowledged by {_short(said['by'])}."
    if said.get("owner"):
        yield f"Seen to by {_short(said['owner'])}."
    if said.get("note"):
        yield said["note"]


def _since(content: Mapping[str, Any]) -> str:
    incident = content["incident"]
    if content["kind"] == AlertKind.RESOLVED:
        return f"open since {_clock(incident['openedAt'])}, closed {_clock(content['at'])}"
    return f"since {_clock(incident.get('reopenedAt') or incident['openedAt'])}"


def _clock(iso: str) -> str:
    return f"{iso[:10]} {iso[11:19]} UTC"


def _names(content: Mapping[str, Any]) -> list[str]:
    """The customers by name; the workspace's own tenant is none."""
    return [
        _short(tenant["tenantName"] or tenant["externalId"])
        for tenant in content["affectedTenants"]
        if tenant["externalId"] != DEFAULT_TENANT
    ]


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _NAME_LIMIT else flat[: _NAME_LIMIT - 1] + "…"


def _shared_title(content: Mapping[str, Any]) -> str:
    happened = {AlertKind.RESOLVED: "resolved", AlertKind.REMINDER: "still open"}.get(content["kind"], "opened")
    return f"{content['incidentCount']} more incidents {happened}"


def _shared_lines(content: Mapping[str, Any]) -> Iterator[str]:
    shown = content["incidents"][:_INCIDENTS_SHOWN]
    for part in shown:
        title = _title(part)
        yield f"• {title.removeprefix('Resolved: ').removeprefix('Still open: ')}"
    if (more := content["incidentCount"] - len(shown)) > 0:
        yield f"… and {more} more"


def _delay(delay: int) -> Iterator[str]:
    if delay >= _DELAY_SHOWN:
        minutes = delay // (60 * SECOND)
        hours, rest = divmod(minutes, 60)
        yield f"Delayed by {f'{hours} h {rest} min' if hours else f'{minutes} min'}: it could not be delivered sooner."

"""What happened to an incident, told step by step, newest first; tenants who came together are one step."""

from collections.abc import Iterable
from itertools import groupby
from typing import Any, NamedTuple

from tocsin.dashboard import words
from tocsin.domain.model import AlertKind

TOLD = {
    AlertKind.OPENED: "Open",
    AlertKind.REOPENED: "Open again",
    AlertKind.RESOLVED: "Resolved",
    AlertKind.BLAST_RADIUS_EXPANDED: "Spread",
    AlertKind.REMINDER: "Still open",
    AlertKind.ACKNOWLEDGED: "Acknowledged",
}
_DONE = {
    "acknowledged": "acknowledged",
    "snoozed": "snoozed it",
    "unsnoozed": "ended the snooze",
    "note": "wrote",
    "resolved": "resolved it",
}
_NAMED = 3


class Step(NamedTuple):
    """`state`: of the mark before it; `by`: the person who did it, whose initials stand there instead."""

    at: str
    title: str
    text: str = ""
    state: str = ""
    icon: str = "i-bell"
    by: str = ""


def steps(activity: Iterable[dict[str, Any]]) -> list[Step]:
    """`activity`: entries as the API gives them, oldest first."""
    told: list[Step] = []
    for (kind, at), together in groupby(activity, key=lambda entry: (entry["kind"], entry["at"])):
        entries = list(together)
        told += [_joined(at, entries)] if kind == "tenant" else [_STEPS[kind](entry) for entry in entries]
    return told[::-1]


def _turned(entry: dict[str, Any]) -> Step:
    return Step(entry["at"], words.state_word(entry["what"]), entry["text"] or "", words.state_of(entry["what"]))


def _joined(at: str, entries: list[dict[str, Any]]) -> Step:
    names = words.names([str(entry["text"]) for entry in entries[:_NAMED]], len(entries))
    return Step(at, f"{words.plural(len(entries), 'tenant')} hit", names, icon="i-tenants")


def _told(entry: dict[str, Any]) -> Step:
    channels = {(one["provider"], one["channelName"]) for one in entry["deliveries"]}
    heard = words.plural(len(channels), "channel") + " told" if channels else "No channel was due it"
    if entry["heldBy"]:
        heard = "Held: nobody was told"
    return Step(entry["at"], f"Alert: {TOLD.get(entry['what'], entry['what'])}", heard)


def _did(entry: dict[str, Any]) -> Step:
    by = entry["by"] or "Somebody"
    return Step(entry["at"], f"{by} {_DONE.get(entry['what'], entry['what'])}", entry["text"] or "", by=by)


_STEPS = {"transition": _turned, "alert": _told, "person": _did}

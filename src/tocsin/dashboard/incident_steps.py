"""What happened to an incident, told step by step, newest first; tenants who came within a minute are one step."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from tocsin.dashboard import words
from tocsin.dashboard.delivery_words import told

_DONE = {
    "acknowledged": "acknowledged",
    "snoozed": "snoozed it",
    "unsnoozed": "ended the snooze",
    "note": "wrote",
    "resolved": "resolved it",
}
_NAMED, _LONGEST_NAME = 3, 32
#: What a minute's moments have in common: 2026-11-22T09:45
_MINUTE = 16


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
    together: dict[Any, list[dict[str, Any]]] = {}
    for number, entry in enumerate(activity):
        # A minute's tenants are one step, even where an alert was told between two of them.
        together.setdefault(entry["at"][:_MINUTE] if entry["kind"] == "tenant" else number, []).append(entry)
    return [_step(entries) for entries in together.values()][::-1]


def _step(entries: list[dict[str, Any]]) -> Step:
    first = entries[0]
    return _joined(first["at"], entries) if first["kind"] == "tenant" else _STEPS[first["kind"]](first)


def _turned(entry: dict[str, Any]) -> Step:
    return Step(entry["at"], words.state_word(entry["what"]), entry["text"] or "", words.state_of(entry["what"]))


def _joined(at: str, entries: list[dict[str, Any]]) -> Step:
    names = words.names([words.clipped(str(entry["text"]), _LONGEST_NAME) for entry in entries[:_NAMED]], len(entries))
    return Step(at, f"{words.plural(len(entries), 'tenant')} hit", names, icon="i-tenants")


def _told(entry: dict[str, Any]) -> Step:
    channels = {(one["provider"], one["channelName"]) for one in entry["deliveries"]}
    heard = words.plural(len(channels), "channel") + " told" if channels else "No channel was due it"
    if entry["heldBy"]:
        heard = "Held: nobody was told"
    return Step(entry["at"], f"Alert: {told(entry['what'])}", heard)


def _did(entry: dict[str, Any]) -> Step:
    by = entry["by"] or "Somebody"
    return Step(entry["at"], f"{by} {_DONE.get(entry['what'], entry['what'])}", entry["text"] or "", by=by)


_STEPS = {"transition": _turned, "alert": _told, "person": _did}

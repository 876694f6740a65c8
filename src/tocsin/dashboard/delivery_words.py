"""How alerts and deliveries are said on a page: what was told, where it went, and why something was never sent."""

from collections.abc import Mapping
from typing import Any

from tocsin.dashboard.channel_words import KINDS
from tocsin.domain.model import AlertKind
from tocsin.domain.reason import Reason

_TOLD: dict[str, str] = {
    AlertKind.OPENED: "Opened",
    AlertKind.REOPENED: "Opened again",
    AlertKind.RESOLVED: "Resolved",
    AlertKind.BLAST_RADIUS_EXPANDED: "Spread",
    AlertKind.REMINDER: "Still open",
    AlertKind.ACKNOWLEDGED: "Acknowledged",
    AlertKind.TEST: "Test",
}
_UNSENT: dict[str, str] = {
    Reason.SHARED: "Not sent by itself: it went out in one message with others.",
    Reason.INCIDENT_RECOVERING: "Not sent: the incident was recovering by then.",
    Reason.TOLD_WITH_OPENING: "Not sent by itself: the opening was still to be told, and tells this as well.",
    Reason.RESOLVED_WITHIN_DELAY: "Not sent: it was resolved within the delay of this channel.",
    Reason.NOT_OPEN_ANY_MORE: "Not sent: the incident was not open any more.",
    Reason.NOTHING_LEFT: "Not sent: nothing was left of what it had to tell.",
    Reason.SUPERSEDED: "Not sent: newer news took its place.",
    Reason.CHANNEL_DISABLED: "Not sent: the channel was switched off.",
    Reason.HELD: "Not sent: the alerts of this incident were held.",
}


def told(kind: str) -> str:
    """What an alert of this kind says."""
    return _TOLD.get(kind, kind)


def where(delivery: Mapping[str, Any]) -> str:
    """`PagerDuty, night shift`; the channel named `default` goes by its kind alone."""
    known = KINDS.get(delivery["provider"])
    kind = known.word if known is not None else str(delivery["provider"])
    return kind if delivery["channelName"] == "default" else f"{kind}, {delivery['channelName']}"


def why_unsent(delivery: Mapping[str, Any]) -> str:
    """Why nothing was ever sent, in a sentence."""
    return _UNSENT.get(delivery["reason"], "Not tried yet.")

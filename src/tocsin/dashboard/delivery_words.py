"""How deliveries are said on a page: where they go, and why one was never sent."""

from tocsin.domain.reason import Reason

PROVIDERS = {
    "slack": "Slack",
    "pagerduty": "PagerDuty",
    "opsgenie": "OpsGenie",
    "teams": "Microsoft Teams",
    "webhook": "Webhook",
    "email": "Email",
    "apprise": "Apprise",
}
UNSENT: dict[str, str] = {
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

"""Channels on their pages: what each kind is called and asks for, what was typed, and what its routes say in words."""

from typing import Any, NamedTuple

from tocsin.application.errors import invalid
from tocsin.dashboard.forms import Fields
from tocsin.dashboard.words import span

Object = dict[str, Any]
REGIONS = (("us", "United States"), ("eu", "Europe"))


class Asked(NamedTuple):
    """A field of a kind's config. `is_secret`: what is saved is shown masked, and kept where nothing is typed."""

    name: str
    label: str
    hint: str = ""
    is_secret: bool = True
    is_list: bool = False
    is_region: bool = False
    is_required: bool = True


class Kind(NamedTuple):
    word: str
    glyph: str
    about: str
    asked: tuple[Asked, ...]


_REGION = Asked("region", "Region", is_secret=False, is_region=True)
KINDS = {
    "slack": Kind(
        "Slack",
        "Sl",
        "Messages in a channel. Mattermost and Rocket.Chat take the same webhooks.",
        (Asked("webhookUrl", "Webhook URL", "In Slack: your app, Incoming Webhooks, Add New Webhook."),),
    ),
    "email": Kind(
        "Email",
        "@",
        "One conversation for each incident.",
        (Asked("to", "Recipients", "One address a line. Everybody sees who else got it.", False, is_list=True),),
    ),
    "pagerduty": Kind(
        "PagerDuty",
        "PD",
        "One alert an incident: triggered when it opens, resolved when it is over.",
        (Asked("routingKey", "Routing key", "In PagerDuty: Services, Integrations, Events API v2."), _REGION),
    ),
    "opsgenie": Kind(
        "OpsGenie",
        "Og",
        "One alert an incident: created when it opens, closed when it is over.",
        (Asked("apiKey", "API key", "In OpsGenie: an API integration that may create and update."), _REGION),
    ),
    "teams": Kind(
        "Microsoft Teams",
        "Te",
        "Cards in a channel or chat, posted by a Workflow.",
        (Asked("webhookUrl", "Workflow URL", "In Teams: Workflows, “Send webhook alerts to a channel”."),),
    ),
    "webhook": Kind(
        "Webhook",
        "Wh",
        "Signed JSON to an address of yours.",
        (
            Asked("url", "URL", "Answers with any 2xx within 30 seconds."),
            Asked("secret", "Secret", "Signs what is sent. Left empty, one is made and shown once.", is_required=False),
        ),
    ),
    "apprise": Kind(
        "Apprise",
        "Ap",
        "Some 180 other services: ntfy, Telegram, Discord, Pushover, Matrix, SMS.",
        (Asked("url", "Apprise URL", "Like ntfys://ntfy.sh/my-secret-topic."),),
    ),
}
#: What a channel may be told of; all of them where none is chosen.
NEWS = {
    "opened": "Opened",
    "reopened": "Opened again",
    "blastRadiusExpanded": "Spread to more tenants",
    "resolved": "Resolved",
}
#: The lists of a route, and what is said before them.
LISTS = {
    "jobs": ("Jobs", "job"),
    "tags": ("Tags", "tag"),
    "integrations": ("Integrations", "integration"),
    "tenants": ("Tenants", "tenant"),
}
_MINUTE, _HOUR, _FEW = 60, 3_600, 2
DELAYS = (0, _MINUTE, 5 * _MINUTE, 10 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE, _HOUR, 4 * _HOUR)
REMINDERS = (15 * _MINUTE, 30 * _MINUTE, _HOUR, 4 * _HOUR, 12 * _HOUR, 24 * _HOUR)


def title_of(channel: Object) -> str:
    """What a channel is called: its name, or its kind where it is the only one so far."""
    return KINDS[channel["provider"]].word if channel["name"] == "default" else str(channel["name"])


def route_words(channel: Object) -> str:
    """`Tags billing; opened and resolved only; after 10 min`."""
    routes = channel["routes"]
    said = [_some(word, routes[name]) for name, (_, word) in LISTS.items() if routes.get(name)]
    subjects = " or ".join(said[: len(said) - bool(routes.get("tenants"))])
    parts = [subjects or "Every incident"]
    if routes.get("tenants"):
        parts.append("of " + said[-1])
    if kinds := routes.get("kinds"):
        parts.append(_joined([NEWS[kind].lower() for kind in NEWS if kind in kinds]) + " only")
    if channel["delaySeconds"]:
        parts.append(f"after {seconds(channel['delaySeconds'])}")
    if channel["remindEverySeconds"]:
        parts.append(f"again every {seconds(channel['remindEverySeconds'])}")
    sentence = "; ".join(parts)
    return sentence[0].upper() + sentence[1:]


def choices(usual: tuple[int, ...], chosen: int | None, none: str) -> list[tuple[str, str]]:
    """Spans to choose from, with the one that is chosen among them; `none` where there is none of them."""
    spans = sorted({*usual, *([chosen] if chosen else [])} - {0})
    return [("0" if 0 in usual else "", none), *((str(one), seconds(one)) for one in spans)]


def seconds(count: int) -> str:
    return span(count * 1_000_000)


def body_of(kind: Kind, form: Fields, saved: Object | None) -> Object:
    """What the API is told: the whole channel. Raises `Refused` where a form says what no channel can mean."""
    config = _config(kind, form, saved)
    return {
        **({"config": config} if config is not None else {}),
        "isEnabled": form.is_on("isEnabled"),
        "routes": {**{name: lines(form.get(f"routes.{name}", "")) for name in LISTS}, "kinds": _kinds(form)},
        "delaySeconds": form.whole("delaySeconds") or 0,
        "remindEverySeconds": form.whole("remindEverySeconds"),
    }


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


def _config(kind: Kind, form: Fields, saved: Object | None) -> Object | None:
    """None: as it was saved."""
    typed: Object = {}
    for asked in kind.asked:
        text = form.get(f"config.{asked.name}", "").strip()
        if text:
            typed[asked.name] = lines(text.replace(",", "\n")) if asked.is_list else text
    if saved is not None and all(saved["config"].get(name) == value for name, value in typed.items()):
        return None
    return typed


def _kinds(form: Fields) -> list[str]:
    chosen = form.all("routes.kinds")
    if not chosen:
        raise invalid("routes.kinds is empty: choose at least one thing to tell about, or switch the channel off.")
    return [] if set(chosen) == set(NEWS) else chosen


def _some(word: str, values: list[str]) -> str:
    first = [*values[:_FEW], *([f"{len(values) - _FEW} more"] if len(values) > _FEW else [])]
    return f"{word}{'s' if len(values) > 1 else ''} {_joined(first)}"


def _joined(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)

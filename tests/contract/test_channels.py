"""What holds for every channel there is: one table of statuses, no secret in what is said, no surprise."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook as Oracle

from tests.support.alerting import NOON, content
from tests.support.receiver import (
    LOOPBACK,
    Received,
    answering,
    breaking_off,
    dripping,
    flooding,
    hanging,
    receiver,
)
from tocsin.clock import SystemClock
from tocsin.delivery.channel import BadConfigError, Delivered, Refused, Retry, Verdict
from tocsin.delivery.channels import PROVIDERS
from tocsin.delivery.message import compose
from tocsin.delivery.safe_http import SafeHttp
from tocsin.delivery.sender import Sender
from tocsin.domain.ids import IdMaker
from tocsin.domain.model import SECOND, AlertKind

PATH = "/services/T000/B000/vErYsEcReT1234"
SIGNING = "whsec_a2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="
#: The config of each kind of channel that posts to `url`.
CONFIGS: dict[str, Callable[[str], dict[str, Any]]] = {
    "slack": lambda url: {"webhookUrl": url},
    "webhook": lambda url: {"url": url, "secret": SIGNING},
}
every_channel = pytest.mark.parametrize("name", PROVIDERS)


def _send(name: str, answer: Any, kind: str = "opened", seconds: float = 5.0) -> tuple[Verdict, list[Received]]:
    async def run() -> tuple[Verdict, list[Received]]:
        async with receiver() as one, SafeHttp(LOOPBACK, seconds=seconds) as http:
            one.answer = answer
            config = PROVIDERS[name].validate(CONFIGS[name](one.url + PATH), LOOPBACK).config
            now = SystemClock().now()
            message = compose("delivery-1", content(kind, "Acme"), now, now)
            return await Sender(http).send(name, config, message, now), one.received

    return asyncio.run(run())


def _tells_no_secret(verdict: Verdict) -> None:
    for secret in (PATH, PATH.strip("/"), "/T000/B000", SIGNING.removeprefix("whsec_")[:12]):
        assert secret not in repr(verdict)


def test_every_channel_has_a_config_here() -> None:
    assert CONFIGS.keys() == PROVIDERS.keys()


@every_channel
def test_its_name_is_its_key(name: str) -> None:
    assert PROVIDERS[name].name == name


@every_channel
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, Delivered),
        (301, Refused),
        (302, Refused),
        (307, Refused),
        (400, Refused),
        (401, Refused),
        (403, Refused),
        (404, Refused),
        (408, Retry),
        (410, Refused),
        (413, Refused),
        (422, Refused),
        (425, Retry),
        (429, Retry),
        (500, Retry),
        (502, Retry),
        (503, Retry),
        (504, Retry),
    ],
)
def test_every_status_means_the_same_everywhere(name: str, status: int, kind: type) -> None:
    # Long enough to be cut where a secret stands: what remains of it must not be told either.
    text = "ok" if status == 200 else "no " * 57 + json.dumps(CONFIGS[name](f"http://x{PATH}"))
    verdict, received = _send(name, answering(status, text, {"Retry-After": "40", "Location": "/elsewhere"}))
    assert isinstance(verdict, kind)
    assert len(received) == 1
    if isinstance(verdict, Retry):
        assert verdict.after == 40 * SECOND
    _tells_no_secret(verdict)


@every_channel
@pytest.mark.parametrize(
    ("behaviour", "kind", "may_have_arrived"),
    [
        (hanging, Retry, True),
        (breaking_off, Retry, True),
        (dripping, (Delivered, Retry), True),
        (flooding, (Delivered, Retry), True),
    ],
)
def test_a_receiver_that_misbehaves_is_survived(
    name: str, behaviour: Callable[..., Awaitable[Any]], kind: Any, may_have_arrived: bool
) -> None:
    verdict, _ = _send(name, behaviour, seconds=0.5)
    assert isinstance(verdict, kind)
    assert getattr(verdict, "may_have_arrived", True) is may_have_arrived
    _tells_no_secret(verdict)


@every_channel
def test_a_receiver_that_is_not_there_has_not_got_it(name: str) -> None:
    async def run() -> Verdict:
        async with SafeHttp(LOOPBACK, seconds=5) as http:
            config = CONFIGS[name]("http://127.0.0.1:1" + PATH)
            return await Sender(http).send(name, config, compose("id", content("opened"), NOON, NOON), NOON)

    verdict = asyncio.run(run())
    assert isinstance(verdict, Retry)
    assert not verdict.may_have_arrived
    _tells_no_secret(verdict)


@every_channel
@pytest.mark.parametrize("kind", [kind for kind in AlertKind if kind != AlertKind.TEST])
def test_what_it_posts_is_well_formed(name: str, kind: str) -> None:
    _, (posted,) = _send(name, None, kind)
    assert posted.path == PATH
    assert posted.headers["content-type"].startswith("application/json")
    assert isinstance(json.loads(posted.body), dict)
    assert "daily-report" in posted.body.decode()
    if name == "webhook":
        Oracle(SIGNING).verify(posted.body, posted.headers)


@every_channel
def test_it_can_be_tried(name: str) -> None:
    async def run() -> Verdict:
        async with receiver() as one, SafeHttp(LOOPBACK) as http:
            config = CONFIGS[name](one.url + PATH)
            verdict = await Sender(http).send_test(name, config, IdMaker(), SystemClock().now())
            assert len(one.received) == 1
            return verdict

    assert asyncio.run(run()) == Delivered("HTTP 200: ok", 200)


@every_channel
@pytest.mark.parametrize(
    "url", ["http://hooks.example/x", "https://10.0.0.1/x", "https://u:p@hooks.example/", "nonsense", "", None, 7]
)
def test_a_bad_url_is_a_sentence(name: str, url: Any) -> None:
    with pytest.raises(BadConfigError, match=r"\.$"):
        PROVIDERS[name].validate(CONFIGS[name](url), [])


@every_channel
def test_what_is_shown_holds_no_secret(name: str) -> None:
    config = PROVIDERS[name].validate(CONFIGS[name]("https://hooks.example" + PATH), []).config
    shown = json.dumps(PROVIDERS[name].mask(config))
    assert "vErYsEcReT" not in shown
    assert SIGNING not in shown
    assert "https://hooks.example/" in shown


@pytest.mark.parametrize("name", [name for name, one in PROVIDERS.items() if one.is_read_by_people])
def test_what_several_incidents_share_is_well_formed(name: str) -> None:
    parts = [content("opened", f"Customer {number}") for number in range(30)]
    shared = {"kind": "opened", "at": "2026-01-05T12:00:00Z", "incidents": parts, "incidentCount": 40}
    shared["url"] = "https://tocsin.example/incidents"
    provider = PROVIDERS[name]
    config = CONFIGS[name]("https://hooks.example" + PATH)
    request = provider.request(config, compose("delivery-1", shared, NOON, NOON), NOON)
    for said in ("40 more incidents opened", "Customer 0", "and 20 more", "https://tocsin.example/incidents"):
        assert said in request.body.decode() or json.dumps(said)[1:-1] in request.body.decode()

"""What every channel has to do, whatever its provider: one table, run over the whole registry.

A channel that is added without a station in tests/support fails here.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web

from tests.support.alerting import NOON, content
from tests.support.postbox import Postbox, postbox, rude, silent
from tests.support.postbox import dripping as dripping_mail
from tests.support.postbox import flooding as flooding_mail
from tests.support.receiver import LOOPBACK, Receiver, answering, breaking_off, dripping, flooding, hanging, receiver
from tests.support.stations import STATIONS, Station, site
from tocsin.clock import SystemClock
from tocsin.delivery.apprise_process import AppriseProcess
from tocsin.delivery.channel import BadConfigError, Delivered, Refused, Retry, Verdict
from tocsin.delivery.channels import PROVIDERS, providers
from tocsin.delivery.message import Message, compose
from tocsin.delivery.safe_http import SafeHttp
from tocsin.delivery.safe_smtp import SafeSmtp
from tocsin.delivery.sender import Sender
from tocsin.domain.model import SECOND, AlertKind
from tocsin.smtp_server import SmtpServer

WEB = sorted(STATIONS)
#: Apprise follows redirects and tells no headers: those rows are not its.
PLAIN_WEB = [name for name in WEB if name != "apprise"]
KINDS = [kind.value for kind in AlertKind]
UGLY = "<!channel>\r\nBcc: x@y & [link](http://evil) \u202e" + "Ü" * 300


@dataclass
class Told:
    verdict: Verdict
    receiver: Receiver
    config: dict[str, Any]

    @property
    def detail(self) -> str:
        return self.verdict.detail


def _message(kind: str = "opened", **changes: Any) -> Message:
    if kind == AlertKind.TEST:
        return compose("delivery-1", {"kind": kind, "at": "2026-01-05T12:00:00Z"}, NOON, NOON)
    return compose("delivery-1", content(kind, "Acme", "Globex", **changes), NOON, NOON)


def tell(
    provider: str,
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None,
    *,
    message: Message | None = None,
    seconds: float = 10,
    allowed: Any = LOOPBACK,
) -> Told:
    """One attempt at a receiver that answers so; the provider's own yes, if nothing else is said."""
    station = STATIONS[provider]

    async def run() -> Told:
        async with receiver() as one, SafeHttp(allowed, seconds=seconds) as http:
            one.answer = answer or answering(*station.yes)
            config = PROVIDERS[provider].validate(station.config(one.url), LOOPBACK).config
            sender = Sender(http, providers(site(one.url)), apprise=AppriseProcess(allowed, seconds=seconds))
            return Told(await sender.send(provider, config, message or _message(), SystemClock().now()), one, config)

    return asyncio.run(run())


def tell_by_mail(
    prepare: Callable[[Postbox], None] = lambda _: None, message: Message | None = None, allowed: Any = LOOPBACK
) -> tuple[Verdict, Postbox]:
    async def run() -> tuple[Verdict, Postbox]:
        async with postbox() as box, SafeHttp() as http:
            prepare(box)
            smtp = SafeSmtp(SmtpServer("127.0.0.1", box.port, "offered"), allowed)
            sender = Sender(http, smtp=smtp)
            return await sender.send("email", {"to": ["ops@example.com"]}, message or _message(), NOON), box

    return asyncio.run(run())


def test_every_channel_has_its_station() -> None:
    assert {*STATIONS, "email"} == set(PROVIDERS)
    assert all(PROVIDERS[name].name == name for name in PROVIDERS)


# --- what is sent -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("provider", WEB)
def test_a_strict_receiver_takes_every_kind_of_alert(provider: str, kind: str) -> None:
    told = tell(provider, message=_message(kind))
    assert isinstance(told.verdict, Delivered), told.verdict
    (received,) = told.receiver.received
    STATIONS[provider].inspect(received)


def _huge() -> Message:
    """Names with everything in them, and as many as an alert may hold."""
    incident = {**content()["incident"], "jobName": UGLY, "jobKey": "j" * 100}
    job = {"jobKey": "j" * 100, "name": UGLY, "runbookUrl": "https://wiki.example/" + "r" * 1900, "tags": [UGLY] * 50}
    names = [f"{number}{UGLY}" for number in range(100)]
    return compose(
        "delivery-1",
        content("opened", *names, tenantCount=12_345, incident=incident, job=job, reason=UGLY * 30),
        NOON,
        NOON + 7200 * SECOND,
    )


@pytest.mark.parametrize("provider", WEB)
def test_limits_are_kept_whatever_the_names(provider: str) -> None:
    told = tell(provider, message=_huge())
    assert isinstance(told.verdict, Delivered), told.verdict
    STATIONS[provider].inspect(told.receiver.received[0])


def _of_an_integration() -> Message:
    incident = {**content()["incident"], "kind": "integration", "integrationKey": "payments", "jobKey": None}
    incident |= {"jobName": None, "patternId": "auth_failure", "patternName": "Auth failure", "confidence": "High"}
    return compose("delivery-1", content("opened", "Acme", incident=incident, job=None, missedRuns=0), NOON, NOON)


@pytest.mark.parametrize("provider", WEB)
def test_an_incident_of_an_integration_can_be_told(provider: str) -> None:
    told = tell(provider, message=_of_an_integration())
    assert isinstance(told.verdict, Delivered), told.verdict
    assert b"payments" in told.receiver.received[0].body


@pytest.mark.parametrize("message", [*map(_message, KINDS), _huge(), _of_an_integration()])
def test_a_mail_server_takes_every_kind_of_alert(message: Message) -> None:
    verdict, box = tell_by_mail(message=message)
    assert isinstance(verdict, Delivered), verdict
    assert max(map(len, box.content().split(b"\r\n"))) <= 998
    mail = box.parsed()
    assert mail["Auto-Submitted"] == "auto-generated"
    assert set(mail.keys()) <= {
        "From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Auto-Submitted",
        "X-Auto-Response-Suppress", "MIME-Version", "Content-Type", "X-Peer", "X-MailFrom", "X-RcptTo",
    }  # fmt: skip


# --- what is answered -------------------------------------------------------------------------------------------------

#: (HTTP status, what it means for any channel)
STATUSES = [
    (400, Refused),
    (401, Refused),
    (402, Refused),
    (403, Refused),
    (404, Refused),
    (405, Refused),
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
]


@pytest.mark.parametrize(("status", "kind"), STATUSES)
@pytest.mark.parametrize("provider", WEB)
def test_a_status_means_the_same_everywhere(provider: str, status: int, kind: type) -> None:
    verdict = tell(provider, answering(status, "no")).verdict
    assert isinstance(verdict, kind), verdict
    assert verdict.status == status
    if isinstance(verdict, Retry):
        assert verdict.may_have_arrived == (status >= 500)


@pytest.mark.parametrize("provider", PLAIN_WEB)
def test_retry_after_is_obeyed(provider: str) -> None:
    verdict = tell(provider, answering(429, "", {"Retry-After": "17"})).verdict
    assert isinstance(verdict, Retry)
    assert verdict.after == 17 * SECOND


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("provider", PLAIN_WEB)
def test_redirects_are_not_followed(provider: str, status: int) -> None:
    told = tell(provider, answering(status, "", {"Location": "/elsewhere"}))
    assert isinstance(told.verdict, Refused)
    assert told.verdict.reason == "redirected"
    assert len(told.receiver.received) == 1


@pytest.mark.parametrize(
    ("replies", "kind"),
    [
        ({}, Delivered),
        ({"MAIL": "421 busy"}, Retry),
        ({"MAIL": "553 not you"}, Refused),
        ({"ops@example.com": "450 greylisted"}, Retry),
        ({"ops@example.com": "550 nobody"}, Refused),
        ({"DATA": "451 later"}, Retry),
        ({"DATA": "552 too large"}, Refused),
    ],
)
def test_the_mail_servers_codes_decide(replies: dict[str, str], kind: type) -> None:
    verdict, _ = tell_by_mail(lambda box: box.replies.update(replies))
    assert isinstance(verdict, kind), verdict
    assert verdict.detail.startswith("SMTP ")
    assert verdict.status == (int(next(iter(replies.values()))[:3]) if replies else 250)


# --- receivers that misbehave -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", WEB)
def test_a_receiver_that_hangs_may_have_got_it(provider: str) -> None:
    verdict = tell(provider, hanging, seconds=2).verdict
    assert isinstance(verdict, Retry)
    assert (verdict.reason, verdict.may_have_arrived) == ("timeout", True)


@pytest.mark.parametrize("provider", WEB)
def test_a_receiver_that_breaks_off_may_have_got_it(provider: str) -> None:
    verdict = tell(provider, breaking_off).verdict
    assert isinstance(verdict, Retry)
    assert verdict.may_have_arrived


@pytest.mark.parametrize("answer", [dripping, flooding])
@pytest.mark.parametrize("provider", WEB)
def test_an_answer_without_end_ends(provider: str, answer: Any) -> None:
    """Nobody waits for it, or holds it in memory; whether its status counted, the provider says."""
    assert tell(provider, answer, seconds=2).detail.isprintable()


@pytest.mark.parametrize("talk", [silent, dripping_mail, flooding_mail])
def test_a_mail_server_without_end_ends(talk: Any) -> None:
    async def run() -> Verdict:
        async with rude(talk) as port, SafeHttp() as http:
            smtp = SafeSmtp(SmtpServer("127.0.0.1", port, "offered"), LOOPBACK, seconds=1)
            return await Sender(http, smtp=smtp).send("email", {"to": ["ops@example.com"]}, _message(), NOON)

    verdict = asyncio.run(run())
    assert isinstance(verdict, Retry)
    assert not verdict.may_have_arrived


@pytest.mark.parametrize("provider", WEB)
def test_a_receiver_that_is_not_there_has_not_got_it(provider: str) -> None:
    async def run() -> Verdict:
        url = "http://127.0.0.1:1"
        async with SafeHttp(LOOPBACK) as http:
            sender = Sender(http, providers(site(url)), apprise=AppriseProcess(LOOPBACK))
            return await sender.send(provider, STATIONS[provider].config(url), _message(), NOON)

    verdict = asyncio.run(run())
    assert isinstance(verdict, Retry)
    _holds_none(STATIONS[provider], str(verdict))
    if provider != "apprise":  # which only says that a connection was tried
        assert not verdict.may_have_arrived


@pytest.mark.parametrize("provider", WEB)
def test_a_private_address_is_not_reached(provider: str) -> None:
    told = tell(provider, allowed=[])
    assert not isinstance(told.verdict, Delivered)
    assert told.verdict.reason == "destination_refused"
    assert "TOCSIN_ALLOW_DESTINATIONS" in told.detail
    assert told.receiver.received == []


def test_nor_is_a_mail_server_there() -> None:
    verdict, box = tell_by_mail(allowed=[])
    assert isinstance(verdict, Retry)
    assert (verdict.reason, box.mails) == ("destination_refused", [])


# --- secrets ----------------------------------------------------------------------------------------------------------


async def _parrot(request: web.Request) -> web.StreamResponse:
    """Says back everything it was told."""
    heard = f"{request.raw_path} {list(request.headers.items())} {await request.text()}"
    return web.Response(status=400, text=heard[:300], reason=heard.replace("\r", "").replace("\n", "")[:200])


async def _long_winded(request: web.Request) -> web.StreamResponse:
    """Says enough for its words to be cut where a secret stands: what remains of it must not be told either."""
    return web.Response(status=400, text="no " * 57 + f"{request.raw_path} {await request.text()}")


@pytest.mark.parametrize(
    "answer", [_long_winded, _parrot, breaking_off, answering(302, "", {"Location": "/x"}), answering(500, "")]
)
@pytest.mark.parametrize("provider", WEB)
def test_no_verdict_holds_a_secret(provider: str, answer: Any) -> None:
    told = tell(provider, answer)
    assert not isinstance(told.verdict, Delivered)
    _holds_none(STATIONS[provider], str(told.verdict))


@pytest.mark.parametrize("provider", WEB)
def test_no_mask_shows_a_secret(provider: str) -> None:
    station = STATIONS[provider]
    config = PROVIDERS[provider].validate(station.config("https://receiver.example"), []).config
    masked = PROVIDERS[provider].mask(config)
    assert set(masked) == set(config)
    _holds_none(station, str(masked))


def _holds_none(station: Station, text: str) -> None:
    for secret in station.secrets:
        pieces = {secret[start : start + 8] for start in range(len(secret) - 8)}
        assert [piece for piece in pieces if piece in text] == []


# --- configs ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
def test_a_config_survives_being_kept(provider: str) -> None:
    """What is accepted is accepted again, unchanged: a channel can be set to what it was."""
    station = STATIONS.get(provider)
    given = station.config("https://receiver.example") if station else {"to": ["ops@example.com"]}
    once = PROVIDERS[provider].validate({**given, "unknown": 1}, [])
    assert "unknown" not in once.config
    assert PROVIDERS[provider].validate(once.config, [], once.config).config == once.config


@pytest.mark.parametrize(
    "url", ["http://hooks.example/x", "https://10.0.0.1/x", "https://u:p@hooks.example/", "nonsense", "", None, 7]
)
@pytest.mark.parametrize(("provider", "name"), [("slack", "webhookUrl"), ("teams", "webhookUrl"), ("webhook", "url")])
def test_a_bad_url_is_a_sentence(provider: str, name: str, url: Any) -> None:
    with pytest.raises(BadConfigError, match=rf"^{name}\b.*\.$"):
        PROVIDERS[provider].validate({name: url}, [])

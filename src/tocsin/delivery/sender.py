"""One message to one receiver, and what came of it: never an exception for what the other side does."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from email.utils import parseaddr
from typing import Any, Protocol

from tocsin.clock import Clock
from tocsin.delivery.apprise_process import AppriseProcess
from tocsin.delivery.channel import (
    Answer,
    Config,
    Mail,
    NoAnswer,
    Notification,
    Outbound,
    OutboundRequest,
    Provider,
    Refused,
    Retry,
    Site,
    Verdict,
    one_line,
)
from tocsin.delivery.channels import PROVIDERS, providers
from tocsin.delivery.channels.email import plain_mail
from tocsin.delivery.message import Message, compose
from tocsin.delivery.safe_http import SafeHttp
from tocsin.delivery.safe_smtp import SafeSmtp
from tocsin.domain.ids import IdMaker, to_uuid
from tocsin.domain.model import AlertKind
from tocsin.smtp_server import parse_smtp_url
from tocsin.wire_time import iso

#: A secret shorter than this is no secret, and taking it out would maul the sentence.
_LEAST_SECRET = 6
_DETAIL_LIMIT = 300

#: Is told of every attempt: (provider, verdict).
OnVerdict = Callable[[str, Verdict], None]


class Http(Protocol):
    async def post(self, request: OutboundRequest) -> Answer | NoAnswer: ...


class Smtp(Protocol):
    async def send(self, mail: Mail) -> Answer | NoAnswer: ...


class Notifier(Protocol):
    async def notify(self, notification: Notification) -> Answer | NoAnswer: ...


class Sender:
    """Sends by whatever provider a channel has, on the way its kind of message takes."""

    def __init__(
        self,
        http: Http,
        providers: Mapping[str, Provider] = PROVIDERS,
        *,
        smtp: Smtp | None = None,
        apprise: Notifier | None = None,
        on_verdict: OnVerdict = lambda _provider, _verdict: None,
    ) -> None:
        self._http = http
        self._smtp = smtp or SafeSmtp(None)
        self._apprise = apprise or AppriseProcess()
        self._on_verdict = on_verdict
        self.providers = providers

    async def send(self, provider_name: str, config: Config, message: Message, now: int) -> Verdict:
        """`now` in microseconds dates the signature and a `Retry-After`."""
        verdict = await self._attempt(provider_name, config, message, now)
        self._on_verdict(provider_name, verdict)
        return verdict

    async def _attempt(self, provider_name: str, config: Config, message: Message, now: int) -> Verdict:
        provider = self.providers.get(provider_name)
        if provider is None:
            return Retry("unknown_provider", f"This node knows no channel {provider_name}.", may_have_arrived=False)
        answer = await self._carry(provider.request(config, message, now))
        secrets = provider.secrets(config)
        if isinstance(answer, NoAnswer):
            return _unanswered(answer._replace(detail=one_line(_without(secrets, answer.detail), _DETAIL_LIMIT)))
        return provider.judge(config, answer._replace(body=_without(secrets, answer.body)), now)

    async def send_test(self, provider_name: str, config: Config, ids: IdMaker, now: int) -> Verdict:
        """Sends a test alert, once."""
        content: dict[str, Any] = {"kind": AlertKind.TEST, "at": iso(now)}
        return await self.send(provider_name, config, compose(to_uuid(ids.new(now)), content, now, now), now)

    async def _carry(self, outbound: Outbound) -> Answer | NoAnswer:
        match outbound:
            case OutboundRequest():
                return await self._http.post(outbound)
            case Mail():
                return await self._smtp.send(outbound)
            case Notification():
                return await self._apprise.notify(outbound)


@asynccontextmanager
async def open_sender(site: Site, on_verdict: OnVerdict = lambda _provider, _verdict: None) -> AsyncIterator[Sender]:
    """A sender with every way out that the operator's settings allow."""
    async with SafeHttp(site.allowed) as http:
        yield Sender(
            http, providers(site), smtp=mail_way(site), apprise=AppriseProcess(site.allowed), on_verdict=on_verdict
        )


def mail_way(site: Site) -> SafeSmtp:
    """Greets with the domain that mail comes from: it is a name a mail server has reason to believe."""
    server = parse_smtp_url(site.smtp_url) if site.smtp_url else None
    return SafeSmtp(server, site.allowed, hello=parseaddr(site.mail_from)[1].rpartition("@")[2])


def blocking_test_sender(site: Site, clock: Clock, ids: IdMaker) -> Callable[[str, Config], Verdict]:
    """A function that sends a test alert from a thread: (provider, config) → verdict. Takes at most 30 s."""

    async def send(provider: str, config: Config) -> Verdict:
        async with open_sender(site) as sender:
            return await sender.send_test(provider, config, ids, clock.now())

    return lambda provider, config: asyncio.run(send(provider, config))


def blocking_mail_sender(site: Site, clock: Clock) -> Callable[[str, str, str], bool] | None:
    """A function that sends a plain mail from a thread: (to, subject, text) → whether the server took it; None where
    the operator has set no mail server."""
    if not site.smtp_url:
        return None
    way = mail_way(site)

    def send(to: str, subject: str, text: str) -> bool:
        mail = plain_mail(site.mail_from, to, subject, text, clock.now())
        answer = asyncio.run(way.send(mail)) if mail is not None else None
        return isinstance(answer, Answer) and 200 <= answer.status < 300

    return send


def blocking_objection(site: Site) -> Callable[[str, Config], str]:
    """A function to be called from a thread: (provider, accepted config) → field and sentence, or nothing.

    It is for what no look at the text tells: only Apprise knows its own URLs, and it takes a second to ask.
    """
    process = AppriseProcess(site.allowed)

    def objection(provider: str, config: Config) -> str:
        said = asyncio.run(process.objection(config["url"])) if provider == "apprise" else ""
        return said and f"url: {said}"

    return objection


def _unanswered(answer: NoAnswer) -> Verdict:
    if answer.is_permanent:
        return Refused(answer.reason, answer.detail)
    return Retry(answer.reason, answer.detail, answer.may_have_arrived)


def _without(secrets: Sequence[str], text: str) -> str:
    """What a receiver says may repeat what it was sent to; the longest go first, as one may hold another."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _LEAST_SECRET:
            text = text.replace(secret, "***")
    return text

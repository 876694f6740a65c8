"""One message to one receiver, and what came of it: never an exception for what the other side does."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from tocsin.clock import Clock
from tocsin.delivery.channel import (
    Answer,
    Config,
    NoAnswer,
    OutboundRequest,
    Provider,
    Refused,
    Retry,
    Verdict,
)
from tocsin.delivery.channels import PROVIDERS
from tocsin.delivery.destinations import Network
from tocsin.delivery.message import Message, compose
from tocsin.delivery.safe_http import SafeHttp
from tocsin.domain.ids import IdMaker, to_uuid
from tocsin.domain.model import AlertKind
from tocsin.wire_time import iso

#: A secret shorter than this is no secret, and taking it out would maul the sentence.
_LEAST_SECRET = 6


class Http(Protocol):
    async def post(self, request: OutboundRequest) -> Answer | NoAnswer: ...


class Sender:
    """Sends by whatever provider a channel has."""

    def __init__(self, http: Http, providers: Mapping[str, Provider] = PROVIDERS) -> None:
        self._http = http
        self.providers = providers

    async def send(self, provider_name: str, config: Config, message: Message, now: int) -> Verdict:
        """`now` in microseconds dates the signature and a `Retry-After`."""
        provider = self.providers.get(provider_name)
        if provider is None:
            return Retry("unknown_provider", f"This node knows no channel {provider_name}.", may_have_arrived=False)
        answer = await self._http.post(provider.request(config, message, now))
        if isinstance(answer, NoAnswer):
            return _unanswered(answer)
        return provider.judge(config, answer._replace(body=_without(provider.secrets(config), answer.body)), now)

    async def send_test(self, provider_name: str, config: Config, ids: IdMaker, now: int) -> Verdict:
        """Sends a test alert, once."""
        content: dict[str, Any] = {"kind": AlertKind.TEST, "at": iso(now)}
        return await self.send(provider_name, config, compose(to_uuid(ids.new(now)), content, now, now), now)


def blocking_test_sender(allowed: Sequence[Network], clock: Clock, ids: IdMaker) -> Callable[[str, Config], Verdict]:
    """A function that sends a test alert from a thread: (provider, config) → verdict. Takes at most 30 s."""

    async def send(provider: str, config: Config) -> Verdict:
        async with SafeHttp(allowed) as http:
            return await Sender(http).send_test(provider, config, ids, clock.now())

    return lambda provider, config: asyncio.run(send(provider, config))


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

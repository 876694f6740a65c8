"""The only way out: one POST to an address that was checked when it was dialled.

Every record of the host is checked, one bad record refuses all, and the socket itself is made only for a checked
address, so neither a literal nor a name that changes between look-up and call gets past. No redirects, no proxy, no
cookies, no compressed answers, 30 s overall.
"""

import asyncio
import socket
from collections.abc import Sequence
from contextlib import suppress
from types import SimpleNamespace, TracebackType
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from tocsin.delivery.addresses import AddressInfo, LookUp, look_up_checked, system_look_up
from tocsin.delivery.channel import Answer, NoAnswer, OutboundRequest
from tocsin.delivery.destinations import BadDestinationError, Network, check_address, parse_destination

OVERALL_SECONDS = 30.0
ANSWER_LIMIT = 64 * 1024


class SafeHttp:
    """An outbound client; `async with` it in the loop that uses it."""

    def __init__(
        self,
        allowed: Sequence[Network] = (),
        *,
        seconds: float = OVERALL_SECONDS,
        look_up: LookUp = system_look_up,
    ) -> None:
        self.allowed = allowed
        self._seconds = seconds
        self._look_up = look_up
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def __aenter__(self) -> Self:
        self._sessions = {is_https: self._session(is_https=is_https) for is_https in (True, False)}
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        for session in self._sessions.values():
            await session.close()

    async def post(self, request: OutboundRequest) -> Answer | NoAnswer:
        """Posts once. Never raises for what the other side does; nothing returned holds the URL."""
        try:
            destination = parse_destination(request.url, self.allowed)
        except BadDestinationError as error:
            return NoAnswer("destination_refused", str(error), may_have_arrived=False, is_permanent=True)
        progress = SimpleNamespace(is_sent=False)
        try:
            async with asyncio.timeout(self._seconds) as limit:
                return await self._exchange(self._sessions[destination.is_https], request, progress, limit)
        except (aiohttp.ClientError, BadDestinationError, OSError, ValueError) as error:
            return _no_answer(error, self._seconds, is_sent=progress.is_sent)

    def _session(self, *, is_https: bool) -> aiohttp.ClientSession:
        def guarded_socket(info: AddressInfo) -> socket.socket:
            check_address(info[4][0], self.allowed, is_https=is_https)
            made = socket.socket(info[0], info[1], info[2])
            made.setblocking(False)
            return made

        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=_CheckedResolver(self._look_up, self.allowed, is_https=is_https),
                socket_factory=guarded_socket,
                use_dns_cache=False,
                force_close=True,  # a kept connection would be one dialled under yesterday's records
                limit=0,
            ),
            timeout=aiohttp.ClientTimeout(total=None),  # the limit around the whole exchange is ours
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            trace_configs=[_sent_marker()],
        )

    async def _exchange(
        self,
        session: aiohttp.ClientSession,
        request: OutboundRequest,
        progress: SimpleNamespace,
        limit: asyncio.Timeout,
    ) -> Answer:
        headers = {"User-Agent": "Tocsin", "Accept-Encoding": "identity", **request.headers}
        url = URL(request.url, encoded=True)  # byte for byte: signatures in a query do not survive normalising
        async with session.post(
            url, data=request.body, headers=headers, allow_redirects=False, trace_request_ctx=progress
        ) as response:
            body = await _read(response, limit)
            return Answer(
                response.status,
                {name.lower(): value for name, value in response.headers.items()},
                body.decode("utf-8", "replace"),
            )


async def _read(response: aiohttp.ClientResponse, limit: asyncio.Timeout) -> bytes:
    """The answer's first 64 KiB. The status has been said: a body that then drips or breaks off changes nothing."""
    body = bytearray()
    loop = asyncio.get_running_loop()
    # A little before the limit of the whole exchange, which would forget the status.
    deadline = (limit.when() or loop.time()) - 0.05
    with suppress(TimeoutError, aiohttp.ClientError):
        async with asyncio.timeout_at(deadline):
            async for part in response.content.iter_chunked(8 * 1024):
                body += part
                if len(body) >= ANSWER_LIMIT:
                    break
    return bytes(body[:ANSWER_LIMIT])


def _sent_marker() -> aiohttp.TraceConfig:
    """Notes the moment from which a request may have arrived."""
    trace = aiohttp.TraceConfig()

    async def mark(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
        context.trace_request_ctx.is_sent = True

    trace.on_request_headers_sent.append(mark)
    return trace


def _no_answer(error: Exception, seconds: float, *, is_sent: bool) -> NoAnswer:
    """Our own words for what went wrong: the client's may hold the URL."""
    if isinstance(error, aiohttp.InvalidURL):
        return NoAnswer("destination_refused", "The URL cannot be used.", may_have_arrived=False, is_permanent=True)
    match error:
        case BadDestinationError():  # not for good: a name may stand for something else in a minute
            reason, detail = "destination_refused", str(error)
        case TimeoutError():
            reason, detail = "timeout", f"No answer within {seconds:g} s."
        case aiohttp.ClientConnectorDNSError():
            reason, detail = "host_not_found", "The receiver's host name has no address."
        case aiohttp.ClientSSLError():
            reason, detail = "tls_failed", "The receiver's TLS certificate was not accepted."
        case _ if is_sent:
            reason, detail = "no_answer", "The receiver closed the connection without a readable answer."
        case _:
            reason, detail = "connection_failed", "The receiver could not be connected to."
    return NoAnswer(reason, detail, may_have_arrived=is_sent)


class _CheckedResolver(AbstractResolver):
    """Looks a host up, and refuses it whole where one of its records is bad."""

    def __init__(self, look_up: LookUp, allowed: Sequence[Network], *, is_https: bool) -> None:
        self._look_up = look_up
        self._allowed = allowed
        self._is_https = is_https

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        def check(address: str) -> None:
            check_address(address, self._allowed, is_https=self._is_https)

        records = await look_up_checked(self._look_up, check, host, port, family)
        return [
            ResolveResult(
                hostname=host,
                host=record[4][0],
                port=port,
                family=record[0],
                proto=record[2],
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for record in records
        ]

    async def close(self) -> None:
        """Nothing is held."""

"""The routes of PingGuard's pings: whoever holds the slug may ping."""

from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tocsin.application.errors import ErrorCode, Refused, not_found, rate_limited, too_large
from tocsin.application.record import Outcome
from tocsin.application.record_check_ins import Receipt, Submission
from tocsin.clock import Clock
from tocsin.domain.model import SECOND
from tocsin.ingest.addresses import Addresses
from tocsin.ingest.guesses import Guesses
from tocsin.ingest.protocols import pingguard as wire
from tocsin.ingest.protocols.pingguard import Ping
from tocsin.ingest.recorder import Recorder
from tocsin.request_body import TooLargeError, read_body
from tocsin.store.pinging import Pinged

#: So many slugs that do not exist one network address may ask for in a minute.
MISSES_A_MINUTE = 20
METHODS = ("GET", "HEAD", "POST")
_TEXT = [
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"access-control-allow-origin", b"*"),
]
_JSON = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]


class PingEndpoint:
    """ASGI app of everything below `/p/`."""

    def __init__(self, recorder: Recorder, addresses: Addresses, clock: Clock) -> None:
        self._recorder = recorder
        self._addresses = addresses
        self._clock = clock
        self._guesses = Guesses(MISSES_A_MINUTE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._record(scope, receive)
            status, body, headers = 200, b"OK", list(_TEXT)
        except Refused as refusal:
            status, body = wire.refused(refusal)
            headers = list(_JSON)
            if refusal.retry_after is not None:
                headers.append((b"retry-after", str(refusal.retry_after).encode()))
            if status == 405:
                headers.append((b"allow", ", ".join(METHODS).encode()))
        # The body of an answer to HEAD is not sent, but its length is told.
        headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _record(self, scope: Scope, receive: Receive) -> None:
        if scope["method"] not in METHODS:
            raise Refused(405, ErrorCode.VALIDATION, "This address does not know this method.")
        ping = wire.decode_ping(scope["path_params"]["address"], scope["query_string"].decode("latin-1"))
        if ping is None:
            raise not_found("Monitor")
        job = await self._job(scope, ping)
        if ping.problem:
            raise wire.wrong(ping.problem)
        try:
            body = await read_body(scope, receive, wire.PING_BODY_LIMIT)
        except TooLargeError:
            raise too_large("The body is larger than 2.5 MB.") from None
        outcome = await self._submit(ping, job, body)
        if isinstance(outcome, Refused) and outcome.error_code is ErrorCode.NOT_FOUND:  # renamed meanwhile, or deleted
            self._addresses.forget_job(ping.slug)
            outcome = await self._submit(ping, await self._job(scope, ping), body)
        if not isinstance(outcome, Receipt):
            raise outcome if isinstance(outcome, Refused) else TypeError(f"no answer to a ping: {outcome!r}")

    async def _job(self, scope: Scope, ping: Ping) -> Pinged:
        """The job that the slug leads to; raises `Refused` where there is none, or too much was guessed."""
        address = scope["client"][0] if scope.get("client") else ""
        wait = self._guesses.wait(address, ping.slug, self._clock.now())
        if wait:
            raise rate_limited(-(-wait // SECOND))
        job = await self._addresses.job_of_slug(ping.slug)
        if job is None:
            self._guesses.was_wrong(address, ping.slug, self._clock.now())
            raise not_found("Monitor")
        self._guesses.was_right(address, ping.slug)
        return job

    async def _submit(self, ping: Ping, job: Pinged, body: bytes) -> Outcome:
        _, outcome = await self._recorder.submit(Submission(wire.to_check_in(ping, *job, body)))
        return outcome


def routes(recorder: Recorder, addresses: Addresses, clock: Clock) -> list[Route]:
    return [Route("/p/{address:path}", PingEndpoint(recorder, addresses, clock))]

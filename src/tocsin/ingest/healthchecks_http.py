"""The routes of Healthchecks pings: whoever holds the address may ping."""

from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tocsin.application.errors import ErrorCode, Refused
from tocsin.application.record import Outcome
from tocsin.application.record_check_ins import Receipt, Submission
from tocsin.ingest.addresses import Addresses
from tocsin.ingest.protocols import healthchecks as wire
from tocsin.ingest.protocols.healthchecks import Answer, Ping
from tocsin.ingest.recorder import Recorder
from tocsin.request_body import TooLargeError, read_body
from tocsin.store.pinging import Pinged


class HealthchecksEndpoint:
    """ASGI app of everything below `/ping/`."""

    def __init__(self, recorder: Recorder, addresses: Addresses) -> None:
        self._recorder = recorder
        self._addresses = addresses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = await self._answer(scope, receive)
        except Refused as refusal:
            answer = wire.refused(refusal)
        # The body of an answer to HEAD is not sent, but its length is told.
        headers = [*answer.headers, (b"content-length", str(len(answer.body)).encode())]
        if answer.status == 204:
            headers = answer.headers
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer.body})

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        if scope["method"] == "OPTIONS":
            return wire.preflight()
        ping = wire.decode(scope["path_params"]["address"], scope["query_string"].decode("latin-1"))
        if isinstance(ping, Answer):
            return ping
        job = await self._job(ping)
        if job is None:
            return wire.not_found()
        if ping.problem:
            return wire.malformed(ping.problem)
        try:
            body = await read_body(scope, receive, wire.BODY_LIMIT)
        except TooLargeError:
            return wire.malformed("the body is too large")
        return await self._record(ping, job, body)

    async def _job(self, ping: Ping) -> Pinged | None:
        if ping.uuid is not None:
            return await self._addresses.job_of_uuid(ping.uuid)
        workspace_id = await self._addresses.workspace_of_key(ping.key or "")
        return None if workspace_id is None else Pinged(workspace_id, ping.slug or "")

    async def _record(self, ping: Ping, job: Pinged, body: bytes) -> Answer:
        outcome = await self._submit(ping, job, body)
        if not _is_missing(outcome):
            return _worded(outcome)
        if ping.uuid is None:
            return _worded(outcome)
        self._addresses.forget_job(ping.uuid)  # renamed in the meantime, or deleted
        again = await self._job(ping)
        return _worded(outcome if again is None else await self._submit(ping, again, body))

    async def _submit(self, ping: Ping, job: Pinged, body: bytes) -> Outcome:
        check_in = wire.to_check_in(ping, *job, body)
        _, outcome = await self._recorder.submit(Submission(check_in, terms=wire.NEW_JOB if ping.may_create else None))
        return outcome


def _is_missing(outcome: Outcome) -> bool:
    return isinstance(outcome, Refused) and outcome.error_code is ErrorCode.NOT_FOUND


def _worded(outcome: Outcome) -> Answer:
    if not isinstance(outcome, Receipt | Refused):
        raise TypeError(f"a ping cannot be answered while it is {outcome!r}")
    return wire.encode(outcome)


def routes(recorder: Recorder, addresses: Addresses) -> list[Route]:
    """`/ping/…`, of any method: what is no OPTIONS is a ping."""
    return [Route("/ping/{address:path}", HealthchecksEndpoint(recorder, addresses))]

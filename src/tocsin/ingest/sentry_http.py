"""Sentry's two endpoints for cron check-ins: the envelope that SDKs send, and the one for curl."""

import asyncio
import json
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import parse_qsl
from uuid import uuid4

from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tocsin.application.errors import ErrorCode, Refused, forbidden
from tocsin.application.record import Outcome
from tocsin.application.record_check_ins import Submission
from tocsin.application.terms import Rejected
from tocsin.clock import Clock
from tocsin.domain.model import SECOND
from tocsin.domain.reason import Reason
from tocsin.ingest import sentry_envelope
from tocsin.ingest.inflate import BadEncodingError, inflate
from tocsin.ingest.lookup import ask
from tocsin.ingest.protocols import sentry as wire
from tocsin.ingest.protocols.sentry import Decoded
from tocsin.ingest.rate import Rate
from tocsin.ingest.recorder import Recorder
from tocsin.ingest.sentry_envelope import ENVELOPE_LIMIT, ITEM_LIMIT, BadEnvelopeError
from tocsin.request_body import TooLargeError, header, read_body
from tocsin.store import sentry_keys
from tocsin.store.engine import Store

#: More than this is inflated and read by another thread, so that nobody else waits for it.
_LARGE = 64 * 1024
_MOST_KEYS = 50_000
_JSON = (b"content-type", b"application/json")


class Answer(NamedTuple):
    status: int
    body: bytes
    headers: Sequence[tuple[bytes, bytes]] = (_JSON,)


class Projects:
    """Which keys open which projects. A key seen once is remembered: whether it still holds, each commit asks anew."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[tuple[str, str], int] = {}

    async def find(self, project: str, key: str) -> int | None:
        """The workspace whose DSN has this project and key."""
        known = self._known.get((project, key))
        if known is not None:
            return known
        if not (project.isascii() and project.isdecimal() and len(project) <= 18):
            return None
        return await ask(self._look_up, project, key)

    def forget(self, project: str, key: str) -> None:
        self._known.pop((project, key), None)

    def _look_up(self, project: str, key: str) -> int | None:
        workspace_id = int(project)
        with self._store.read() as connection:
            found = sentry_keys.keys_of(connection, [workspace_id]).get(workspace_id)
        if found is None or found != key:
            return None
        if len(self._known) >= _MOST_KEYS:
            self._known.clear()
        self._known[project, key] = workspace_id
        return workspace_id


class _Endpoint:
    """What both have in common: who sends, how often, the wait for the commit, and how refusals are worded."""

    methods: Sequence[str] = ("POST",)

    def __init__(self, recorder: Recorder, projects: Projects, rate: Rate, clock: Clock) -> None:
        self._recorder = recorder
        self._projects = projects
        self._rate = rate
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in self.methods:
            answer = _failure(405, "This address does not know this method.")
        else:
            try:
                answer = await self._answer(scope, receive)
            except TooLargeError:
                answer = _failure(413, "The envelope, or an item of it, is too large.")
            except (BadEncodingError, BadEnvelopeError) as error:
                answer = _failure(400, str(error))
            except Refused as refusal:
                answer = _refusal(refusal)
        headers = [*answer.headers, (b"content-length", str(len(answer.body)).encode())]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        raise TypeError("which endpoint this is, its class says")

    async def _workspace(self, scope: Scope, key: str | None) -> tuple[int, str]:
        project: str = scope["path_params"]["project"]
        workspace_id = await self._projects.find(project, key) if key else None
        if workspace_id is None or key is None:
            raise forbidden("There is no project with this number and key.")
        return workspace_id, key

    async def _record(self, scope: Scope, everything: Sequence[Decoded]) -> int:
        """Commit them all; how many microseconds the sender should wait because of its rate, or 0."""
        longest, waiting = 0, []
        for decoded in everything:
            check_in, terms = decoded
            if terms.rejected is None:
                key = (check_in.workspace_id, check_in.job_key, check_in.environment)
                wait = self._rate.wait(key, self._clock.now())
                if wait:
                    longest = max(longest, wait)
                    terms = terms._replace(wish=None, rejected=_too_many(check_in.job_key, check_in.environment))
            waiting.append(self._recorder.submit(Submission(check_in, terms=terms)))
        for _, outcome in await asyncio.gather(*waiting):
            self._judge(scope, everything, outcome)
        return longest

    def _judge(self, scope: Scope, everything: Sequence[Decoded], outcome: Outcome) -> None:
        """What was dropped is kept for the workspace to see; only what could not even be kept is told the sender."""
        if not isinstance(outcome, Refused) or isinstance(outcome, Rejected):
            return
        if outcome.status == 403:
            self._projects.forget(scope["path_params"]["project"], everything[0].terms.dsn_key or "")
            raise outcome
        if outcome.status >= 500:
            raise outcome


class EnvelopeEndpoint(_Endpoint):
    """`POST /api/{project}/envelope/`."""

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        key = wire.public_key(header(scope, b"x-sentry-auth").decode("latin-1"), query.get("sentry_key"))
        workspace_id, key = await self._workspace(scope, key)
        body = await read_body(scope, receive, ENVELOPE_LIMIT)
        encoding = header(scope, b"content-encoding").decode("latin-1")
        if len(body) > _LARGE or (encoding and len(body) > _LARGE // 16):
            event_id, everything = await asyncio.to_thread(_read, body, encoding, workspace_id, key)
        else:
            event_id, everything = _read(body, encoding, workspace_id, key)
        wait = await self._record(scope, everything) if everything else 0
        if wait:
            raise Refused(429, ErrorCode.RATE_LIMITED, "The monitor checks in too often.", max(-(-wait // SECOND), 1))
        return Answer(200, json.dumps({"id": event_id or uuid4().hex}).encode())


class CronEndpoint(_Endpoint):
    """`GET|POST /api/{project}/cron/{slug}/{key}/`."""

    methods = ("GET", "POST", "HEAD")

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        workspace_id, key = await self._workspace(scope, scope["path_params"]["key"])
        slug: str = scope["path_params"]["slug"]
        body = await read_body(scope, receive, ENVELOPE_LIMIT)
        is_json = header(scope, b"content-type").partition(b";")[0].strip().lower() == b"application/json"
        if is_json and scope["method"] == "POST":
            text = inflate(body, header(scope, b"content-encoding").decode("latin-1"), ITEM_LIMIT)
            decoded = wire.decode(text, workspace_id, key, slug)
        else:
            query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
            decoded = wire.decode_query(query, workspace_id, key, slug)
        await self._record(scope, [decoded])
        return Answer(202, b"", ())


def _too_many(slug: str, environment: str) -> Rejected:
    return Rejected(Reason.TOO_MANY_CHECK_INS, f"{slug} checks in too often in {environment}.")


def _read(body: bytes, encoding: str, workspace_id: int, key: str) -> tuple[str | None, list[Decoded]]:
    envelope = sentry_envelope.parse(inflate(body, encoding, ENVELOPE_LIMIT))
    items = [item for item in envelope.items if item.kind == "check_in"]
    return envelope.event_id, [wire.decode(item.payload, workspace_id, key) for item in items]


def _refusal(refusal: Refused) -> Answer:
    """A queue that is full, or a database that is away, is 429 here: sentry-cli holds the user's job back for a 503."""
    if refusal.status != 429 and refusal.status < 500:
        return _failure(refusal.status, refusal.message)
    seconds = str(refusal.retry_after or 1)
    answer = _failure(429, refusal.message)
    limits = f"{seconds}:monitor:key:{'rate' if refusal.status == 429 else 'busy'}"
    return answer._replace(
        headers=[_JSON, (b"retry-after", seconds.encode()), (b"x-sentry-rate-limits", limits.encode())]
    )


def _failure(status: int, detail: str) -> Answer:
    return Answer(status, json.dumps({"detail": detail, "causes": []}).encode())


def routes(recorder: Recorder, store: Store, clock: Clock, a_minute: int) -> list[Route]:
    """`a_minute`: how many check-ins of one slug, in one environment, may come in a minute; 0: any number."""
    projects, rate = Projects(store), Rate(a_minute)
    envelope = EnvelopeEndpoint(recorder, projects, rate, clock)
    cron = CronEndpoint(recorder, projects, rate, clock)
    return [
        Route("/api/{project}/envelope/", envelope),
        Route("/api/{project}/envelope", envelope),
        Route("/api/{project}/cron/{slug}/{key}/", cron),
        Route("/api/{project}/cron/{slug}/{key}", cron),
    ]

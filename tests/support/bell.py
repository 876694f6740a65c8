"""Where alerts arrive: a signed webhook and a Slack, each as strict as the real one, in a thread of their own."""

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.support.receiver import Receiver, receiver
from tests.support.threads import opened_in_a_thread
from tests.support.waiting import wait_until
from tocsin.clock import SystemClock

SECRET = "whsec_" + b64encode(b"the bell that rings when it is quiet").decode()
_TYPES = {
    "incident.opened",
    "incident.reopened",
    "incident.resolved",
    "incident.blast_radius_expanded",
    "incident.reminder",
    "test",
}
_KEYS = {"incident", "job", "missedRuns", "tenantCount", "affectedTenants", "url"}
_BODY_LIMIT = 20_000


@dataclass(frozen=True)
class Ring:
    """One request at the webhook: `at` is when it arrived, in microseconds."""

    id: str
    kind: str
    timestamp: str
    incident: str
    data: dict[str, Any] = field(compare=False, repr=False)
    body: bytes = field(compare=False, repr=False)
    at: int = field(compare=False)

    @property
    def tenants(self) -> list[str]:
        return [tenant["externalId"] for tenant in self.data["affectedTenants"]]


class Bell:
    """What was heard, in order. `complaints` are faults in what we were sent: those were answered 400."""

    def __init__(self, one: Receiver) -> None:
        self.rings: list[Ring] = []
        self.slack: list[dict[str, Any]] = []
        self.complaints: list[str] = []
        #: Seconds to think before answering, for each request; and whether to refuse it, unheard.
        self.hesitate: Callable[[], float] = lambda: 0.0
        self.is_busy: Callable[[], bool] = lambda: False
        self._receiver = one
        self._clock = SystemClock()
        one.answer = self._answer

    @property
    def webhook(self) -> dict[str, Any]:
        """The config of a channel that leads here."""
        return {"config": {"url": f"{self._receiver.url}/webhook", "secret": SECRET}}

    @property
    def slack_channel(self) -> dict[str, Any]:
        return {"config": {"webhookUrl": f"{self._receiver.url}/services/T0/B0/abcdefgh"}}

    @property
    def dead_webhook(self) -> dict[str, Any]:
        """A receiver that takes every request and never answers."""
        return {"config": {"url": f"{self._receiver.url}/dead"}}

    def heard(self, kind: str = "", job_key: str = "") -> list[Ring]:
        """Rings of this type (`opened`, …) about this job."""
        return [
            ring
            for ring in list(self.rings)
            if ring.kind.endswith(kind) and job_key in {"", (ring.data.get("job") or {}).get("jobKey")}
        ]

    def wait(self, kind: str, job_key: str = "", seconds: float = 10) -> Ring:
        """The first such ring, waited for."""
        return wait_until(lambda: self.heard(kind, job_key), seconds, f"a ring: {kind} {job_key}")[0]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/dead":
            await asyncio.sleep(3600)
        if self.is_busy():
            return web.Response(status=503)
        at = self._clock.now()
        body = await request.read()
        fault = self._webhook(request, body, at) if request.path == "/webhook" else self._slack(request, body)
        await asyncio.sleep(self.hesitate())
        if fault:
            self.complaints.append(fault)
            return web.Response(status=400, text="invalid_payload")
        return web.Response(text="ok")

    def _webhook(self, request: web.Request, body: bytes, at: int) -> str:
        if request.content_type != "application/json" or len(body) >= _BODY_LIMIT:
            return f"webhook: {request.content_type}, {len(body)} bytes"
        try:
            message = Webhook(SECRET).verify(body, {name.lower(): value for name, value in request.headers.items()})
        except WebhookVerificationError as error:
            return f"webhook: {error}"
        ring = Ring(
            request.headers["webhook-id"],
            message["type"],
            message["timestamp"],
            (message["data"]["incident"] or {}).get("id", ""),
            message["data"],
            body,
            at,
        )
        self.rings.append(ring)
        if ring.kind not in _TYPES or message["id"] != ring.id or set(ring.data) != _KEYS:
            return f"webhook: {body[:300]!r}"
        return ""

    def _slack(self, request: web.Request, body: bytes) -> str:
        """https://docs.slack.dev/reference/block-kit/blocks: its limits."""
        try:
            message = json.loads(body)
            blocks = message["blocks"]
            header, section = blocks[0]["text"], blocks[1]["text"]
            is_good = (
                request.method == "POST"
                and request.content_type == "application/json"
                and 0 < len(message["text"]) <= 40_000
                and len(blocks) <= 50
                and (blocks[0]["type"], header["type"]) == ("header", "plain_text")
                and 0 < len(header["text"]) <= 150
                and (blocks[1]["type"], section["type"]) == ("section", "mrkdwn")
                and 0 < len(section["text"]) <= 3_000
            )
        except (ValueError, LookupError, TypeError):
            is_good = False
        if not is_good:
            return f"slack: {request.method} {request.path} {body[:300]!r}"
        self.slack.append(message)
        return ""


@asynccontextmanager
async def _bell() -> AsyncIterator[Bell]:
    async with receiver() as one:
        yield Bell(one)


def bell() -> AbstractContextManager[Bell]:
    """A bell on loopback, as long as the block lasts."""
    return opened_in_a_thread("bell", _bell())

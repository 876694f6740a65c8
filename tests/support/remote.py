"""The API of a running server, as a program uses it."""

import asyncio
import random
from collections.abc import Iterable, Sequence
from typing import Any

import aiohttp
import httpx2

from tests.support.server import Server


class Remote:
    """`ok` gives the data of a success, `refused` the status and sentence of a refusal; paths begin after /api/v1/."""

    def __init__(self, server: Server, api_key: str = "") -> None:
        self.api_key = api_key or server.api_key
        self.client = server.client(self.api_key)

    def call(self, method: str, path: str, json: Any = None, **more: Any) -> httpx2.Response:
        return self.client.request(method, path, json=json, **more)

    def ok(self, method: str, path: str, json: Any = None, **more: Any) -> Any:
        answer = self.call(method, path, json, **more)
        assert answer.status_code in {200, 201}, f"{method} {path}: {answer.text}"
        body = answer.json()
        assert (body["isSuccess"], body["errorCode"]) == (True, 0)
        return body["data"]

    def refused(self, method: str, path: str, json: Any = None, **more: Any) -> tuple[int, str]:
        answer = self.call(method, path, json, **more)
        body = answer.json()
        assert body["isSuccess"] is False, f"{method} {path}: {answer.text}"
        assert body["statusCode"] == answer.status_code
        return answer.status_code, body["message"]

    def ping(self, job_key: str, tenant: str, status: str = "success", **more: Any) -> Any:
        return self.ok("POST", f"jobs/{job_key}/ping", {"tenantId": tenant, "status": status, **more})

    def job(self, job_key: str, seconds: int, grace: int = 0, **more: Any) -> Any:
        """A job on an interval that opens an incident at the first miss of anybody."""
        body = {"jobKey": job_key, "name": job_key.title(), "expectedIntervalSeconds": seconds}
        body |= {"gracePeriodSeconds": grace, "tenantImpactThreshold": 1, "consecutiveMissThreshold": 1}
        return self.ok("POST", "jobs", {**body, **more})

    def tenant(self, external_id: str) -> Any:
        return self.ok("POST", "tenants", {"externalId": external_id})

    def windows(self, recovery: int, close: int, cooldown: int) -> None:
        body = {"recoveryWindowSeconds": recovery, "closeWindowSeconds": close, "cooldownWindowSeconds": cooldown}
        self.ok("PATCH", "workspaces/me", body)

    def incidents(self, job_key: str, status: str = "active") -> list[Any]:
        return list(self.ok("GET", "incidents", params={"jobKey": job_key, "status": status})["items"])


def post_all(urls: Sequence[str], api_key: str, calls: Iterable[tuple[str, Any]]) -> None:
    """Posts all of (path, body), each to one of the servers, many at once."""

    async def post(session: aiohttp.ClientSession, path: str, body: Any) -> None:
        async with session.post(f"{random.choice(urls)}/api/v1/{path}", json=body) as answer:
            assert answer.status in {200, 201}, await answer.text()

    async def run() -> None:
        connector = aiohttp.TCPConnector(limit=30)
        async with aiohttp.ClientSession(headers={"X-Api-Key": api_key}, connector=connector) as session:
            await asyncio.gather(*(post(session, *call) for call in calls))

    asyncio.run(run())

"""Three nodes and one key: together they take what one may, to five percent."""

import asyncio
from contextlib import ExitStack

import aiohttp
import pytest

from tests.acceptance.conftest import Home
from tests.support.server import Server
from tocsin.clock import stopwatch

pytestmark = [pytest.mark.acceptance, pytest.mark.postgresql]

PER_MINUTE = 600
SECONDS = 12
PING = {"tenantId": "default", "status": "failure"}


async def _flood(servers: list[Server], api_key: str) -> dict[int, int]:
    """So many pings as they take for some seconds, eight connections to each node; how many of each status."""
    gone, told = stopwatch(), dict.fromkeys((200, 429), 0)

    async def one(session: aiohttp.ClientSession, server: Server) -> None:
        while gone() < SECONDS * 1_000_000:
            async with session.post(f"{server.url}/api/v1/jobs/rated/ping", json=PING) as answer:
                told[answer.status] = told.get(answer.status, 0) + 1
                assert answer.status == 200 or int(answer.headers["Retry-After"]) >= 1

    async with aiohttp.ClientSession(headers={"X-Api-Key": api_key}) as session:
        await asyncio.gather(*(one(session, server) for server in servers for _ in range(8)))
    return told


def test_three_nodes_take_together_what_one_key_may(postgres_home: Home) -> None:
    with ExitStack() as stack:
        first = stack.enter_context(postgres_home.serving("--role", "all", ingest_rate=str(PER_MINUTE)))
        servers = [first] + [
            stack.enter_context(postgres_home.serving("--role", "api", ingest_rate=str(PER_MINUTE))) for _ in range(2)
        ]
        client = first.client()
        client.post("jobs", json={"jobKey": "rated", "name": "Rated", "schedule": {"type": "none"}})
        gone = stopwatch()
        told = asyncio.run(_flood(servers, first.api_key))
        allowed = PER_MINUTE + PER_MINUTE * gone() / 60_000_000
        assert told.keys() == {200, 429}
        assert told[200] == pytest.approx(allowed, rel=0.05)
        rejections = client.get("rejections?pageSize=100").json()["data"]["items"]
        assert sum(one["count"] for one in rejections if one["reason"] == "rate_limited") == told[429]
        assert len(rejections) <= 6

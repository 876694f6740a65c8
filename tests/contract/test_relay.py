"""Nodes tell each other of changes where somebody looks: on PostgreSQL, which carries it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial

import psycopg
import pytest

from tests.support.databases import Postgres
from tocsin.clock import SystemClock
from tocsin.dashboard.live import Hub
from tocsin.dashboard.pace import Pace
from tocsin.dashboard.relay import Relay
from tocsin.store import news
from tocsin.store.engine import Store
from tocsin.store.news import Kind, News
from tocsin.supervise import supervise

pytestmark = pytest.mark.postgresql

HERE, THERE = 7, 8
SOON = Pace(0.0, 1.0)


@pytest.fixture
def url(postgres: Postgres) -> Iterator[str]:
    with postgres.database(empty=True) as made:
        store = Store(made)
        yield store.url
        store.close()


@asynccontextmanager
async def _node(url: str) -> AsyncIterator[tuple[Hub, Relay]]:
    hub, stop = Hub(SystemClock(), SOON, SOON), asyncio.Event()
    relay = Relay(hub, partial(news.join, url))
    running = asyncio.create_task(supervise("relay", relay.run, stop, pause=0.01))
    yield hub, relay
    stop.set()
    await running


async def _hears_of(stream: AsyncIterator[bytes], change: Callable[[], None]) -> None:
    """`change` reaches the stream, once the nodes know of each other."""
    told = asyncio.ensure_future(anext(stream))
    async with asyncio.timeout(20):
        while not (await asyncio.wait([told], timeout=0.05))[0]:
            change()
    assert b"event: change" in told.result()


def test_what_one_node_commits_is_told_where_another_is_looked_at(url: str) -> None:
    async def work() -> None:
        async with _node(url) as (hub, _), _node(url) as (_, other):
            stream = hub.stream(HERE)
            await anext(stream)
            await _hears_of(stream, lambda: other.turned([HERE, THERE]))
            await _hears_of(stream, lambda: other.heard({HERE: 3}))
            await stream.aclose()  # type: ignore[attr-defined]

    asyncio.run(work())


def test_of_a_workspace_that_nobody_looks_at_nothing_is_said(url: str) -> None:
    async def work() -> None:
        async with _node(url) as (hub, _), _node(url) as (_, other), news.join(url) as line:
            stream = hub.stream(HERE)
            await anext(stream)
            said: list[News] = []
            while not any(one.kind is Kind.TURNED for one in said):
                other.turned([HERE, THERE])
                said += [one async for one in line.hear(0.3)]
            assert all(one.workspaces <= {HERE} for one in said)
            await stream.aclose()  # type: ignore[attr-defined]

    asyncio.run(work())


def test_a_lost_connection_is_made_again_and_pages_are_asked_for_anew(url: str) -> None:
    async def work() -> None:
        async with _node(url) as (hub, _), _node(url) as (_, other):
            stream = hub.stream(HERE)
            await anext(stream)
            await _hears_of(stream, lambda: other.turned([HERE]))
            await asyncio.to_thread(_cut_all, url)
            assert b"event: change" in await asyncio.wait_for(anext(stream), 20)
            await _hears_of(stream, lambda: other.turned([HERE]))
            await stream.aclose()  # type: ignore[attr-defined]

    asyncio.run(work())


def test_many_workspaces_are_said_in_several_messages_and_what_is_unknown_is_passed_over(url: str) -> None:
    many = frozenset(range(2**62, 2**62 + 1000))

    async def work() -> None:
        async with news.join(url) as one, news.join(url) as two:
            await asyncio.to_thread(_shout, url, "{}", "what?", '{"kind": "sung", "workspaces": []}')
            await one.say(Kind.TURNED, many)
            heard = [each async for each in two.hear(0.5)]
            assert {each.kind for each in heard} == {Kind.TURNED}
            assert frozenset().union(*(each.workspaces for each in heard)) == many
            assert [each async for each in one.hear(0.0)] == []  # nobody hears itself

    asyncio.run(work())


def _cut_all(url: str) -> None:
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE %s"
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"{cut} AND pid <> pg_backend_pid()", ("%",))


def _shout(url: str, *texts: str) -> None:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        for text in texts:
            connection.execute("SELECT pg_notify('tocsin_news', %s)", (text,))

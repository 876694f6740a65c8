"""Who looks is told of changes: all the same number at the same moment, and no oftener than it may cost."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from tocsin.dashboard.live import Hub, Pace

HERE, THERE = 1, 2
SOON, NEVER = Pace(0.0, 1.0), Pace(1e6, 1.0)


def _run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 10))


async def _number(stream: AsyncIterator[bytes]) -> int:
    event = (await anext(stream)).decode()
    return int(event.split("data: ")[1])


async def _is_silent(stream: AsyncIterator[bytes]) -> bool:
    """Whether nothing comes in what the loop can do at once."""
    waiting = asyncio.ensure_future(anext(stream))
    for _ in range(20):
        await asyncio.sleep(0)
    if waiting.done():
        return False
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    return True


def test_all_who_look_at_a_workspace_are_told_the_same_number() -> None:
    async def work() -> None:
        hub = Hub(turn=SOON)
        streams = [hub.stream(HERE) for _ in range(3)]
        before = {await _number(stream) for stream in streams}
        await asyncio.to_thread(hub.turned, [HERE])
        after = {await _number(stream) for stream in streams}
        assert len(before) == len(after) == 1
        assert before != after
        assert hub.number(HERE) in after
        for stream in streams:
            await stream.aclose()  # type: ignore[attr-defined]
        assert hub.number(HERE) == 0

    _run(work())


def test_what_changes_elsewhere_concerns_nobody_here() -> None:
    async def work() -> None:
        hub = Hub(turn=SOON)
        stream = hub.stream(HERE)
        await _number(stream)
        hub.turned([THERE])
        hub.heard({THERE: 5})
        assert await _is_silent(stream)

    _run(work())


def test_changes_that_follow_at_once_are_told_together() -> None:
    async def work() -> None:
        hub = Hub(turn=Pace(0.05, 1.0))
        stream = hub.stream(HERE)
        first = await _number(stream)
        hub.turned([HERE])
        second = await _number(stream)
        for _ in range(100):
            hub.turned([HERE])
        assert await _number(stream) > second > first
        assert await _is_silent(stream)

    _run(work())


def test_what_turned_does_not_wait_for_what_was_merely_heard() -> None:
    async def work() -> None:
        hub = Hub(turn=Pace(0.01, 1.0), heard=NEVER)
        stream = hub.stream(HERE)
        await _number(stream)
        hub.heard({HERE: 1})  # the first is told at once: it was quiet before
        await _number(stream)
        hub.heard({HERE: 1})
        assert await _is_silent(stream)
        stream = hub.stream(HERE)
        await _number(stream)
        hub.turned([HERE])
        assert await _number(stream)

    _run(work())


def test_pages_that_are_dear_are_asked_for_less_often() -> None:
    async def work() -> None:
        hub = Hub(turn=Pace(0.0, 0.5))
        stream = hub.stream(HERE)
        await _number(stream)
        hub.turned([HERE])
        await _number(stream)
        hub.spent(HERE, 1000.0)
        hub.turned([HERE])
        assert await _is_silent(stream)

    _run(work())


def test_a_node_that_stops_lets_everybody_go() -> None:
    async def work() -> None:
        hub = Hub()
        stream = hub.stream(HERE)
        await _number(stream)
        hub.close()
        assert [event async for event in stream] == []

    _run(work())

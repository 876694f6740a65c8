"""Loops beside the requests are begun again when they break, and end when they are told to."""

import asyncio

from tocsin.supervise import finish, supervise


def test_a_loop_that_breaks_is_begun_again() -> None:
    begun: list[int] = []

    async def loop(stop: asyncio.Event) -> None:
        begun.append(1)
        if len(begun) == 3:
            stop.set()
            return
        raise OSError("gone")

    asyncio.run(supervise("ticker", loop, asyncio.Event(), pause=0.001))
    assert len(begun) == 3


def test_a_loop_that_does_not_stop_is_cancelled() -> None:
    async def scenario() -> bool:
        task = asyncio.create_task(asyncio.Event().wait(), name="deaf")
        await finish([task], seconds=0.01)  # type: ignore[list-item]
        return task.cancelled()

    assert asyncio.run(scenario())

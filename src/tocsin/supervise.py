"""Keeps what runs beside the requests running: a loop that breaks is logged and begun again."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger(__name__)

Loop = Callable[[asyncio.Event], Awaitable[None]]


async def supervise(name: str, loop: Loop, stop: asyncio.Event, pause: float = 1.0) -> None:
    """Runs `loop(stop)` until `stop` is set, again and again where it raises, with `pause` seconds between."""
    while not stop.is_set():
        try:
            await loop(stop)
        except Exception:
            log.exception("loop_broken", loop=name, reason=f"begins again in {pause:g} s")
        try:
            async with asyncio.timeout(pause):
                await stop.wait()
        except TimeoutError:
            continue


async def finish(tasks: list[asyncio.Task[None]], seconds: float) -> None:
    """Waits `seconds` for `tasks` that were told to stop, and cancels those that did not."""
    if not tasks:
        return
    _, late = await asyncio.wait(tasks, timeout=seconds)
    for task in late:
        log.warning("loop_cancelled", loop=task.get_name(), reason=f"did not stop within {seconds:g} s")
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)

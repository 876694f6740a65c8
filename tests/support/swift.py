"""An event loop in which hours pass at once: what waits for a moment is there as soon as nothing else is to be done."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any


class _Swift(selectors.DefaultSelector):
    """Where a loop would wait, its time goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.moment = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is not None:
            self.moment += max(timeout, 1e-6)
        return ready


class _SwiftLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._swift = _Swift()
        super().__init__(self._swift)

    def time(self) -> float:
        return self._swift.moment


def live_through(work: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=_SwiftLoop) as runner:
        runner.run(work)


async def pass_time(seconds: float) -> None:
    await asyncio.sleep(seconds)

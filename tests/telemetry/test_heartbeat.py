"""The heartbeat is heard while the tick is on time, and only then."""

import asyncio

from tocsin.telemetry.heartbeat import Heartbeat


class Receiver:
    def __init__(self, error: Exception | None = None) -> None:
        self.heard: list[str] = []
        self.stop = asyncio.Event()
        self.error = error

    async def ping(self, url: str) -> int:
        self.heard.append(url)
        if len(self.heard) == 3:
            self.stop.set()
        if self.error:
            raise self.error
        return 200


def test_it_beats_until_it_is_stopped() -> None:
    receiver = Receiver()
    asyncio.run(Heartbeat("https://watch.example/1", lambda: 0.1, receiver.ping, interval=0.001).run(receiver.stop))
    assert receiver.heard == ["https://watch.example/1"] * 3


def test_it_is_silent_while_the_tick_is_late() -> None:
    receiver = Receiver()
    asyncio.run(Heartbeat("https://watch.example/1", lambda: 60.0, receiver.ping).beat())
    assert receiver.heard == []


def test_a_receiver_that_is_away_does_not_end_it() -> None:
    receiver = Receiver(OSError("no route"))
    asyncio.run(Heartbeat("https://watch.example/1", lambda: 0.1, receiver.ping, interval=0.001).run(receiver.stop))
    assert len(receiver.heard) == 3

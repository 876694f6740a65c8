"""Who looks is told of changes: all who look at a page the same number at the same moment, and no oftener than it may
cost."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing
from functools import wraps
from typing import Any

import pytest

from tests.support.swift import live_through, pass_time
from tocsin.clock import ManualClock
from tocsin.dashboard.live import Hub
from tocsin.dashboard.pace import HEARD, TURN, Pace

HERE, THERE = 1, 2
SOON, NEVER = Pace(0.0, 1.0), Pace(1e6, 1.0)
CLOCK = ManualClock(1_000_000_000)
_Story = Coroutine[Any, Any, None]


def _soon(work: _Story) -> None:
    asyncio.run(asyncio.wait_for(work, 10))


def _played_by(play: Callable[[_Story], None]) -> Callable[[Callable[..., _Story]], Callable[..., None]]:
    """A test that is a coroutine, which `play` lives through."""

    def test_of(story: Callable[..., _Story]) -> Callable[..., None]:
        @wraps(story)
        def test(**fixtures: Any) -> None:
            play(story(**fixtures))

        return test

    return test_of


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


class _Audience:
    """People who look at pages till their loop ends: whenever they are told, the page is made, which takes `cost`
    seconds of a core."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._looking: list[asyncio.Task[None]] = []
        self.told: dict[str, list[float]] = {}
        self.spent = 0.0

    def look(self, address: str, cost: float, viewers: int = 1) -> None:
        self.told[address] = []
        self._looking += [asyncio.ensure_future(self._watch(address, cost if n == 0 else 0.0)) for n in range(viewers)]

    async def _watch(self, address: str, cost: float) -> None:
        async with aclosing(self._hub.stream(HERE, address)) as stream:  # type: ignore[type-var]
            async for event in stream:
                if cost and b"event: change" in event:
                    self.told[address].append(asyncio.get_running_loop().time())
                    self.spent += cost
                    self._hub.spent(HERE, address, cost)


@pytest.fixture
def hub() -> Hub:
    return Hub(CLOCK)


@pytest.fixture
def audience(hub: Hub) -> _Audience:
    return _Audience(hub)


@_played_by(_soon)
async def test_all_who_look_at_a_page_are_told_the_same_number() -> None:
    hub = Hub(CLOCK, turn=SOON)
    streams = [hub.stream(HERE, "/jobs") for _ in range(3)]
    before = {await _number(stream) for stream in streams}
    await asyncio.to_thread(hub.turned, [HERE])
    after = {await _number(stream) for stream in streams}
    assert len(before) == len(after) == 1
    assert min(after) > max(before)
    for stream in streams:
        await stream.aclose()  # type: ignore[attr-defined]
    assert not hub.watched


@_played_by(_soon)
async def test_who_opens_a_page_that_nobody_looked_at_is_told_to_look_again(hub: Hub) -> None:
    """What happened while it was loaded was noted nowhere. Later ones have the page as it was told, or a newer one."""
    loaded_at = CLOCK.now() // 1000
    first, second = hub.stream(HERE, "/"), hub.stream(HERE, "/")
    number = await _number(first)
    assert number > loaded_at
    assert await _number(second) == number
    assert await _number(hub.stream(HERE, "/jobs")) > number


@_played_by(_soon)
async def test_what_changes_elsewhere_concerns_nobody_here() -> None:
    hub = Hub(CLOCK, turn=SOON, heard=SOON)
    stream = hub.stream(HERE)
    await _number(stream)
    hub.turned([THERE])
    hub.heard({THERE: 5})
    assert await _is_silent(stream)


@_played_by(_soon)
async def test_changes_that_follow_at_once_are_told_together() -> None:
    hub = Hub(CLOCK, turn=Pace(0.05, 1.0))
    stream = hub.stream(HERE)
    first = await _number(stream)
    hub.turned([HERE])
    second = await _number(stream)
    for _ in range(100):
        hub.turned([HERE])
    assert await _number(stream) > second > first
    assert await _is_silent(stream)


@_played_by(_soon)
async def test_what_turned_does_not_wait_for_what_was_merely_heard() -> None:
    hub = Hub(CLOCK, turn=Pace(0.01, 1.0), heard=NEVER)
    stream = hub.stream(HERE)
    await _number(stream)
    hub.heard({HERE: 1})
    assert await _is_silent(stream)
    stream = hub.stream(HERE)
    await _number(stream)
    hub.turned([HERE])
    assert await _number(stream)


@pytest.mark.parametrize(
    ("news", "share", "credit"), [("heard", HEARD.share, 0.0), ("turned", TURN.share, TURN.credit)]
)
@_played_by(live_through)
async def test_however_much_happens_pages_take_no_more_than_their_share(
    hub: Hub, audience: _Audience, news: str, share: float, credit: float
) -> None:
    for number in range(14):
        audience.look(f"/jobs/{number}", cost=0.12)
    for _ in range(3_000):
        await pass_time(0.1)
        hub.heard({HERE: 1})
        if news == "turned":
            hub.turned([HERE])
    assert 0.8 * share * 300 < audience.spent <= share * 300 + credit + 14 * 0.12
    assert all(audience.told.values())


@_played_by(live_through)
async def test_after_a_quiet_time_everybody_is_told_at_once_of_what_turned(hub: Hub, audience: _Audience) -> None:
    for number in range(14):
        audience.look(f"/jobs/{number}", cost=0.12)
    for _ in range(600):
        await pass_time(0.1)
        hub.heard({HERE: 1})
    turned_at = asyncio.get_running_loop().time()
    hub.turned([HERE])
    await pass_time(1.0)
    assert all(any(at >= turned_at for at in told) for told in audience.told.values())


@_played_by(live_through)
async def test_what_many_look_at_and_what_is_soon_made_is_told_more_often(hub: Hub, audience: _Audience) -> None:
    audience.look("/", cost=0.05, viewers=40)
    for number in range(10):
        audience.look(f"/jobs/{number}", cost=0.12)
    for _ in range(6_000):
        await pass_time(0.1)
        hub.heard({HERE: 1})
    overview, *jobs = (len(told) for told in audience.told.values())
    assert overview > 3 * max(jobs)
    assert min(jobs) > 600 / 60


@_played_by(live_through)
async def test_what_nobody_announces_is_told_after_a_while(hub: Hub, audience: _Audience) -> None:
    audience.look("/", cost=0.02)
    await pass_time(60)
    assert len(audience.told["/"]) == 3
    assert hub.watched == {HERE}


@_played_by(live_through)
async def test_what_was_not_announced_waits_while_pages_have_taken_their_share(hub: Hub, audience: _Audience) -> None:
    audience.look("/", cost=1.0)
    await pass_time(0.1)
    seen = [hub.is_spent]
    hub.spent(HERE, "/trends", 1.0)
    for wait in (0.1, 1.0 / HEARD.share):
        await pass_time(wait)
        seen.append(hub.is_spent)
    assert seen == [False, True, False]


@_played_by(_soon)
async def test_a_node_that_stops_lets_everybody_go(hub: Hub) -> None:
    stream = hub.stream(HERE)
    await _number(stream)
    hub.close()
    assert [event async for event in stream] == []

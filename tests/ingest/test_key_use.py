import asyncio

from tests.support.house import House
from tocsin.application.keys import KeyUse
from tocsin.ingest.key_use import KeyUseLoop
from tocsin.store.engine import Store
from tocsin.store.schema import api_keys


def test_what_is_known_is_written_down_when_the_node_stops(store: Store) -> None:
    house, key_use = House(store), KeyUse(store)

    async def scene() -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(KeyUseLoop(key_use, every_seconds=3600).run(stop))
        await asyncio.sleep(0)
        key_use.note(house.rows(api_keys)[0].id, 7)
        stop.set()
        await running

    asyncio.run(scene())
    assert house.rows(api_keys)[0].last_used_at == 7


def test_an_earlier_use_known_elsewhere_changes_nothing(store: Store) -> None:
    house = House(store)
    for moment in (9, 7):
        node = KeyUse(store)
        node.note(house.rows(api_keys)[0].id, moment)
        node.flush()
    assert house.rows(api_keys)[0].last_used_at == 9

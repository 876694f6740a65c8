"""Killed at any moment, Tocsin forgets nothing it promised and tells nothing twice under another name."""

import random
import time

import pytest

from tests.acceptance import truth
from tests.acceptance.conftest import Home
from tests.acceptance.load import Load
from tests.support.bell import Bell
from tests.support.remote import Remote
from tests.support.server import Server
from tests.support.waiting import wait_until

pytestmark = pytest.mark.acceptance

TENANTS = [f"tenant-{n}" for n in range(20)]
PAIRED = [f"paired-{n}" for n in range(5)]
FLAPPERS = [f"flapper-{n}" for n in range(12)]
#: A killed node counts as dead after 10 s, and its deliveries are free again after 12.
SETTLED_WITHIN = 60
KILLS = [
    pytest.param("sqlite", 20, id="sqlite"),
    pytest.param("postgresql", 5, id="postgresql", marks=pytest.mark.postgresql),
    pytest.param("sqlite", 200, id="sqlite-200", marks=pytest.mark.torture),
    pytest.param("postgresql", 200, id="postgresql-200", marks=[pytest.mark.torture, pytest.mark.postgresql]),
]


@pytest.mark.parametrize(("home", "kills"), KILLS, indirect=["home"])
def test_nothing_promised_is_lost(home: Home, the_bell: Bell, kills: int) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201 -- pytest shows it beside a failure
    chance = random.Random(seed)
    the_bell.hesitate = lambda: chance.choice([0, 0, 0.2])
    the_bell.is_busy = lambda: chance.random() < 0.1
    load = begin(home, the_bell, chance)
    load.start()
    try:
        for _ in range(kills):
            with home.serving(port=load.port):  # that the block ends is the kill
                time.sleep(chance.uniform(0.1, 2))
        with home.serving(port=load.port) as server:
            settle(home, server, load)
            assert server.stop() == 0
    finally:
        load.stop()
    assert load.complaints == []
    told_everything_once(home, the_bell)
    with home.store() as store:
        assert truth.lost_or_invented(store, load.reports) == []
        assert truth.wrong_misses(store) == []


def begin(home: Home, the_bell: Bell, chance: random.Random) -> Load:
    with home.serving() as server:
        remote = Remote(server)
        remote.windows(1, 1, 1)
        remote.ok("PUT", "workspaces/me/channels/webhook", the_bell.webhook)
        for tenant in [*TENANTS, *PAIRED]:
            remote.tenant(tenant)
        remote.job("steady", 3600)
        for flapper in FLAPPERS:
            remote.job(flapper, 1)
        return Load(server.url, server.api_key, TENANTS, PAIRED, FLAPPERS, workers=2, chance=chance)


def settle(home: Home, server: Server, load: Load) -> None:
    """Everybody well, everything told; then nothing is watched any more."""
    remote = Remote(server, load.api_key)
    load.calm_down()
    with home.store() as store:
        wait_until(lambda: truth.is_settled(store), SETTLED_WITHIN, "all to be well and told", every=0.2)
        for flapper in FLAPPERS:
            remote.ok("PATCH", f"jobs/{flapper}", {"isActive": False})
        load.stop()
        wait_until(lambda: truth.is_settled(store), SETTLED_WITHIN, "all to be told", every=0.2)


def told_everything_once(home: Home, the_bell: Bell) -> None:
    with home.store() as store:
        assert truth.was_told(the_bell.rings) == truth.should_be_told(store)
    assert len(the_bell.heard("opened")) >= len(FLAPPERS)
    assert truth.false_duplicates(the_bell.rings) == []
    assert truth.out_of_order(the_bell.rings) == []
    assert the_bell.complaints == []

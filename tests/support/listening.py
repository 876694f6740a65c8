"""What the channels of a house are told, as a worker would deliver it."""

from sqlalchemy import select

from tests.support.house import House, micros
from tests.support.office import DELIVERED, HABITS, content_of
from tocsin.application import manage_channels
from tocsin.domain.model import SECOND
from tocsin.domain.routing import Terms
from tocsin.secret_box import SecretBox
from tocsin.store import claims, outbox
from tocsin.store.schema import channels

#: Channel, kind, tenants in it.
Told = tuple[str, str, list[str]]


def add_channel(house: House, name: str, terms: Terms, provider: str = "webhook") -> None:
    box = SecretBox([b"\0" * 32])
    with house.store.write() as connection:
        manage_channels.put_channel(
            connection, house.ids, micros(0), box, house.workspace_id, provider, name, lambda _: {}, True, terms
        )


def told(house: House) -> list[Told]:
    """All that can be delivered now, delivered, by channel."""
    now, found = micros(house.now), []
    with house.store.write() as connection:
        names = {row.id: row.name for row in connection.execute(select(channels.c.id, channels.c.name))}
        keepers = HABITS.keep_state
        while claimed := claims.claim(
            connection, house.ids, now, now + SECOND, 100, lambda *_: 100, state_keepers=keepers
        ):
            for one in claimed:
                outbox.settle(connection, one, DELIVERED, now)
                content = content_of(one)
                tenants = sorted(tenant["externalId"] for tenant in content["affectedTenants"])
                found.append((names[one.channel_id], content["kind"], tenants))
    return sorted(found, key=lambda one: one[0])  # of one channel, in order


def fail(house: House, tenant: str, moment: float, job: str | None = None) -> list[Told]:
    """A failure at this moment, and what is told at once."""
    house.pass_time(moment)
    house.check_in("failure", tenant, **({"job": job} if job else {}))
    house.pass_time(moment)
    return told(house)

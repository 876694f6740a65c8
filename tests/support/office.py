"""Alerts from being due to being sent, on a real store: what the tick words, and what a worker would claim."""

import json
from typing import Any

from sqlalchemy import select, update

from tests.support.alerting import Desk
from tocsin.application.announce import BATCH, send_reminders, word_alerts
from tocsin.clock import ManualClock
from tocsin.domain.ids import IdMaker, from_uuid
from tocsin.domain.model import SECOND, AlertKind
from tocsin.domain.routing import Habits, Routes, Terms
from tocsin.store import claims, outbox, reminders, schema
from tocsin.store.channels import columns_of
from tocsin.store.claims import Claimed
from tocsin.store.engine import Store
from tocsin.store.outbox import Result
from tocsin.store.paging import Page
from tocsin.store.schema import deliveries, incidents
from tocsin.store.views_deliveries import DeliveryFilters, list_deliveries

HABITS = Habits(share=frozenset({"slack"}), keep_state=frozenset({"pager"}))
DELIVERED = Result("delivered", "yes", "delivered", "HTTP 200: ok", 5_000, 200)


class Office:
    """A workspace; its clock goes in seconds."""

    def __init__(self, store: Store, clock: ManualClock, ids: IdMaker) -> None:
        self.store, self.clock, self.ids = store, clock, ids
        with store.write() as connection:
            self.workspace = self._desk(connection).workspace()

    def channel(self, provider: str = "slack", name: str = "default", **terms: Any) -> int:
        """`terms` in seconds, and the routes by name."""
        routes = Routes(**{key: tuple(terms.pop(key)) for key in Routes._fields if key in terms})
        chosen = Terms(routes, terms.pop("delay", 0) * SECOND, terms.pop("every", 0) * SECOND or None)
        with self.store.write() as connection:
            return self._desk(connection).channel(self.workspace, provider, name, **columns_of(chosen), **terms)

    def change(self, channel: int, **columns: Any) -> None:
        with self.store.write() as connection:
            connection.execute(update(schema.channels).where(schema.channels.c.id == channel).values(columns))

    def incident(self, *tenants: str, **columns: Any) -> int:
        with self.store.write() as connection:
            row = {"is_announced": True, **columns}
            made = self._desk(connection).incident(self.workspace, **row)
        self.affect(made, *tenants)
        return made

    def affect(self, incident: int, *tenants: str, cycle: int = 1) -> None:
        with self.store.write() as connection:
            for name in tenants:
                self._desk(connection).affected(self.workspace, incident, name, cycle, self.clock.now())

    def become(self, incident: int, status: str) -> None:
        with self.store.write() as connection:
            connection.execute(update(incidents).where(incidents.c.id == incident).values(status=status))

    def alert(self, incident: int, kind: AlertKind, cycle: int = 1) -> None:
        """Due now, and worded now."""
        with self.store.write() as connection:
            self._desk(connection).alert(self.workspace, incident, kind, cycle=cycle)
        self.word()

    def open(self, *tenants: str, **columns: Any) -> int:
        incident = self.incident(*tenants, **columns)
        self.alert(incident, AlertKind.OPENED)
        return incident

    def resolve(self, incident: int, cycle: int = 1) -> None:
        self.become(incident, "Closed")
        self.alert(incident, AlertKind.RESOLVED, cycle)

    def word(self) -> None:
        now = self.clock.now()
        done = BATCH
        while done == BATCH:
            with self.store.write() as connection:
                done = word_alerts(connection, self.ids, now, now, "https://tocsin.example", HABITS)

    def remind(self) -> int:
        now = self.clock.now()
        with self.store.write() as connection:
            return send_reminders(connection, self.ids, now, now, "https://tocsin.example", HABITS)

    def reminded_at(self, incident: int, channel: int) -> int | None:
        table = schema.reminders
        with self.store.read() as connection:
            mine = select(table.c.next_at).where(table.c.incident_id == incident, table.c.channel_id == channel)
            return connection.execute(mine).scalar()

    def begin_reminding(self, channel: int, every: int | None) -> None:
        with self.store.write() as connection:
            at = None if every is None else self.clock.now() + every * SECOND
            reminders.begin_anew(connection, self.workspace, channel, at)

    def pass_time(self, seconds: float) -> None:
        self.clock.moment += int(seconds * SECOND)

    def claim(self) -> list[Claimed]:
        now = self.clock.now()
        with self.store.write() as connection:
            keepers = HABITS.keep_state
            return claims.claim(
                connection, self.ids, now, now + 12 * SECOND, 1000, lambda *_: 1000, state_keepers=keepers
            )

    def settle(self, claimed: Claimed, result: Result = DELIVERED) -> None:
        with self.store.write() as connection:
            outbox.settle(connection, claimed, result, self.clock.now())

    def send(self) -> list[Claimed]:
        """All that can be sent now, sent."""
        sent: list[Claimed] = []
        while claimed := self.claim():
            for one in claimed:
                self.settle(one)
            sent += claimed
        return sent

    def kinds(self) -> list[str]:
        """What can be sent now, sent: of each the kind, `kind x n` where it is shared."""
        return [_in_short(one) for one in self.send()]

    def resend(self, delivery: int) -> str:
        with self.store.write() as connection:
            return outbox.resend(connection, self.workspace, delivery, self.clock.now())

    def rows(self, incident: int | None = None) -> list[tuple[str, str, str]]:
        """(kind, state, reason) of the deliveries, of one incident or of all."""
        query = select(deliveries).order_by(deliveries.c.id)
        if incident is not None:
            query = query.where(deliveries.c.incident_id == incident)
        with self.store.read() as connection:
            return [(row.kind, row.state, row.reason) for row in connection.execute(query)]

    def listed(self, **filters: Any) -> list[dict[str, Any]]:
        """As `GET /deliveries` shows them."""
        with self.store.read() as connection:
            page = list_deliveries(connection, self.workspace, DeliveryFilters(**filters), Page(1, 200))
        items: list[dict[str, Any]] = page["items"]
        return items

    def _desk(self, connection: Any) -> Desk:
        return Desk(connection, self.ids, self.clock.now())


def content_of(claimed: Claimed) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(claimed.content)
    return content


def incidents_of(claimed: Claimed) -> list[int]:
    """The ids of the incidents a claimed delivery tells of."""
    content = content_of(claimed)
    told = content.get("incidents", [content])
    return [from_uuid(one["incident"]["id"]) or 0 for one in told]


def _in_short(claimed: Claimed) -> str:
    content = content_of(claimed)
    return f"{content['kind']} x {content['incidentCount']}" if "incidents" in content else content["kind"]

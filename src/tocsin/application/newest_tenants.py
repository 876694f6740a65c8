"""The newest tenants of incidents, remembered between batches: every event's answer names them."""

from collections.abc import Iterable

from tocsin.domain.model import Incident
from tocsin.store import hot_events
from tocsin.store.engine import Connection

#: An answer names so many at most, beside a complete count.
NAMED = 100
_INCIDENTS = 1_000


class NewestTenants:
    """For one recorder's thread. What is remembered holds for as long as the incident's count of events is the one it
    was remembered with: another node's events change it. After a transaction that came to nothing, `clear` it."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[int, dict[str, None]]] = {}

    def load(self, connection: Connection, incidents: Iterable[Incident]) -> None:
        """Bring what is known of these incidents up to date; they are locked."""
        stale = {i.id: i.event_count for i in incidents if self._known.get(i.id, (-1, {}))[0] != i.event_count}
        if not stale:
            return
        for incident_id, names in hot_events.newest_tenants(connection, stale, NAMED).items():
            self._known.pop(incident_id, None)
            self._known[incident_id] = stale[incident_id], dict.fromkeys(names)
        while len(self._known) > max(_INCIDENTS, len(stale)):
            del self._known[next(iter(self._known))]

    def add(self, incident: Incident, name: str) -> tuple[str, ...]:
        """An event of this tenant has just joined; the names, the newest last."""
        _, names = self._known.get(incident.id, (0, {}))
        names.pop(name, None)
        names[name] = None
        if len(names) > NAMED:
            del names[next(iter(names))]
        self._known[incident.id] = incident.event_count, names
        return tuple(names)

    def clear(self) -> None:
        self._known.clear()

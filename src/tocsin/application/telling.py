"""Who is told of an alert becomes deliveries in the outbox: at once or delayed, alone or together with others."""

from collections.abc import Iterator, Mapping, Sequence
from json import dumps
from typing import Any, NamedTuple

from tocsin.domain.ids import IdMaker
from tocsin.domain.model import AlertKind
from tocsin.domain.reason import Reason
from tocsin.domain.routing import OPENINGS, CatchUp, Habits
from tocsin.domain.sharing import Gathering, Topic, gather, topic_of
from tocsin.store import queueing, reminders
from tocsin.store.alerts import Listener, Unworded
from tocsin.store.engine import Connection
from tocsin.store.queueing import Entry, Waiting
from tocsin.wire_time import parse_iso

_SAYS = {Topic.OPENING: AlertKind.OPENED, Topic.ENDING: AlertKind.RESOLVED, Topic.REMINDER: AlertKind.REMINDER}
Content = Mapping[str, Any]


class Hearing(NamedTuple):
    """A channel that is due an alert, as what, and what it is told. `is_own`: not what the others are told."""

    listener: Listener
    kind: AlertKind
    content: Content
    is_own: bool


class Telling:
    """The deliveries of one transaction. `close` it, or what was gathered is forgotten."""

    def __init__(
        self, connection: Connection, ids: IdMaker, now: int, habits: Habits, listeners: Sequence[Listener]
    ) -> None:
        """`listeners`: all channels that may be told of anything."""
        self._connection = connection
        self._ids = ids
        self._now = now
        self._sharing = {one.id for one in listeners if one.provider in habits.share}
        self._gathered: dict[tuple[int, Topic], tuple[int, Gathering]] = {}
        self._joinable: set[int] = set()
        if self._sharing:
            queueing.lock_channels(connection, self._sharing)
        self._known = queueing.read_gatherings(connection, self._sharing) if self._sharing else {}

    def tell(self, alert: Unworded, hearings: Sequence[Hearing]) -> None:
        """Queue the alert for everyone who hears it."""
        # An incident's first alert finds nothing waiting.
        is_first = alert.kind == AlertKind.OPENED and alert.catch_up is None
        waiting = {} if is_first else queueing.delayed_openings(self._connection, alert.incident_id)
        entries = [
            entry for hearing in hearings for entry in self._entries(alert, hearing, waiting.get(hearing.listener.id))
        ]
        queueing.queue(self._connection, entries)
        for hearing in hearings:
            self._remind(alert, hearing)

    def close(self) -> None:
        """Write down what was gathered."""
        for (channel_id, topic), (workspace_id, gathering) in self._gathered.items():
            queueing.write_gathering(self._connection, workspace_id, channel_id, topic, gathering)

    def _entries(self, alert: Unworded, hearing: Hearing, waiting: Waiting | None) -> Iterator[Entry]:
        single = self._single(alert, hearing)
        is_beside = hearing.kind in {AlertKind.RESOLVED, AlertKind.ACKNOWLEDGED}
        if waiting is not None and not is_beside:
            # The opening has yet to be told: it tells this as well.
            queueing.retell(self._connection, waiting.id, _text({**hearing.content, "kind": waiting.kind}))
            reason = Reason.TOLD_WITH_OPENING
            yield single._replace(state="dropped", reason=reason, next_attempt_at=None, settled_at=self._now)
            return
        if waiting is not None and hearing.kind is AlertKind.RESOLVED:
            queueing.hurry(self._connection, waiting.id, self._now)
        topic = topic_of(hearing.kind)
        if topic is None or hearing.listener.id not in self._sharing or self._follows(alert, hearing):
            yield single
        else:
            yield from self._gather(single, hearing.listener, topic)

    def _single(self, alert: Unworded, hearing: Hearing) -> Entry:
        listener, now = hearing.listener, self._now
        delay = listener.terms.delay if hearing.kind in OPENINGS else 0
        due_at = max(now, _began_at(alert, hearing) + delay)
        return Entry(
            self._ids.new(now),
            alert.workspace_id,
            alert.id,
            alert.incident_id,
            listener.id,
            hearing.kind,
            Reason.DELAYED if delay else Reason.QUEUED,
            now,
            due_at,
            due_at if delay else None,
            _text(hearing.content) if hearing.is_own else None,
        )

    def _follows(self, alert: Unworded, hearing: Hearing) -> bool:
        if alert.kind == AlertKind.OPENED and alert.catch_up is None:
            return False
        return queueing.has_earlier(self._connection, alert.incident_id, hearing.listener.id)

    def _gather(self, single: Entry, listener: Listener, topic: Topic) -> Iterator[Entry]:
        """The delivery itself, or its part in one that is shared, headed by that one where it is new."""
        key, now = (listener.id, topic), self._now
        known = self._known.get(key, Gathering())
        new_id = self._ids.new(now)
        gathering = gather(known, now, new_id)
        is_shared = gathering.until_at > now
        if is_shared and gathering.delivery_id != new_id and not self._may_join(gathering.delivery_id):
            gathering = gathering._replace(delivery_id=new_id)
        if gathering != known:
            self._known[key] = gathering
            self._gathered[key] = (listener.workspace_id, gathering)
        if not is_shared:
            yield single
            return
        if gathering.delivery_id == new_id:
            delay = listener.terms.delay if topic is Topic.OPENING else 0
            sent_at = gathering.until_at + delay
            self._joinable.add(new_id)
            yield single._replace(
                id=new_id,
                incident_id=None,
                kind=_SAYS[topic],
                reason=Reason.SHARED,
                next_attempt_at=sent_at,
                not_before_at=sent_at,
                content=None,
                is_shared=True,
            )

        yield single._replace(next_attempt_at=None, reason=Reason.SHARED, shared_in=gathering.delivery_id)

    def _may_join(self, delivery_id: int | None) -> bool:
        if delivery_id is None or delivery_id in self._joinable:
            return delivery_id is not None
        if queueing.may_join(self._connection, delivery_id):
            self._joinable.add(delivery_id)
        return delivery_id in self._joinable

    def _remind(self, alert: Unworded, hearing: Hearing) -> None:
        listener, every = hearing.listener, hearing.listener.terms.remind_every
        if every is None or hearing.kind not in OPENINGS:
            return
        due_at = max(self._now, _began_at(alert, hearing) + listener.terms.delay)
        reminders.set_reminder(self._connection, alert.workspace_id, alert.incident_id, listener.id, due_at + every)


def _began_at(alert: Unworded, hearing: Hearing) -> int:
    """Since when the incident has lasted: an alert that makes up for a quiet comes later than what it tells, and to
    tenants who join the incident is new."""
    if alert.catch_up in {None, CatchUp.JOINED}:
        return alert.moment_at
    incident = hearing.content["incident"]
    return parse_iso(incident["reopenedAt"] or incident["openedAt"])


def _text(content: Content) -> str:
    return dumps(content, ensure_ascii=False)

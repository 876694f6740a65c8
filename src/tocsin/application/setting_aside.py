"""Check-ins and events that cannot be recorded are kept where people see them."""

import json

from tocsin.application.record import Item
from tocsin.application.record_events import EventSubmission
from tocsin.domain.ids import IdMaker, to_uuid
from tocsin.store import rejections
from tocsin.store.engine import Connection


def set_aside(connection: Connection, ids: IdMaker, now: int, item: Item, reason: Exception) -> str:
    """Keep it among the workspace's rejections; the public id it has there."""
    rejection_id = ids.new(now)
    rejections.insert_rejection(
        connection, rejection_id, item.workspace_id, now, f"could_not_be_stored: {type(reason).__name__}", shown(item)
    )
    return to_uuid(rejection_id)


def shown(item: Item, *, only_first: bool = False) -> str:
    """What was sent, as the detail of a rejection shows it. `only_first`: of several events one stands for all."""
    if isinstance(item, EventSubmission):
        told: object = [event._asdict() for event in item.events[: 1 if only_first else None]]
    else:
        told = item.check_in._asdict()
    return json.dumps(told, ensure_ascii=True)

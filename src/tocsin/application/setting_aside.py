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


def shown(item: Item) -> str:
    """What was sent, as the detail of a rejection shows it."""
    told: object = [e._asdict() for e in item.events] if isinstance(item, EventSubmission) else item.check_in._asdict()
    return json.dumps(told, ensure_ascii=True)

"""Check-ins that cannot be recorded are kept where people see them."""

import json

from tocsin.domain.ids import IdMaker, to_uuid
from tocsin.domain.model import CheckIn
from tocsin.store import rejections
from tocsin.store.engine import Connection


def set_aside(connection: Connection, ids: IdMaker, now: int, check_in: CheckIn, reason: Exception) -> str:
    """Keep the check-in among the workspace's rejections; the public id it has there."""
    rejection_id = ids.new(now)
    detail = json.dumps(check_in._asdict(), ensure_ascii=True)
    rejections.insert_rejection(
        connection, rejection_id, check_in.workspace_id, now, f"could_not_be_stored: {type(reason).__name__}", detail
    )
    return to_uuid(rejection_id)

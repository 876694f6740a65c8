"""Rows of rejections."""

from sqlalchemy import Connection, insert

from tocsin.store.schema import rejections


def insert_rejection(
    connection: Connection, rejection_id: int, workspace_id: int, now: int, reason: str, detail: str, number: int = 1
) -> None:
    """`number`: how many it stands for, of which `detail` shows one."""
    row = {"id": rejection_id, "workspace_id": workspace_id, "at": now, "reason": reason, "detail": detail}
    connection.execute(insert(rejections).values(**row, number=number))

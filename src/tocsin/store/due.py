"""When something falls due next, across all that waits."""

from sqlalchemy import Connection, text

#: Each minimum is one look at the edge of a partial index, however many rows wait behind it.
_NEXT = text("""
SELECT (SELECT min(check_at) FROM streams WHERE check_at IS NOT NULL),
       (SELECT min(check_at) FROM runs WHERE check_at IS NOT NULL),
       (SELECT min(check_at) FROM incidents WHERE check_at IS NOT NULL),
       (SELECT min(moment_at) FROM alerts WHERE worded_at IS NULL),
       (SELECT min(next_at) FROM reminders),
       (SELECT min(check_at) FROM holds WHERE check_at IS NOT NULL),
       (SELECT min(next_at) FROM quiets WHERE next_at IS NOT NULL)
""")


def next_moment(connection: Connection) -> int | None:
    """The earliest `check_at`, moment of an alert not yet worded, reminder, end of a quiet; None if nothing waits."""
    moments = [moment for moment in connection.execute(_NEXT).one() if moment is not None]
    return min(moments, default=None)

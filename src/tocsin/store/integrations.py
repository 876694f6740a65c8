"""Integrations under patterns: the rows that are locked while incidents of integrations are decided about."""

import json
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from tocsin.domain.event import IntegrationPattern
from tocsin.domain.ids import IdMaker
from tocsin.domain.model import Incident, Windows
from tocsin.store import raw

#: (workspace id, integration key, pattern id)
Key = tuple[int, str, str]

_SUBJECT, _INCIDENT = len(IntegrationPattern._fields), len(Incident._fields)
_IS_KEY = "s.workspace_id = {0} AND s.integration_key = {1} AND s.pattern_id = {2}"

_IDS_SQLITE = f"""
SELECT s.id FROM json_each(?) AS p
JOIN integration_patterns AS s ON {_IS_KEY.format("p.value ->> 0", "p.value ->> 1", "p.value ->> 2")}
"""
#: `OFFSET 0` keeps the plan to one index look-up a key, whatever the statistics say.
_IDS_POSTGRES = f"""
SELECT s.id FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS p (workspace_id, integration_key, pattern_id)
JOIN LATERAL (SELECT s.id FROM integration_patterns AS s
    WHERE {_IS_KEY.format("p.workspace_id", "p.integration_key", "p.pattern_id")} OFFSET 0) AS s ON true
"""
_LOCK = "SELECT id FROM integration_patterns WHERE id IN ? ORDER BY id FOR UPDATE"

#: With the workspace's clocks and the newest incident: the one not closed, or the one a cooldown may reuse.
_SITUATIONS = f"""
SELECT {", ".join(f"s.{name}" for name in IntegrationPattern._fields)},
    w.recovery_window, w.close_window, w.cooldown_window, {", ".join(f"i.{name}" for name in Incident._fields)}
FROM integration_patterns AS s
JOIN workspaces AS w ON w.id = s.workspace_id
LEFT JOIN incidents AS i ON i.id = (
    SELECT n.id FROM incidents AS n
    WHERE n.workspace_id = s.workspace_id AND n.integration_key = s.integration_key AND n.pattern_id = s.pattern_id
    ORDER BY n.opened_at DESC, n.id DESC LIMIT 1)
WHERE s.id IN ?
ORDER BY s.id
"""

_DUE = """
SELECT s.id FROM incidents AS i
JOIN integration_patterns AS s
    ON s.workspace_id = i.workspace_id AND s.integration_key = i.integration_key AND s.pattern_id = i.pattern_id
WHERE i.check_at <= {mark} AND i.integration_key IS NOT NULL
ORDER BY i.check_at LIMIT {mark}
"""

_OF_INCIDENT = """
SELECT s.id FROM incidents AS i
JOIN integration_patterns AS s
    ON s.workspace_id = i.workspace_id AND s.integration_key = i.integration_key AND s.pattern_id = i.pattern_id
WHERE i.workspace_id = {mark} AND i.id = {mark}
"""


class Situation(NamedTuple):
    """An integration under a pattern as it stands: its newest incident, and the clocks of its workspace."""

    subject: IntegrationPattern
    windows: Windows
    incident: Incident | None

    @property
    def key(self) -> Key:
        return self.subject.workspace_id, self.subject.integration_key, self.subject.pattern_id


def lock_situations(connection: Connection, subject_ids: Collection[int]) -> dict[int, Situation]:
    """The situations of these subjects, locked in key order until the transaction ends.

    Two statements: what the second reads is what those who had the locks before have left.
    """
    ids = sorted(subject_ids)
    if not raw.is_sqlite(connection):
        raw.select_by(connection, _LOCK, ids)
    return {row[0]: _situation(row) for row in raw.select_by(connection, _SITUATIONS, ids)}


def lock_keys(connection: Connection, ids: IdMaker, now: int, keys: Collection[Key]) -> dict[int, Situation]:
    """The situations of these integrations under these patterns, locked; those never met before are made."""
    wanted = sorted(keys)
    found = _ids(connection, wanted)
    if len(found) < len(wanted):
        rows = [IntegrationPattern(ids.new(now), *key) for key in wanted]
        taken = "ON CONFLICT (workspace_id, integration_key, pattern_id) DO NOTHING"
        raw.insert(connection, "integration_patterns", IntegrationPattern._fields, rows, taken)
        found = _ids(connection, wanted)
    return lock_situations(connection, found)


def due_subjects(connection: Connection, until_at: int, limit: int) -> list[int]:
    """Those whose incident's clock has come to `until_at`, earliest first."""
    rows = raw.select(connection, _DUE.format(mark="?"), _DUE.format(mark="%s"), until_at, limit)
    return [row[0] for row in rows]


def subject_of(connection: Connection, workspace_id: int, incident_id: int) -> int | None:
    """What an incident of an integration is about."""
    of_incident = _OF_INCIDENT.format(mark="?"), _OF_INCIDENT.format(mark="%s")
    rows = raw.select(connection, *of_incident, workspace_id, incident_id)
    return rows[0][0] if rows else None


def write_subjects(connection: Connection, changed: Collection[IntegrationPattern]) -> None:
    fixed = ("workspace_id", "integration_key", "pattern_id")
    raw.update(connection, "integration_patterns", IntegrationPattern._fields, changed, fixed)


def _ids(connection: Connection, keys: Sequence[Key]) -> list[int]:
    if raw.is_sqlite(connection):
        rows = raw.select(connection, _IDS_SQLITE, "", json.dumps(keys))
    else:
        workspaces, integrations, patterns = zip(*keys, strict=True)
        columns = raw.numbers(workspaces), raw.texts(integrations), raw.texts(patterns)
        rows = raw.select(connection, "", _IDS_POSTGRES, *columns)
    return [row[0] for row in rows]


def _situation(row: Sequence[Any]) -> Situation:
    incident = row[-_INCIDENT:]
    return Situation(
        IntegrationPattern._make(row[:_SUBJECT]),
        Windows._make(row[_SUBJECT : _SUBJECT + 3]),
        None if incident[0] is None else Incident._make(incident),
    )

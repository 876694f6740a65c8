"""Rows and values that alerts are made of, for tests."""

import json
from typing import Any

from sqlalchemy import Connection, insert

from tocsin.domain.ids import IdMaker, to_uuid
from tocsin.domain.model import AlertKind
from tocsin.store import schema

NOON = 1_767_614_400_000_000
MINUTE = 60_000_000


def tenant(name: str, missed_runs: int = 1) -> dict[str, Any]:
    return {
        "tenantId": to_uuid(hash(name) & 0xFFFFFFFF),
        "tenantName": name,
        "externalId": name.lower(),
        "eventCount": missed_runs,
        "missedRuns": missed_runs,
        "firstSeenAt": "2026-01-05T11:59:00Z",
        "lastSeenAt": "2026-01-05T12:00:00Z",
    }


def content(kind: str = "opened", *names: str, **changes: Any) -> dict[str, Any]:
    """The content of an alert about the job `Daily Report`, as `application.announce` makes it."""
    incident: dict[str, Any] = {
        "id": to_uuid(7),
        "workspaceId": to_uuid(1),
        "kind": "job",
        "integrationKey": None,
        "jobKey": "daily-report",
        "jobName": "Daily Report",
        "environment": "production",
        "patternId": None,
        "patternName": None,
        "status": "Open",
        "confidence": None,
        "openedAt": "2026-01-05T12:00:00Z",
        "recoveringAt": None,
        "closedAt": None,
        "reopenedAt": None,
        "reopenCount": 0,
        "eventCount": len(names),
        "missedRuns": len(names),
        "tenantCount": len(names),
        "isChronic": False,
        "affectedTenants": [],
    }
    return {
        "kind": kind,
        "at": "2026-01-05T12:00:00Z",
        "incident": incident,
        "job": {"jobKey": "daily-report", "name": "Daily Report", "runbookUrl": "https://wiki.example/daily"},
        "reason": "1 tenant missed daily-report",
        "missedRuns": len(names),
        "tenantCount": len(names),
        "affectedTenants": [tenant(name) for name in names],
        "url": f"https://tocsin.example/incidents/{to_uuid(7)}",
        **changes,
    }


class Desk:
    """Puts workspaces, channels, incidents and alerts into a database."""

    def __init__(self, connection: Connection, ids: IdMaker, now: int = NOON) -> None:
        self.connection = connection
        self.ids = ids
        self.now = now

    def workspace(self) -> int:
        windows = {"recovery_window": 1, "close_window": 1, "cooldown_window": 1}
        return self._insert(schema.workspaces, name="Acme", created_at=self.now, **windows)

    def channel(self, workspace_id: int, provider: str = "webhook", name: str = "default", **values: Any) -> int:
        row: dict[str, Any] = {"config": b"sealed", "created_at": self.now, **values}
        return self._insert(schema.channels, workspace_id=workspace_id, provider=provider, name=name, **row)

    def incident(self, workspace_id: int, **values: Any) -> int:
        row: dict[str, Any] = {"kind": "job", "job_key": "daily-report", "job_name": "Daily Report"}
        row |= {"environment": "production"}
        row |= {"status": "Open", "opened_at": self.now}
        return self._insert(schema.incidents, workspace_id=workspace_id, **{**row, **values})

    def affected(self, workspace_id: int, incident_id: int, external_id: str, cycle: int = 1, at: int = NOON) -> int:
        tenant_id = self._insert(
            schema.tenants, workspace_id=workspace_id, external_id=external_id, name="", created_at=self.now
        )
        seen = {"first_seen_at": at, "last_seen_at": at, "cycle_seen_at": at, "missed_runs": 1}
        row = {"incident_id": incident_id, "tenant_id": tenant_id, "workspace_id": workspace_id, "cycle": cycle, **seen}
        self.connection.execute(insert(schema.incident_tenants).values(row))
        return tenant_id

    def alert(
        self, workspace_id: int, incident_id: int, kind: AlertKind, *, is_worded: bool = False, **values: Any
    ) -> int:
        row = {"kind": kind, "cycle": 1, "moment_at": self.now, "created_at": self.now, **values}
        if is_worded:
            row |= {"worded_at": self.now, "content": json.dumps(content(kind, "Acme"))}
        return self._insert(schema.alerts, workspace_id=workspace_id, incident_id=incident_id, **row)

    def delivery(self, workspace_id: int, incident_id: int, channel_id: int, kind: AlertKind, **values: Any) -> int:
        alert_id = self.alert(workspace_id, incident_id, kind, is_worded=True)
        row = {"created_at": self.now, "next_attempt_at": self.now, "kind": kind, "incident_id": incident_id, **values}
        return self._insert(
            schema.deliveries, workspace_id=workspace_id, alert_id=alert_id, channel_id=channel_id, **row
        )

    def _insert(self, table: Any, **values: Any) -> int:
        row_id = self.ids.new(self.now)
        self.connection.execute(insert(table).values(id=row_id, **values))
        return row_id

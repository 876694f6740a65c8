"""Fills a database with what pages have to cope with: 10,000 jobs, 1,000 tenants, 1,000,000 runs, and all that follows.

Ten jobs are run by every tenant, 40 times each, the others by ten tenants, six or seven times: 100,000 streams. The
first job has an open incident with 38 tenants, and nineteen others one with a few. Every id is a base and a number, so
that a handful of statements make everything.
"""

from typing import NamedTuple

from sqlalchemy import Connection, text

from bench.seed import tidy
from tocsin.application import accounts, installation, manage_channels
from tocsin.application.tally import Tallier
from tocsin.clock import SystemClock
from tocsin.domain.ids import IdMaker
from tocsin.domain.model import SECOND
from tocsin.secret_box import SecretBox
from tocsin.store.accounts import first_workspace
from tocsin.store.channels import find_channel
from tocsin.store.engine import Store
from tocsin.store.migrations import migrate

_HOUR, _DAY = 3_600 * SECOND, 86_400 * SECOND
JOBS, TENANTS, STREAMS, RUNS = 10_000, 1_000, 100_000, 1_000_000
#: Jobs that every tenant has.
_CROWDED = 10
_AFFECTED = 38
_INCIDENTS, _OPEN = 2_000, 20
_EACH_HOUR = 25_000
_EVENTS = 200_000
_DELIVERIES = 100_000
_WINDOWS = 200

#: The number of the environment, and of the tenant, of the stream {n}.
_ENVIRONMENT_OF = "(CASE WHEN {n} < 10000 THEN {n} / 1000 ELSE 10 + ({n} - 10000) % 9990 END)"
_TENANT_OF = "(CASE WHEN {n} < 10000 THEN {n} % 1000 ELSE ({n} + ({n} - 10000) / 9990) % 1000 END)"
_IS_AFFECTED = "({n} < 38 OR ({n} >= 1000 AND {n} < 20000 AND {n} % 997 = 0))"
_HIT = f"CASE WHEN i = 0 THEN {_AFFECTED} ELSE 4 END"
_OUTCOME = "(CASE WHEN i % 50 = 7 THEN 'error' WHEN i % 97 = 5 THEN 'missed' ELSE 'ok' END)"


class Seeded(NamedTuple):
    """How to come in, and where ids begin."""

    api_key: str
    claim_token: str
    workspace_id: int
    bases: dict[str, int]


def seed(store: Store, secrets: SecretBox) -> Seeded:
    """Brings the database to its schema and fills it; what has ended is counted as it is a minute later. Streams come
    up for judging all the time, and none is late within the hour. `secrets`: the server's."""
    migrate(store)
    now, ids = SystemClock().now(), IdMaker()
    with store.write() as connection:
        first = installation.begin(connection, ids, now - 90 * _DAY)
        workspace_id = first_workspace(connection)
        if first is None or workspace_id is None:
            raise SystemExit("The database is in use.")
        token = accounts.make_claim(connection, now)
        # A day of its own for each table: what the server makes from now on lies above all of them.
        bases = {table: ids.new(now) - ((days * _DAY // 1000) << 22) for days, table in enumerate(_ROWS, 1)}
        bases["channels"] = _channel(connection, ids, secrets, workspace_id, now)
        for table in _ROWS:
            _fill(connection, table, bases, workspace_id, now)
    Tallier(store).advance(now)
    tidy(store)
    return Seeded(first.api_key, token, workspace_id, bases)


def _channel(connection: Connection, ids: IdMaker, secrets: SecretBox, workspace_id: int, now: int) -> int:
    """The id of the only channel, switched off: nobody is told of what never was."""
    config = {"webhookUrl": "https://chat.example/services/T0/B0/x"}
    arguments = (connection, ids, now, secrets, workspace_id, "slack", "default")
    manage_channels.put_channel(*arguments, lambda _: config, is_enabled=False)
    channel = find_channel(connection, workspace_id, "slack", "default")
    return int(channel["id"]) if channel else 0


def _fill(connection: Connection, table: str, bases: dict[str, int], workspace_id: int, now: int) -> None:
    times, row = _ROWS[table]
    known = {f"{name}_0": base for name, base in bases.items()}
    values = {"id": f"{bases[table]} + i", "ws": workspace_id, "now": now, "hour": _HOUR, "day": _DAY, **known}
    columns, _, expressions = row.partition("::")
    numbers = f"WITH RECURSIVE n (i) AS (SELECT CAST(0 AS bigint) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {times})"
    into = f"INSERT INTO {table} (workspace_id, {columns}) {numbers}"
    # "::" would be a cast, and ":name" a parameter: there are neither, so nothing of it is taken for one.
    connection.execute(text(f"{into} SELECT {workspace_id}, {expressions.format(**values)} FROM n"))


def _of(expression: str, number: str) -> str:
    return expression.replace("{n}", number)


_ENV, _TENANT, _SICK = (_of(one, "i") for one in (_ENVIRONMENT_OF, _TENANT_OF, _IS_AFFECTED))
#: Run {i}: every hour, of each stream of the crowded jobs and of a sixth of the others.
_STREAM_OF_RUN = (
    f"(CASE WHEN i % {_EACH_HOUR} < 10000 THEN i % {_EACH_HOUR}"
    f" ELSE i % {_EACH_HOUR} + i / {_EACH_HOUR} % 6 * ({_EACH_HOUR} - 10000) END)"
)
_RAN_AT = f"{{now}} - ({RUNS // _EACH_HOUR} - 1 - i / {_EACH_HOUR}) * {{hour}} - 60000000"
#: The incident and the moment of alert {i}.
_ALERTED = f"{{incidents_0}} + i % {_INCIDENTS}"
_TOLD_AT = f"{{now}} - ({_DELIVERIES} - i) * 60000000"
#: Table → how many rows, and "columns :: expressions" over the row's number i.
_ROWS: dict[str, tuple[int, str]] = {
    "tenants": (
        TENANTS,
        "id, external_id, name, created_at :: {id}, 'tenant-' || i, 'Customer ' || i, {now} - 80 * {day}",
    ),
    "jobs": (
        JOBS,
        "id, job_key, name, tags, schedule_type, schedule_interval, grace, threshold_mode, miss_threshold,"
        "impact_threshold, recovery_threshold, tenant_scope, ping_uuid, created_at :: {id}, 'job-' || i, 'Job ' || i,"
        "CASE WHEN i % 3 = 0 THEN '[\"finance\"]' ELSE '[]' END, 'interval', {hour}, 300000000, 'any', 3, 3, 1, 'seen',"
        "'00000000-0000-4000-8000-' || CAST(100000000000 + i AS text), {now} - 80 * {day}",
    ),
    "job_environments": (
        JOBS,
        "id, job_id, environment, watched_count, late_count, affected_count :: {id}, {jobs_0} + i, 'production',"
        f"CASE WHEN i < {_CROWDED} THEN {TENANTS} ELSE 10 END, CASE WHEN i = 0 THEN {_AFFECTED} ELSE 0 END,"
        f"CASE WHEN i = 0 THEN {_AFFECTED} ELSE 0 END",
    ),
    "streams": (
        STREAMS,
        "id, job_environment_id, tenant_id, is_watched, expected_since_at, anchor_at, last_began_at, last_success_at,"
        "last_result_at, last_check_in_at, successes_in_row, missed_runs, is_affected, check_at :: {id},"
        f"{{job_environments_0}} + {_ENV}, {{tenants_0}} + {_TENANT}, true, {{now}}, {{now}},"
        f"{{now}}, CASE WHEN {_SICK} THEN {{now}} - 3 * {{hour}} ELSE {{now}} END, {{now}}, {{now}},"
        f"CASE WHEN {_SICK} THEN 0 ELSE 9 END, CASE WHEN {_SICK} THEN 2 ELSE 0 END, {_SICK},"
        "{now} + i % 3900 * 1000000",
    ),
    "runs": (
        RUNS,
        "id, job_id, stream_id, outcome, at, expected_at, started_at, finished_at, received_at, duration, exit_code ::"
        f"{{id}}, {{jobs_0}} + {_of(_ENVIRONMENT_OF, _STREAM_OF_RUN)}, {{streams_0}} + {_STREAM_OF_RUN}, {_OUTCOME},"
        f"{_RAN_AT}, {_RAN_AT} - 30000000, NULL, {_RAN_AT}, {_RAN_AT}, 1000000 + (i % 977) * 10000,"
        "CASE WHEN i % 50 = 7 THEN 1 END",
    ),
    "incidents": (
        _INCIDENTS,
        "id, kind, job_environment_id, job_key, job_name, environment, status, opened_at, closed_at, missed_runs,"
        "tenant_count, cycle_tenants, was_alerted, is_announced, alerted_tenants ::"
        "{id}, 'job', {job_environments_0} + i, 'job-' || i, 'Job ' || i, 'production',"
        f"CASE WHEN i < {_OPEN} THEN 'Open' ELSE 'Closed' END, {{now}} - (i + 1) * {{hour}},"
        f"CASE WHEN i < {_OPEN} THEN NULL ELSE {{now}} - i * {{hour}} END, 2 * {_HIT}, {_HIT}, {_HIT},"
        f"true, i < {_OPEN}, 4",
    ),
    "incident_tenants": (
        _INCIDENTS * 4 + _AFFECTED - 4,
        "tenant_id, incident_id, cycle, missed_runs, first_seen_at, last_seen_at, cycle_seen_at :: "
        f"{{tenants_0}} + CASE WHEN i < {_AFFECTED} THEN i ELSE i % {TENANTS} END,"
        f"{{incidents_0}} + CASE WHEN i < {_AFFECTED} THEN 0 ELSE 1 + (i - {_AFFECTED}) / 4 END,"
        "1, 2, {now} - {hour}, {now} - {hour}, {now} - {hour}",
    ),
    "transitions": (
        _INCIDENTS * 2,
        "id, incident_id, from_status, to_status, reason, sentence, occurred_at :: {id}, {incidents_0} + i / 2,"
        "CASE WHEN i % 2 = 1 THEN 'Open' END, CASE WHEN i % 2 = 1 THEN 'Recovering' ELSE 'Open' END,"
        "'impact_threshold_met', '4 tenants missed Job ' || i / 2, {now} - i / 2 * {hour}",
    ),
    "alerts": (
        _DELIVERIES,
        f"id, incident_id, kind, cycle, moment_at, created_at, worded_at :: {{id}}, {_ALERTED}, 'opened', 1,"
        f"{_TOLD_AT}, {_TOLD_AT}, {_TOLD_AT}",
    ),
    "deliveries": (
        _DELIVERIES,
        "id, alert_id, incident_id, channel_id, kind, state, reason, attempts, created_at, settled_at :: {id},"
        f"{{alerts_0}} + i, {_ALERTED}, {{channels_0}}, 'opened',"
        "CASE WHEN i % 100 = 3 THEN 'failed' ELSE 'delivered' END,"
        f"CASE WHEN i % 100 = 3 THEN 'refused' ELSE 'delivered' END, 1, {_TOLD_AT}, {_TOLD_AT}",
    ),
    "delivery_attempts": (
        _DELIVERIES,
        "id, delivery_id, at, duration, outcome, arrival, status_code, detail :: {id}, {deliveries_0} + i,"
        f"{_TOLD_AT}, 180000, 'delivered', 'yes', 200, 'ok'",
    ),
    "integration_patterns": (50, "id, integration_key, pattern_id :: {id}, 'integration-' || i, 'auth_failure'"),
    "events": (
        _EVENTS,
        "id, tenant_id, integration_key, event_type, error_code, pattern_id, confidence, occurred_at, received_at ::"
        f"{{id}}, {{tenants_0}} + i % {TENANTS}, 'integration-' || i % 50, 'auth_failed', '401', 'auth_failure',"
        f"'High', {{now}} - ({_EVENTS} - i) * 1000000, {{now}} - ({_EVENTS} - i) * 1000000",
    ),
    "places": (
        JOBS,
        "id, job_id, project, service, host, last_at, last_run_id :: {id}, {jobs_0} + i, 'project-' || i % 20,"
        "'service-' || i % 200, 'host-' || i % 500, {now} - {hour}, {runs_0} + i",
    ),
    "rejections": (
        1_000,
        "id, at, reason, detail, source, job_key, environment, times, first_at :: {id}, {now} - i * 60000000,"
        "'unknown_job', 'There is no job of this name.', 'sentry', 'gone-' || i, 'production', 3, {now} - {day}",
    ),
    "quiets": (
        _WINDOWS,
        "id, reason, target_kind, target_value, from_at, until_at, starts_at, ends_at, created_at, created_by :: {id},"
        "'in_maintenance', 'job', 'job-' || i, {now} + {day}, {now} + {day} + {hour},"
        "{now} + {day}, {now} + {day} + {hour},"
        "{now}, 'bench@example.com'",
    ),
    "public_links": (
        2,
        "id, token, kind, target, created_at :: {id}, CASE WHEN i = 0 THEN 'status' ELSE 'badge' END || '-of-all',"
        "CASE WHEN i = 0 THEN 'status' ELSE 'badge' END, 'workspace', {now}",
    ),
}

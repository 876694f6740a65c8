"""Every channel of a running server: what arrives, and what is never told to anybody."""

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.acceptance.conftest import Home
from tests.support.remote import Remote
from tests.support.server import Server
from tests.support.stations import STATIONS
from tests.support.town import Town, town
from tests.support.waiting import wait_until
from tocsin.store.schema import metadata

pytestmark = pytest.mark.acceptance

PROVIDERS = [*STATIONS, "email"]
#: A piece of a secret as long as this is as good as found.
PIECE = 9


def _set_all(remote: Remote, place: Town) -> None:
    remote.windows(1, 1, 1)
    for provider, station in STATIONS.items():
        remote.ok("PUT", f"workspaces/me/channels/{provider}", {"config": station.config(place.http.url)})
    remote.ok("PUT", "workspaces/me/channels/email", {"config": {"to": ["ops@example.com"]}})


def _falls_silent(remote: Remote) -> str:
    remote.tenant("acme")
    remote.job("nightly", 1)
    remote.ping("nightly", "acme")
    return str(wait_until(lambda: remote.incidents("nightly"), 10, "the incident")[0]["id"])


def _deliveries(remote: Remote) -> list[Any]:
    return list(remote.ok("GET", "deliveries", params={"pageSize": 100})["items"])


def test_an_incident_is_told_on_every_channel_and_taken_back(home: Home) -> None:
    with town() as place, home.serving(**place.settings) as server:
        remote = Remote(server)
        _set_all(remote, place)
        incident = _falls_silent(remote)
        wait_until(lambda: place.mail.mails and all(map(place.received, STATIONS)), 20, "the opened alerts")
        remote.ok("PATCH", "jobs/nightly", {"isActive": False})
        wait_until(lambda: _all_delivered(remote, "resolved"), 20, "the resolved alerts")
        _arrived_well(place, incident)
        assert server.stop() == 0
    assert '"level": "error"' not in server.output


def _all_delivered(remote: Remote, kind: str) -> bool:
    rows = [row for row in _deliveries(remote) if row["kind"] == kind]
    return len(rows) == len(PROVIDERS) and all(row["state"] == "delivered" for row in rows)


def _arrived_well(place: Town, incident: str) -> None:
    seen = {name: [STATIONS[name].inspect(one) for one in place.received(name)] for name in STATIONS}
    assert {name: len(bodies) for name, bodies in seen.items()} == dict.fromkeys(STATIONS, 2)
    assert [event["event_action"] for event in seen["pagerduty"]] == ["trigger", "resolve"]
    assert {event["dedup_key"] for event in seen["pagerduty"]} == {incident}
    assert {alert["alias"] for alert in seen["opsgenie"]} == {incident}
    opened, resolved = place.mail.mails
    root = f"<incident-{incident}@example.com>"
    assert f"Message-ID: {root}".encode() in bytes(opened.content or b"")  # type: ignore[arg-type]
    assert f"References: {root}".encode() in bytes(resolved.content or b"")  # type: ignore[arg-type]


# --- canaries ---------------------------------------------------------------------------------------------------------


async def _parrot(request: web.Request) -> web.StreamResponse:
    """Refuses, and says back everything it was told."""
    return web.Response(status=400, text=f"{request.raw_path} {dict(request.headers)} {await request.text()}"[:2_000])


def test_no_secret_leaves_its_channel(home: Home, tmp_path: Path) -> None:
    answers: list[str] = []
    login = "smtp://bell:C4naryC4naryC4nary@127.0.0.1"
    with town(_parrot) as place:
        settings = {**place.settings, "smtp_url": f"{login}:{place.mail.port}", "log_level": "debug"}
        with home.serving(**settings) as server:
            remote = _Listener(server, answers)
            _set_all(remote, place)
            _use_everything(remote)
            _copy(home, tmp_path / "backup")
            assert server.stop() == 0
    assert len(place.http.received) >= 2 * len(STATIONS)
    _has_no_canary("an answer", "\n".join(answers).encode())
    _has_no_canary("the log", server.output.encode())
    for path in [*tmp_path.rglob("*.db*"), *(tmp_path / "backup").iterdir()]:
        _has_no_canary(str(path), path.read_bytes())


class _Listener(Remote):
    """Keeps every answer."""

    def __init__(self, server: Server, answers: list[str]) -> None:
        super().__init__(server)
        self._answers = answers

    def call(self, method: str, path: str, json: Any = None, **more: Any) -> Any:
        answer = super().call(method, path, json, **more)
        self._answers.append(f"{answer.headers} {answer.text}")
        return answer


def _use_everything(remote: Remote) -> None:
    """Real alerts that fail, tests that fail, configs that are refused, and all that lists them."""
    _falls_silent(remote)
    wait_until(lambda: _all_failed(remote), 30, "the failures")
    for provider in PROVIDERS:
        once = {"Idempotency-Key": f"try {provider}"}
        outcome = remote.ok("POST", f"workspaces/me/channels/{provider}/test", headers=once)
        assert outcome["delivered"] is False, outcome
        spoilt = {
            "config": {name: f"{value}\n" for name, value in STATIONS["slack"].config("https://x.example").items()}
        }
        assert remote.refused("PUT", f"workspaces/me/channels/{provider}", spoilt)[0] == 422
    failed = next(row for row in _deliveries(remote) if row["state"] == "failed")
    remote.ok("POST", f"deliveries/{failed['id']}/resend")
    remote.ok("GET", "workspaces/me")


def _all_failed(remote: Remote) -> bool:
    rows = _deliveries(remote)
    return len(rows) >= len(PROVIDERS) and all(row["attempts"] for row in rows)


def _copy(home: Home, folder: Path) -> None:
    """What a backup holds: SQLite's own copy, or every row of every table."""
    folder.mkdir()
    if not home.database_url:
        with sqlite3.connect(home.folder / "tocsin.db") as source, sqlite3.connect(folder / "copy.sqlite") as target:
            source.backup(target)
        for path in home.folder.glob("tocsin.db*"):
            shutil.copy(path, folder / f"live-{path.name}")
        return
    with home.store() as store, store.read() as connection:
        rows = [tuple(row) for table in metadata.sorted_tables for row in connection.execute(table.select())]
    (folder / "rows").write_text(json.dumps(rows, default=lambda value: bytes(value).decode("latin-1")))


def _has_no_canary(where: str, content: bytes) -> None:
    secrets = {secret for station in STATIONS.values() for secret in station.secrets} | {"C4naryC4naryC4nary"}
    pieces = {secret[start : start + PIECE] for secret in secrets for start in range(len(secret) - PIECE + 1)}
    found = [piece for piece in sorted(pieces) if piece.encode() in content]
    assert found == [], f"{where}: {[content[max(content.find(p.encode()) - 200, 0) :][:400] for p in found[:2]]}"

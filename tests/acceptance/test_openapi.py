"""The OpenAPI document and the real server agree: whatever it allows is taken, whatever it forbids is refused."""

import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import Home
from tests.support.document import Document
from tests.support.remote import Remote
from tests.support.server import serving
from tests.support.waiting import wait_until
from tocsin.clock import SystemClock
from tocsin.domain.model import SECOND

pytestmark = pytest.mark.acceptance

HERE = Path(__file__).parent
OWNER = {"email": "owner@example.com", "password": "correct horse battery staple"}
#: Of the whole run; what the document makes certain is tried first, and the rest is for chance and for sequences.
SECONDS = os.environ.get("FUZZ_SECONDS", "60")


def test_schemathesis_finds_nothing(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        remote = Remote(server)
        claim = re.search(r"/claim#(\S+)", server.output)
        assert claim is not None
        remote.ok("POST", "auth/register", {**OWNER, "claimToken": claim[1]})
        session = remote.ok("POST", "auth/login", OWNER)
        address = f"{server.url}/api/v1/openapi.json"
        options = ["--max-time", SECONDS, "--continue-on-failure", "--generation-database", "none"]
        options += ["--warnings", "off", "--no-color", "--workers", "1"]
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml")]
        found = subprocess.run(
            [*command, "run", address, *options],
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(["src", str(HERE.parent.parent)]),
                "SCHEMATHESIS_HOOKS": "tests.support.fuzzing",
                "FUZZ_URL": server.url,
                "FUZZ_REFRESH_TOKEN": session["refreshToken"],
            },
            capture_output=True,
            text=True,
            check=False,
        )
        print(found.stdout[-20_000:], found.stderr[-5_000:])  # noqa: T201 -- pytest shows it beside the failure
        assert found.returncode == 0
        assert '"request_failed"' not in server.output


def test_every_example_of_the_document_is_taken_by_the_real_route(home: Home) -> None:
    with home.serving() as server:
        remote = Remote(server)
        document = Document(remote.call("GET", "openapi.json").json())
        remote.job("daily-report", 3600)
        remote.tenant("acme-corp")
        filled = {"jobKey": "daily-report", "tenant": "acme-corp", "provider": "slack", "name": "second"}
        filled["incident"] = _incident(remote)
        shown = document.examples()
        assert {"/api/v1/jobs/{jobKey}/ping", "/api/v1/jobs"} <= {path for _, path, _ in shown}
        for method, path, body in shown:
            _take(remote, document, method.upper(), path.removeprefix("/api/v1/").format(**filled), _ahead(body))


def test_every_route_machines_ping_shows_an_example(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        document = Document(Remote(server).call("GET", "openapi.json").json())
    shown = {(method, path) for method, path, _ in document.examples()}
    pinged = {
        (method, path)
        for path, methods in document.paths.items()
        for method, operation in methods.items()
        if "ingest" in operation.get("tags", ())
    }
    assert pinged
    assert pinged <= shown


def test_the_page_of_the_api_needs_nobody_else(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        remote = Remote(server)
        page = remote.call("GET", "docs")
        paths = remote.call("GET", "openapi.json").json()["paths"]
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "http" not in policy
    addresses = set(re.findall(r"(?:src|href)='([^'#][^']*)'", page.text))
    assert addresses == {"/api/v1/openapi.json"}
    assert [path for path in paths if f"<code>{path}</code>" not in page.text] == []


def _incident(remote: Remote) -> str:
    """The id of an incident that is open."""
    remote.job("failing", 3600, failureThreshold=1)
    remote.ping("failing", "acme-corp", "failure")
    return str(wait_until(lambda: remote.incidents("failing"), 10, "the incident")[0]["id"])


def _ahead(body: Any) -> Any:
    """What is muted or planned must lie ahead, for a year at most; the document's moments stand still."""
    moments = {"until": timedelta(days=2), "startsAt": timedelta(days=1), "endsAt": timedelta(days=1, hours=2)}
    now = datetime.fromtimestamp(SystemClock().now() / SECOND, UTC)
    return {**body, **{name: (now + moments[name]).isoformat() for name in moments.keys() & body.keys()}}


def _take(remote: Remote, document: Document, method: str, path: str, body: Any) -> None:
    answer = remote.call(method, path, body)
    if path != "workspaces":  # a key may not make workspaces
        assert answer.status_code in {200, 201}, f"{method} {path}: {answer.text}"
    assert document.faults(method, f"/api/v1/{path}", answer.status_code, answer.json()) == []

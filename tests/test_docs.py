"""What the documentation says is there, and everything that is there is documented."""

import re
from pathlib import Path
from pkgutil import iter_modules

import pytest
import typer
from click import Command
from starlette.testclient import TestClient

from tocsin.api.app import PREFIX
from tocsin.bootstrap import build
from tocsin.cli import app as cli
from tocsin.delivery.channels import PROVIDERS
from tocsin.ingest import protocols
from tocsin.settings import Settings
from tocsin.telemetry.metrics import Metrics

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])
OPERATIONS = (DOCS / "operations.md").read_text()


def _commands() -> dict[str, Command]:
    group = typer.main.get_command(cli)
    return dict(getattr(group, "commands"))  # noqa: B009 -- click's Group, which typer may vendor


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented(name: str) -> None:
    assert f"| `TOCSIN_{name.upper()}` |" in OPERATIONS


def test_no_setting_is_documented_that_does_not_exist() -> None:
    documented = set(re.findall(r"^\| `TOCSIN_(\w+)` \|", OPERATIONS, re.MULTILINE))
    assert documented <= {name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize("name", _commands())
def test_every_command_is_documented(name: str) -> None:
    assert f"| `tocsin {name}` |" in OPERATIONS


@pytest.mark.parametrize("option", [option for param in _commands()["serve"].params for option in param.opts])
def test_every_option_of_serve_is_documented(option: str) -> None:
    assert f"`{option}`" in OPERATIONS


@pytest.mark.parametrize("metric", sorted(family.name for family in Metrics().described()))
def test_every_metric_is_documented(metric: str) -> None:
    assert re.search(rf"^\| `{metric}(_total)?` \|", OPERATIONS, re.MULTILINE)


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
def test_every_channel_has_its_page(provider: str) -> None:
    assert f"workspaces/me/channels/{provider}" in (DOCS / "channels" / f"{provider}.md").read_text()


@pytest.mark.parametrize("protocol", sorted(found.name for found in iter_modules(protocols.__path__)))
def test_every_protocol_has_its_page(protocol: str) -> None:
    page = "events.md" if protocol == "native_events" else f"protocols/{protocol}.md"
    assert f"docs/{page}" in (ROOT / "README.md").read_text()
    assert (DOCS / page).exists()


def test_every_endpoint_is_documented(tmp_path: Path) -> None:
    documented = set(re.findall(r"^\| `([A-Z]+ /[^`]*)` \|", (DOCS / "api.md").read_text(), re.MULTILINE))
    application = build(Settings(data_dir=tmp_path))
    with TestClient(application.asgi) as client:
        paths = client.get(f"{PREFIX}/openapi.json").json()["paths"]
    there = {f"{method.upper()} {path.removeprefix(PREFIX)}" for path, methods in paths.items() for method in methods}
    assert documented == there


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_page_is_reached_from_the_readme() -> None:
    reached, todo = set(), [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        targets = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
        found = [(page.parent / target).resolve() for target in targets]
        todo += [path for target in found for path in (target.rglob("*.md") if target.is_dir() else [target])]
    assert set(PAGES) <= reached

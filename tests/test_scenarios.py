"""Every worked example comes out as it says."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tocsin.cli import app
from tocsin.scenario.play import Unplayable, play

FILES = sorted((Path(__file__).parent / "scenarios").glob("*.json"))
SCENARIOS = [one for file in FILES for one in json.loads(file.read_text())["scenarios"]]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one["name"])
def test_comes_out_as_it_says(scenario: dict[str, Any]) -> None:
    assert play(scenario) is None


def test_names_are_unique() -> None:
    names = [one["name"] for one in SCENARIOS]
    assert len(names) == len(set(names))


def _with(**expect: Any) -> dict[str, Any]:
    """The simplest scenario, with something else to expect."""
    one = next(s for s in SCENARIOS if s["name"] == "interval-first-miss")
    return {**one, "expect": {**one["expect"], **expect}}


@pytest.mark.parametrize(
    ("expect", "difference"),
    [
        ({"runs": []}, "runs: expected nothing, got acme ok"),
        ({"stream": {"acme": 2}}, "stream: expected acme with 2 missed runs, got acme with 1 missed runs"),
        ({"stream": {"other": 0}}, "got other with no missed runs"),
        ({"incidents": []}, "incidents: expected nothing"),
        ({"alerts": []}, "alerts: expected nothing, got opened"),
        ({"alerts": [[3900, "opened", ["other"]]]}, "of ['other'], got opened"),
    ],
)
def test_the_first_difference_is_told(expect: dict[str, Any], difference: str) -> None:
    assert difference in str(play(_with(**expect)))


def test_what_cannot_be_played_is_said() -> None:
    with pytest.raises(Unplayable, match="nothing a person can do"):
        play({**_with(), "steps": [{"at": 0, "do": "dance"}]})


def test_the_command_exits_with_1_where_something_differs(tmp_path: Path) -> None:
    file = tmp_path / "one.json"
    file.write_text(json.dumps({"scenarios": [_with(alerts=[])]}))
    differs = CliRunner().invoke(app, ["scenario", str(file)])
    assert differs.exit_code == 1
    assert "interval-first-miss: alerts: expected nothing" in differs.output
    file.write_text(json.dumps({"scenarios": [_with()]}))
    assert CliRunner().invoke(app, ["scenario", str(file)]).exit_code == 0

"""`tocsin scenario`: see what your thresholds would have done."""

import json
from pathlib import Path
from typing import Annotated

import typer


def scenario(files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="Scenario files.")]) -> None:
    """Play scenarios through the real application with a simulated clock; exit 1 if any comes out otherwise."""
    import logging

    import structlog

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    failed = 0
    for file in files:
        for one in _scenarios(file):
            verdict = _verdict(one)
            failed += verdict != "ok"
            typer.echo(f"{one.get('name', '?')}: {verdict}")
    if failed:
        raise typer.Exit(1)


def _scenarios(file: Path) -> list[dict[str, object]]:
    try:
        content = json.loads(file.read_text())
        return list(content["scenarios"])
    except (ValueError, KeyError, TypeError) as error:
        raise typer.BadParameter(f"{file} is no scenario file: it needs JSON with a list `scenarios`.") from error


def _verdict(one: dict[str, object]) -> str:
    from tocsin.scenario.play import Unplayable, play

    try:
        return play(one) or "ok"
    except Unplayable as error:
        return f"cannot be played: {error}"

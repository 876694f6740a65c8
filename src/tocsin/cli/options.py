"""Options that several commands share: each is a setting, and wins over its environment variable."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from pydantic import ValidationError

from tocsin.settings import Settings

_FIELDS = Settings.model_fields


def _option(flag: str, name: str) -> Any:
    field = _FIELDS[name]
    default = field.default if field.default not in ("", None) else None
    meaning = f"{field.description} [TOCSIN_{name.upper()}{f'; {default}' if default is not None else ''}]"
    return typer.Option(flag, help=meaning, show_default=False)


Host = Annotated[str | None, _option("--host", "host")]
Port = Annotated[int | None, _option("--port", "port")]
DataDir = Annotated[Path | None, _option("--data-dir", "data_dir")]
DatabaseUrl = Annotated[str | None, _option("--database-url", "database_url")]
RoleName = Annotated[str | None, _option("--role", "role")]


def load_settings(**options: Any) -> Settings:
    """Settings from the environment and the `options` that were given; ends the command where one is wrong."""
    try:
        return Settings(**{name: value for name, value in options.items() if value is not None})
    except ValidationError as error:
        fail("\n".join(_told(found) for found in error.errors()), code=2)


def _told(found: Mapping[str, Any]) -> str:
    return f"TOCSIN_{str(found['loc'][0]).upper()}: {found['msg'].removeprefix('Value error, ')}."


def fail(sentence: str, code: int = 1) -> NoReturn:
    """Ends the command with one sentence on standard error."""
    typer.echo(printable(sentence), err=True)
    raise typer.Exit(code)


def printable(text: str) -> str:
    """Without what a terminal would obey: names are given by people whom the operator does not know."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text)

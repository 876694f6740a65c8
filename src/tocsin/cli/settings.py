"""`tocsin settings`: every setting, what it means, and what it is now."""

import sys

from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from tocsin.cli.options import load_settings
from tocsin.settings import Settings
from tocsin.telemetry.redaction import HIDDEN, redact_text

_WIDE = 240


def settings() -> None:
    """List every setting: its environment variable, its default, its value now, and its meaning."""
    current = load_settings()
    table = Table("variable", "default", "now", "meaning")
    table.columns[0].no_wrap = True
    for name, field in Settings.model_fields.items():
        table.add_row(
            f"TOCSIN_{name.upper()}", _shown(field.default), _shown(getattr(current, name)), field.description
        )
    # In a pipe there is no width to fit into, and a cut value would be of no use to whoever reads it.
    Console(width=None if sys.stdout.isatty() else _WIDE).print(table)


def _shown(value: object) -> str:
    if isinstance(value, SecretStr):
        return HIDDEN if value.get_secret_value() else ""
    return "" if value is None else redact_text(str(value))

"""Secrets of channels: variables of the environment in a file, never the secrets themselves."""

import os
import re
from collections.abc import Mapping
from typing import Any

Object = dict[str, Any]
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def variables(value: Any) -> list[str]:
    """The names of the environment's variables that a config refers to."""
    return _VARIABLE.findall(str(value))


def filled(value: Any, environ: Mapping[str, str] = os.environ) -> Any:
    """A config with `${NAME}` replaced from the environment; raises KeyError for a name that is not set."""
    if isinstance(value, dict):
        return {name: filled(one, environ) for name, one in value.items()}
    if isinstance(value, list):
        return [filled(one, environ) for one in value]
    return _VARIABLE.sub(lambda found: environ[found[1]], value) if isinstance(value, str) else value


def unmasked(channel: Object) -> Object:
    """A channel with a variable in place of everything that the server masks."""
    stem = re.sub(r"[^A-Z0-9]+", "_", f"{channel['provider']}_{channel['name']}".upper())
    config = {
        name: f"${{{stem}_{re.sub('(?<=[a-z])(?=[A-Z])', '_', name).upper()}}}"
        if isinstance(value, str) and "…" in value
        else value
        for name, value in channel["config"].items()
    }
    return {**channel, "config": config}

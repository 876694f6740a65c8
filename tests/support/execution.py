"""`tocsin exec` as a process of its own, as cron starts it."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

#: Where nobody listens.
NOWHERE = "http://127.0.0.1:9"


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """Without any setting of ours but `variables` (`TOCSIN_…` without that prefix); the spool lies in `folder`."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("TOCSIN", "SYNCGUARD"))}
    settings = {"spool": str(folder / "spool"), **variables}
    return {**inherited, **{f"TOCSIN_{name.upper()}": value for name, value in settings.items()}}


def arguments(*command: str, options: tuple[str, ...] = ()) -> list[str]:
    return [sys.executable, "-m", "tocsin", "exec", *options, "--", *command]


def execute(
    env: Mapping[str, str], *command: str, options: tuple[str, ...] = (), **more: Any
) -> subprocess.CompletedProcess[bytes]:
    """Runs it to its end, without a terminal."""
    return subprocess.run(
        arguments(*command, options=options),
        env=env,
        start_new_session=True,
        timeout=60,
        check=False,
        **{"capture_output": True, "stdin": subprocess.DEVNULL, **more},
    )

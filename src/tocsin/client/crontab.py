"""The lines of a crontab, and the same lines under `tocsin exec`. Pure; whatever is not changed stays byte for byte.

What cron does to a command is kept in mind: it gives it to the shell that `SHELL=` names, after making `\\%` a `%`; and
from the first bare `%` on it is no command any more, but its input.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tocsin.client.job_key import suggest

_NAMED = {"@midnight": "@daily", "@annually": "@yearly", "@every_minute": "* * * * *"}
_NEVER_DUE = "@reboot"
_NOT_A_LINE = re.compile(r"\s*(#|$)")
_SETTING = re.compile(r"""\s*("[^"]*"|'[^']*'|[A-Za-z_]\w*)\s*=\s*(.*)""")
_TIMES = r"(?P<times>@\w+|-?[^\s@]\S*(?:\s+\S+){4})"
_USERS = re.compile(rf"(?P<head>\s*{_TIMES}\s+)(?P<command>\S.*)", re.DOTALL)
_SYSTEMS = re.compile(rf"(?P<head>\s*{_TIMES}\s+(?P<user>\S+)\s+)(?P<command>\S.*)", re.DOTALL)
_INPUT = re.compile(r"(?<!\\)%")
_WRAPPED = re.compile(r"(?:^|[\s/;&|('\"])tocsin['\"]?\s+exec\s")
_ITS_KEY = re.compile(r"\s--job[\s=]+['\"]?([A-Za-z0-9._-]+)")
#: No character here means anything to a shell, and a path is no builtin of it.
_PLAIN = re.compile(r"[\w.+-]*/[\w./+-]*(?:[ \t]+[\w.,:/+@=-]+)*[ \t]*", re.ASCII)
_SHELLS = {"sh", "bash", "dash", "ksh", "mksh", "ash", "zsh"}


class Entry(NamedTuple):
    """One job of a crontab. `line` counts from 0; `head` is all that stands before the command.

    `timezone`: of a CRON_TZ line before it, or empty. `key` is its jobKey, or the one suggested for it.
    """

    line: int
    head: str
    times: str
    user: str
    command: str
    timezone: str
    shell: str
    key: str
    is_wrapped: bool

    @property
    def obstacle(self) -> str:
        """Why it cannot be wrapped; empty if it can."""
        if self.shell.rpartition("/")[2] not in _SHELLS:
            return f"its shell {self.shell} is not of the kind that the quoting is for"
        return ""


class Wrapping(NamedTuple):
    """How to call Tocsin: `program` as a shell reads it, `options` for every job, as they are to stand there."""

    program: str
    options: str = ""


def entries(text: str, *, is_system: bool, prefix: str = "") -> list[Entry]:
    """The jobs of a crontab in order. `is_system`: each line names a user, as in /etc/crontab."""
    pattern = _SYSTEMS if is_system else _USERS
    settings = {"SHELL": "/bin/sh", "CRON_TZ": ""}
    found: list[Entry] = []
    taken = {key[1] for key in _ITS_KEY.finditer(text)}
    for number, line in enumerate(text.split("\n")):
        if _NOT_A_LINE.match(line):
            continue
        if setting := _SETTING.fullmatch(line):
            settings[setting[1].strip("\"'")] = setting[2].strip().strip("\"'")
        elif job := pattern.fullmatch(line):
            found.append(_entry(number, job, settings, prefix, taken))
    return found


def _entry(number: int, job: re.Match[str], settings: Mapping[str, str], prefix: str, taken: set[str]) -> Entry:
    groups = job.groupdict()
    command = groups["command"]
    is_wrapped = bool(_WRAPPED.search(command))
    if is_wrapped:
        own = _ITS_KEY.search(command)
        key = own[1] if own else ""
    else:
        key = _unique(prefix + suggest(_INPUT.split(command)[0]), taken)
    return Entry(
        number,
        groups["head"],
        groups["times"],
        groups.get("user") or "",
        command,
        settings["CRON_TZ"],
        settings["SHELL"],
        key,
        is_wrapped,
    )


def _unique(key: str, taken: set[str]) -> str:
    key, number, unique = key[:90], 1, key[:90]
    while unique in taken:
        number += 1
        unique = f"{key}-{number}"
    taken.add(unique)
    return unique


def wrapped(text: str, those: list[Entry], wrapping: Wrapping, settings: Mapping[str, str]) -> str:
    """The crontab with `those` jobs under `tocsin exec`, and with `settings` at its top where it has none of that name.

    Without jobs nothing changes, so that doing it twice does it once.
    """
    lines = text.split("\n")
    for entry in those:
        lines[entry.line] = entry.head + _wrapped(entry, wrapping)
    there = {match[1].strip("\"'") for match in map(_SETTING.fullmatch, lines) if match}
    new = [f"{name}={value}" for name, value in settings.items() if name not in there] if those else []
    return "\n".join(new + lines)


def has_setting(text: str, *names: str) -> bool:
    """Whether one of its lines sets one of these variables."""
    return any(match[1].strip("\"'") in names for match in map(_SETTING.fullmatch, text.split("\n")) if match)


def _wrapped(entry: Entry, wrapping: Wrapping) -> str:
    bare = _INPUT.search(entry.command)
    at = bare.start() if bare else len(entry.command)
    body, standard_input = entry.command[:at], entry.command[at:]
    runs = body if _PLAIN.fullmatch(body) else f"{entry.shell} -c {quote(body)}"
    return f"{wrapping.program} exec --job {entry.key}{wrapping.options} -- {runs}{standard_input}"


def quote(text: str) -> str:
    """As one word of a shell. Backslashes stay as they are, and so does what cron makes of `\\%`."""
    return "'" + text.replace("'", "'\\''") + "'"


def schedule(times: str, timezone: str) -> dict[str, Any]:
    """The API's schedule for a crontab's times: what runs when the machine starts has none."""
    plain = " ".join(times.removeprefix("-").split())
    if plain == _NEVER_DUE:
        return {"type": "none"}
    return {"type": "crontab", "value": _NAMED.get(plain, plain), "timezone": timezone}


def table(rows: list[Entry], state: Callable[[Entry], str]) -> list[str]:
    """The list of jobs for people, one line each."""
    cells = [(" ".join(entry.times.split()), entry.user, entry.key, state(entry), entry.command) for entry in rows]
    widths = [max((len(row[column]) for row in cells), default=0) for column in range(4)]
    return ["  ".join([*(c.ljust(w) for c, w in zip(row[:4], widths, strict=True) if w), row[4]]) for row in cells]

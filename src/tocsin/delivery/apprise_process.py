"""Apprise, at arm's length: each notification in a process of its own, which is ended where it takes too long.

What the process may and may not do is in `delivery.apprise_child`. Nothing of Apprise is ever imported here.
"""

import asyncio
import json
import os
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from tocsin.delivery.channel import Answer, NoAnswer, Notification
from tocsin.delivery.destinations import Network

OVERALL_SECONDS = 30.0
#: Some 60 MB each, in this whole process.
_MOST_AT_ONCE = 8
_QUEUE_SECONDS = 0.05
_CHILD = "tocsin.delivery.apprise_child"
#: All the process is told of its surroundings: no settings of ours, and no proxy that would lead around the guard.
_ENVIRONMENT = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
_slots = threading.BoundedSemaphore(_MOST_AT_ONCE)


class AppriseProcess:
    """Starts the processes. Usable from any number of event loops."""

    def __init__(self, allowed: Sequence[Network] = (), *, seconds: float = OVERALL_SECONDS) -> None:
        self._allowed = [str(network) for network in allowed]
        self._seconds = seconds

    async def notify(self, notification: Notification) -> Answer | NoAnswer:
        """Sends once. Never raises for what the other side does. What it returns may repeat pieces of the URL."""
        try:
            answer = await self._run({"task": "send", **notification._asdict()})
        except TimeoutError:
            return NoAnswer("timeout", f"Apprise did not finish within {self._seconds:g} s.", may_have_arrived=True)
        if answer is None:
            return NoAnswer("apprise_failed", "Apprise ended without a word.", may_have_arrived=True)
        if answer["refused"]:
            return NoAnswer("destination_refused", answer["refused"], may_have_arrived=False)
        if answer["status"] is None:
            said = answer["said"] or "Apprise could not send it."
            return NoAnswer("apprise_failed", said, may_have_arrived=answer["arrived"])
        return Answer(answer["status"], {}, answer["said"])

    async def objection(self, url: str) -> str:
        """Why this URL cannot be used, in a sentence; empty where it can, as far as can be told without sending."""
        try:
            answer = await self._run({"task": "check", "url": url})
        except TimeoutError:
            answer = None
        return "Apprise could not be asked about this URL: try again." if answer is None else str(answer["refused"])

    async def _run(self, task: dict[str, Any]) -> dict[str, Any] | None:
        """What the process answered; None where it died. Raises TimeoutError."""
        async with asyncio.timeout(self._seconds):
            while not _slots.acquire(blocking=False):  # noqa: ASYNC110 -- several loops share the slots
                await asyncio.sleep(_QUEUE_SECONDS)
            try:
                return await _speak_to_child({**task, "allowed": self._allowed, "seconds": self._seconds})
            finally:
                _slots.release()


async def _speak_to_child(task: dict[str, Any]) -> dict[str, Any] | None:
    try:
        child = await _start_child()
    except OSError:  # no memory, or too many processes
        return None
    try:
        said, _ = await child.communicate(json.dumps(task).encode())
        answer: dict[str, Any] = json.loads(said)
    except ValueError:
        return None
    else:
        return answer
    finally:
        if child.returncode is None:
            with suppress(ProcessLookupError):
                child.kill()
            await child.wait()


async def _start_child() -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # the folder we were started in is no place to import from, nor to read
        "-m",
        _CHILD,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
        start_new_session=True,  # Ctrl-C is for Tocsin, which then lets what is in flight end
    )

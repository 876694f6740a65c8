"""Requests at a steady pace, whatever becomes of them, and how long each took: wrk waits for its answers before it asks
again, and tells only of a whole run.

A request that waits for its answer delays no other, and its time counts from the moment at which it was to be sent: a
server that stands still is not spared.
"""

import asyncio
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import quantiles
from typing import NamedTuple
from urllib.parse import urlsplit

import uvloop

_MOST_CONNECTIONS = 1_000
_STOP_SECONDS = 60
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Answer(NamedTuple):
    """When its request was due, in microseconds since 1970; the milliseconds until it came; 0 where none came."""

    at: int
    took: float
    status: int

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 300


def write_requests(requests: Iterable[bytes], file: Path) -> None:
    """Each behind its length in eight digits, as `replay.lua` reads them, too."""
    file.write_bytes(b"".join(b"%8d%b" % (len(request), request) for request in requests))


class Pacer:
    """A process of its own that sends what is in the file, `per_second`, until all is sent or it is told to stop."""

    def __init__(self, url: str, file: Path, per_second: float) -> None:
        command = [sys.executable, "-m", "bench.pacer", url, str(file), str(per_second)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def stop(self) -> list[Answer]:
        """The answers to all that was sent until now."""
        self._process.terminate()
        return self.answers()

    def answers(self) -> list[Answer]:
        """The answers, when all is sent."""
        output, _ = self._process.communicate(timeout=_STOP_SECONDS)
        return [Answer(*json.loads(line)) for line in output.splitlines()]


def p99(answers: list[Answer]) -> float:
    """In milliseconds. Raises where there are too few, or one was refused."""
    refused = [answer.status for answer in answers if not answer.is_good]
    if refused:
        raise SystemExit(f"{len(refused)} of {len(answers)} requests were answered {sorted(set(refused))}.")
    if len(answers) < 2:
        raise SystemExit("Too few requests were sent to say how long they took.")
    return quantiles([answer.took for answer in answers], n=100, method="inclusive")[98]


class _Sender:
    """Connections that are free, and who waits for one."""

    def __init__(self, url: str) -> None:
        self._host, self._port = urlsplit(url).hostname, urlsplit(url).port
        self._free: list[_Line] = []
        self._may_open = asyncio.Semaphore(_MOST_CONNECTIONS)

    async def send(self, request: bytes, due: float) -> Answer:
        """`due`: in monotonic seconds."""
        at = time.time_ns() // 1000 - round((time.monotonic() - due) * 1e6)
        async with self._may_open:
            status = await self._ask(request)
        return Answer(at, (time.monotonic() - due) * 1000, status)

    async def _ask(self, request: bytes) -> int:
        try:
            line = self._free.pop() if self._free else await asyncio.open_connection(self._host, self._port)
            line[1].write(request)
            head = await line[0].readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            await line[0].readexactly(int(length[1]) if length else 0)
        except (OSError, asyncio.IncompleteReadError):
            return 0
        self._free.append(line)
        return int(head[9:12])


async def _send_all(url: str, requests: Iterator[bytes], per_second: float) -> list[Answer]:
    sender, sent = _Sender(url), list[asyncio.Task[Answer]]()
    told_to_stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told_to_stop.set)
    begun = time.monotonic()
    for request in requests:
        due = begun + len(sent) / per_second
        await asyncio.sleep(max(due - time.monotonic(), 0))
        if told_to_stop.is_set():
            break
        sent.append(asyncio.create_task(sender.send(request, due)))
    return await asyncio.gather(*sent)


def _read(file: Path) -> Iterator[bytes]:
    content, at = file.read_bytes(), 0
    while at < len(content):
        begin = at + 8
        at = begin + int(content[at:begin])
        yield content[begin:at]


def main() -> None:
    url, file, per_second = sys.argv[1:]
    for answer in uvloop.run(_send_all(url, _read(Path(file)), float(per_second))):
        print(json.dumps(answer))


if __name__ == "__main__":
    main()

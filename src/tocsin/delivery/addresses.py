"""Looking up the host that is to be dialled: every record of it is checked, and one bad record refuses all."""

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

AddressInfo = tuple[Any, ...]
LookUp = Callable[[str, int, int], Sequence[AddressInfo]]
#: Raises BadDestinationError for an address that may not be dialled.
Check = Callable[[str], None]


def system_look_up(host: str, port: int, family: int) -> Sequence[AddressInfo]:
    return socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)


async def look_up_checked(
    look_up: LookUp, check: Check, host: str, port: int, family: int = socket.AF_UNSPEC
) -> Sequence[AddressInfo]:
    """The records of `host`; raises OSError where it has none, and what `check` raises where one is bad."""
    records = await _in_thread(lambda: look_up(host, port, family))
    for record in records:
        check(record[4][0])
    return records


async def _in_thread(work: Callable[[], Sequence[AddressInfo]]) -> Sequence[AddressInfo]:
    """Runs a look-up in a thread of its own: one that hangs holds up neither other work nor the end of the process."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Sequence[AddressInfo]] = loop.create_future()

    def settle(result: Sequence[AddressInfo], error: Exception | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    def run() -> None:
        result: Sequence[AddressInfo] = ()
        error: Exception | None = None
        try:
            result = work()
        except (OSError, UnicodeError) as caught:  # UnicodeError: a name IDNA cannot spell
            error = caught if isinstance(caught, OSError) else OSError("no such host")
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, daemon=True, name="look-up").start()
    return await future

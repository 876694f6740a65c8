"""How often a login may be tried: five failures for free, then each further one doubles the wait.

Failures are counted in the database, so that it makes no difference which node is asked, or whether one was restarted.
Nobody is locked out for longer than a quarter of an hour.
"""

from ipaddress import IPv6Address, ip_address, ip_network
from typing import NamedTuple

from tocsin.application.credentials import hash_secret
from tocsin.store import login_failures as rows
from tocsin.store.attempts import write_with_retries
from tocsin.store.engine import Connection, Store

_SECOND = 1_000_000
FREE_FAILURES = 5
MEMORY = 15 * 60 * _SECOND
_FIRST_WAIT, _LONGEST_WAIT = 15 * _SECOND, 15 * 60 * _SECOND
#: Who goes on guessing after a wait is remembered for longer than the longest wait.
_LONG_MEMORY = 4 * MEMORY


class _Failures(NamedTuple):
    number: int
    last_at: int


_NONE = _Failures(0, 0)


class LoginThrottle:
    """Counts failures by account and by address; safe to call from any thread, on any node."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def attempt(self, names: list[str], now: int) -> int:
        """Seconds to wait before trying again; 0: go on. It counts as failed until `succeeded` takes it back, so
        that guesses sent all at once count as well."""
        return write_with_retries(self._store, lambda connection: _attempt(connection, names, now))

    def succeeded(self, account: str, address: str, now: int) -> None:
        """Forget the account's failures, and take back the one counted against the address."""
        write_with_retries(self._store, lambda connection: _succeeded(connection, account, address, now))


def address_name(host: str) -> str:
    """How failures from there are counted: whoever has one IPv6 address has 2⁶⁴ of them."""
    try:
        address = ip_address(host)
    except ValueError:
        return f"address {host}"
    if isinstance(address, IPv6Address):
        return f"address {ip_network((address, 64), strict=False)}"
    return f"address {address}"


def _attempt(connection: Connection, names: list[str], now: int) -> int:
    rows.purge(connection, now - _LONG_MEMORY)
    locked = rows.lock(connection, [hash_secret(name) for name in names], now)
    known = {name: _recall(_Failures(*found), now) for name, found in locked.items()}
    wait = max(_remaining(failures, now) for failures in known.values())
    if wait <= 0:
        rows.write(connection, {name: (failures.number + 1, now) for name, failures in known.items()})
    return -(-max(wait, 0) // _SECOND)


def _succeeded(connection: Connection, account: str, address: str, now: int) -> None:
    own, shared = hash_secret(account), hash_secret(address)
    known = rows.lock(connection, [own, shared], now)
    number, last_at = known[shared]
    rows.write(connection, {own: (0, now), shared: (max(number - 1, 0), last_at)})


def _recall(failures: _Failures, now: int) -> _Failures:
    memory = MEMORY if failures.number <= FREE_FAILURES else _LONG_MEMORY
    return failures if now - failures.last_at < memory else _NONE


def _remaining(failures: _Failures, now: int) -> int:
    if failures.number < FREE_FAILURES:
        return 0
    wait = min(_FIRST_WAIT << min(failures.number - FREE_FAILURES, 10), _LONGEST_WAIT)
    return max(failures.last_at + wait - now, 0)

"""How often a login may be tried: five failures for free, then each further one doubles the wait."""

from collections import OrderedDict
from threading import Lock
from typing import NamedTuple

_SECOND = 1_000_000
FREE_FAILURES = 5
MEMORY = 15 * 60 * _SECOND
_FIRST_WAIT, _LONGEST_WAIT = 15 * _SECOND, 15 * 60 * _SECOND
_MOST_REMEMBERED = 50_000


class _Failures(NamedTuple):
    number: int
    last_at: int


_NONE = _Failures(0, 0)


class LoginThrottle:
    """Counts failures by account and by address, in this process; safe to call from any thread."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, _Failures] = OrderedDict()
        self._lock = Lock()

    def attempt(self, names: list[str], now: int) -> int:
        """Seconds to wait before trying again; 0: go on. It counts as failed until `succeeded` takes it back, so
        that guesses sent all at once count as well."""
        with self._lock:
            known = {name: self._recall(name, now) for name in names}
            wait = max(_remaining(failures, now) for failures in known.values())
            if wait <= 0:
                for name, failures in known.items():
                    self._failures[name] = _Failures(failures.number + 1, now)
                    self._failures.move_to_end(name)
                while len(self._failures) > _MOST_REMEMBERED:
                    self._failures.popitem(last=False)
            return -(-wait // _SECOND)

    def succeeded(self, account: str, address: str) -> None:
        """Forget the account's failures, and take back the one counted against the address."""
        with self._lock:
            self._failures.pop(account, None)
            failures = self._failures.get(address)
            if failures is not None:
                self._failures[address] = failures._replace(number=max(failures.number - 1, 0))

    def _recall(self, name: str, now: int) -> _Failures:
        failures = self._failures.get(name, _NONE)
        # Who goes on guessing after a wait is remembered for longer than the longest wait.
        memory = MEMORY if failures.number <= FREE_FAILURES else 4 * MEMORY
        return failures if now - failures.last_at < memory else _NONE


def _remaining(failures: _Failures, now: int) -> int:
    if failures.number < FREE_FAILURES:
        return 0
    wait = min(_FIRST_WAIT << min(failures.number - FREE_FAILURES, 10), _LONGEST_WAIT)
    return max(failures.last_at + wait - now, 0)

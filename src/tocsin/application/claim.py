"""Which streams are judged together, and who judges them."""

import threading

from tocsin.domain.model import SECOND
from tocsin.store.engine import Connection
from tocsin.store.hot import HotStore

_MOST = 100_000


class Claim:
    """The ids of streams that are due, handed out slice by slice, to several lanes if need be.

    The earliest come first: where many fall silent within a second, they open the incidents. Of that second the rest
    come in the order of their ids, which is how their rows and index entries lie on the disk: 100,000 of 1,000,000
    streams dirty 1.3 pages each so, and 2.1 in the order of their deadlines. Each lane has a stretch of its own, so
    that they seldom meet at one job's incident; one that is through helps at the end of the longest.
    """

    def __init__(self, hot: HotStore, connection: Connection, until_at: int, first: int, lanes: int) -> None:
        """What is due up to `until_at`, of one second at most; the `first` ids go out together, as they fell due."""
        due = hot.claim(connection, until_at, SECOND, _MOST)
        self.earliest = due[:first]
        rest = sorted(due[first:])
        share = len(rest) // lanes + 1
        self._rests = [rest[lane * share : (lane + 1) * share] for lane in range(lanes)]
        self._lock = threading.Lock()

    def next_slice(self, size: int, lane: int) -> list[int]:
        """Up to `size` ids for a lane; none when all are handed out."""
        with self._lock:
            own, longest = self._rests[lane], max(self._rests, key=len)
            taken = slice(0, size) if own else slice(-size, None)
            rest = own or longest
            ids = rest[taken]
            del rest[taken]
            return ids

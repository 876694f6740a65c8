"""How often an address may look at what is public: enough for a page that many read behind one router."""

from collections import OrderedDict
from threading import Lock

from tocsin.application.login_throttle import address_name
from tocsin.domain import rate

_A_MINUTE = 240
_MOST = 20_000


class Turnstile:
    """Counted by this node alone, and forgotten when it stops: what it guards is cheap, and kept for seconds."""

    def __init__(self, per_minute: int = _A_MINUTE) -> None:
        self._price = rate.price(per_minute)
        self._paid: OrderedDict[str, int] = OrderedDict()
        self._lock = Lock()

    def wait(self, host: str, now: int) -> int:
        """Seconds until this address may look again; 0: go on."""
        name = address_name(host)
        with self._lock:
            paid_at = self._paid.pop(name, 0)
            wait = rate.wait(paid_at, now, self._price)
            self._paid[name] = paid_at if wait else rate.pay(paid_at, now, self._price)
            if len(self._paid) > _MOST:
                self._paid.popitem(last=False)
        return -(-wait // 1_000_000)

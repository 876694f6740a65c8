"""Addresses that ask for what is not there: some may be mistaken, but nobody may go on guessing."""

from collections import OrderedDict
from ipaddress import IPv6Address, ip_address

from tocsin.ingest.rate import Rate

_MOST = 50_000


class Guesses:
    """Limits how many slugs that do not exist one network address may ask for in a minute.

    Who is over the limit is told nothing of any slug any more, or guessing would go on; only what the address has
    pinged before stays open to it, so that one wrong script behind a router does not silence the others there.
    """

    def __init__(self, a_minute: int) -> None:
        self._rate = Rate(a_minute)
        self._right: OrderedDict[tuple[str, str], None] = OrderedDict()

    def wait(self, address: str, slug: str, now: int) -> int:
        """0 where the address may ask for the slug; else how many microseconds are left until it may.

        Only a miss counts, once it is known as one: behind one router a thousand jobs may ping for the first time at
        the same moment.
        """
        if (_network(address), slug) in self._right:
            return 0
        return self._rate.left(_network(address), now)

    def was_right(self, address: str, slug: str) -> None:
        """The slug exists."""
        pair = (_network(address), slug)
        self._right[pair] = None
        if len(self._right) > _MOST:
            self._right.popitem(last=False)

    def was_wrong(self, address: str, slug: str, now: int) -> None:
        """The slug does not exist (any more)."""
        self._right.pop((_network(address), slug), None)
        self._rate.count(_network(address), now)


def _network(address: str) -> str:
    """Whoever has an IPv6 address has 2^64 of them."""
    try:
        number = ip_address(address)
    except ValueError:
        return address
    return f"{number.exploded[:19]}::/64" if isinstance(number, IPv6Address) else address

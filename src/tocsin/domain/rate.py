"""How often somebody may ask (GCRA): evenly in the long run, a minute's allowance at once.

A holder's account is one moment, `paid_at`: when everything asked so far is paid for. Each request moves it on by its
price; one that would move it further ahead than a minute is refused.
"""

from tocsin.domain.model import SECOND

MINUTE = 60 * SECOND


def price(per_minute: int) -> int:
    """What one request costs, in microseconds, for whoever may send so many a minute."""
    return MINUTE // per_minute


def wait(paid_at: int, now: int, cost: int) -> int:
    """Microseconds until a request that costs so much is taken; 0: now. One that costs over a minute is not refused
    for its size alone: it is taken when all before it is paid for."""
    return max(max(paid_at, now) + min(cost, MINUTE) - MINUTE - now, 0)


def pay(paid_at: int, now: int, cost: int) -> int:
    """`paid_at` after it."""
    return max(paid_at, now) + cost

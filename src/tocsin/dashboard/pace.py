"""How often those who look are told: what making pages may cost, as a share of one core."""

from typing import NamedTuple


class Pace(NamedTuple):
    """At least `least` seconds between two tellings of a page. All pages together may take `share` of one core, and
    `credit` seconds of it beforehand."""

    least: float
    share: float
    credit: float = 0.0


#: Something turned: a run failed or was missed, an incident moved, somebody changed something. Whoever looks is told at
#: once, on credit; where it goes on and on, as often as this share allows.
TURN = Pace(1.0, 0.3, 2.0)
#: Something was heard, and all is as it was.
HEARD = Pace(5.0, 0.08)
#: Nothing was said. A run becomes late by time alone, and nobody announces it.
AGED = HEARD._replace(least=15.0)


class Account:
    """What was spent, against what a pace allows. Times and costs in seconds."""

    def __init__(self, pace: Pace) -> None:
        self._share = pace.share
        self._ahead = pace.credit / pace.share
        self._even_at = float("-inf")

    def pay(self, now: float, seconds: float) -> None:
        self._even_at = max(self._even_at, now) + seconds / self._share

    @property
    def free_at(self) -> float:
        """From then on more may be spent."""
        return self._even_at - self._ahead

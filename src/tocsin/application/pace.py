"""How much one transaction judges: as much as fits the time that a check-in may have to wait behind it."""

from tocsin.domain.model import SECOND

#: Microseconds of a slice while others wait to write, and while nobody does.
_SPAN, _SPAN_ALONE = SECOND // 16, SECOND // 4


class Pace:
    """The size of the next slice, learned from how long the last one took.

    Larger slices touch each page of an index once for many rows: on SQLite, 100,000 of 1,000,000 streams took 11.5 s in
    slices of 200, 9.0 s in slices of 2,000.
    """

    def __init__(
        self,
        least: int = 100,
        most: int = 5_000,
        start: int = 500,
        spans: tuple[int, int] = (_SPAN, _SPAN_ALONE),
    ) -> None:
        """`spans`: microseconds of a slice while somebody waits behind it, and while nobody does."""
        self._spans = spans
        self._least = least
        self._most = most
        self.size = start

    def took(self, rows: int, elapsed: int, *, is_awaited: bool = True) -> None:
        """A slice of `rows` held the database for `elapsed` microseconds: let the next fill its span. `is_awaited`:
        somebody waited for it to end."""
        if rows:
            span = self._spans[0] if is_awaited else self._spans[1]
            fitting = rows * span // max(elapsed, 1)
            self.size = min(max(min(fitting, self.size * 2), self._least), self._most)


def steady(size: int) -> Pace:
    """Slices of one size, whatever they take."""
    return Pace(least=size, most=size, start=size)

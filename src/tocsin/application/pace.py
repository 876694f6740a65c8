"""How much one transaction judges: as much as fits the time that a check-in may have to wait behind it."""

from tocsin.domain.model import SECOND


class Pace:
    """The size of the next slice, learned from how long the last one took."""

    def __init__(self, least: int = 100, most: int = 2_000, span: int = SECOND // 16) -> None:
        """`span` in microseconds. Larger slices touch each page of an index once for many rows: on SQLite, among
        1,000,000 streams, 200 rows cost 115 µs each, and 2,000 cost 77."""
        self._least = least
        self._most = most
        self._span = span
        self.size = max(least, most // 10)

    def took(self, rows: int, elapsed: int) -> None:
        """A slice of `rows` held the database for `elapsed` microseconds: aim at the span, in steps of at most two."""
        if rows:
            fitting = rows * self._span // max(elapsed, 1)
            wanted = min(max(fitting, self.size // 2), self.size * 2)
            self.size = min(max(wanted, self._least), self._most)


def steady(size: int) -> Pace:
    """Slices of one size, whatever they take."""
    return Pace(size, size)

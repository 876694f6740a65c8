"""Identifiers: 63-bit integers inside, UUIDs at the edge, one derived from the other.

An id is 41 bits of milliseconds since 2024, 8 bits of node number, 14 bits of sequence. It grows with time, so rows
append to their indexes, and a node makes it without asking the database.
"""

import threading
from uuid import UUID

EPOCH_MS = 1_704_067_200_000  # 2024-01-01T00:00:00Z
NODE_LIMIT = 256
_SEQUENCE_BITS = 14
_SEQUENCE_MASK = (1 << _SEQUENCE_BITS) - 1
_LOW_BITS = _SEQUENCE_BITS + 8
# The part of a UUID that carries no id is a multiplicative hash of it: a wrong UUID is told from a right one at sight.
_CHECK_FACTOR = 0x9E3779B97F4A7C15F39CC0605CEDC835
_CHECK_BITS = 52


class IdMaker:
    """Makes ids for one node; safe to call from any thread."""

    def __init__(self, node_number: int = 0) -> None:
        self.be(node_number)
        self._last = -1  # milliseconds and sequence side by side: a sequence that is full runs on into the next
        self._lock = threading.Lock()

    def be(self, node_number: int) -> None:
        """Make ids for this node from now on."""
        if not 0 <= node_number < NODE_LIMIT:
            raise ValueError(f"node number must be 0 to {NODE_LIMIT - 1}, not {node_number}")
        self._node = node_number << _SEQUENCE_BITS

    def new(self, now: int) -> int:
        """A fresh id at `now` (microseconds since 1970), greater than any made before by this maker."""
        first = now // 1000 - EPOCH_MS << _SEQUENCE_BITS
        with self._lock:
            last = self._last + 1
            self._last = last = first if first > last else last
        return last >> _SEQUENCE_BITS << _LOW_BITS | self._node | last & _SEQUENCE_MASK


def first_id(moment: int) -> int:
    """No id made at `moment` or later is smaller than this one."""
    return max(moment // 1000 - EPOCH_MS, 0) << _LOW_BITS


def to_uuid(number: int) -> str:
    """The public form of an id: a version 7 UUID, lower-case with dashes."""
    milliseconds = (number >> _LOW_BITS) + EPOCH_MS
    low = number & ((1 << _LOW_BITS) - 1)
    check = (number * _CHECK_FACTOR >> 64) & ((1 << _CHECK_BITS) - 1)
    variant = 0x8000 | (low & 0x3FF) << 4 | check >> 48
    return (
        f"{milliseconds >> 16:08x}-{milliseconds & 0xFFFF:04x}-7{low >> 10:03x}-{variant:04x}"
        f"-{check & 0xFFFFFFFFFFFF:012x}"
    )


def from_uuid(text: str) -> int | None:
    """The id behind a public UUID, or None where `text` is no UUID of ours."""
    try:
        value = UUID(text).int
    except ValueError:
        return None
    milliseconds = value >> 80
    low = (value >> 64 & 0xFFF) << 10 | value >> 52 & 0x3FF
    number = (milliseconds - EPOCH_MS) << _LOW_BITS | low
    if not 0 <= number < 1 << 63 or UUID(to_uuid(number)).int != value:
        return None
    return number


def is_external_id(text: str) -> bool:
    """Whether a customer may be called so: something that can be read, with no blanks around it."""
    return text.isprintable() and text == text.strip()

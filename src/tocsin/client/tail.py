"""The end of a command's output: what a job says last is what explains it."""

LIMIT = 10 * 1024  # bytes of text; the server keeps no more
_NUL, _REPLACEMENT = "\0", "\N{REPLACEMENT CHARACTER}"


class Tail:
    """Keeps the last `limit` bytes of what is added, in little more memory than that."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._kept = bytearray()
        self._is_cut = False

    def add(self, data: bytes) -> None:
        self._kept += data[-self._limit :]
        self._is_cut |= len(data) > self._limit
        if len(self._kept) > 8 * self._limit:
            self._shorten()

    def text(self, note: str = "") -> str:
        """What was kept, and `note` after it as a line of its own: at most `limit` bytes of UTF-8.

        What is no UTF-8 is replaced, and so is NUL, which no server can keep.
        """
        self._shorten()
        kept = self._kept.lstrip(bytes(range(0x80, 0xC0))) if self._is_cut else self._kept
        text = kept.decode(errors="replace").replace(_NUL, _REPLACEMENT)
        if note:
            note = note.encode(errors="replace").decode()  # a command's name may be no UTF-8 either
            text += f"{'' if not text or text.endswith(chr(10)) else chr(10)}{note}"
        encoded = text.encode()
        return text if len(encoded) <= self._limit else encoded[-self._limit :].decode(errors="ignore")

    def _shorten(self) -> None:
        if len(self._kept) > self._limit:
            del self._kept[: -self._limit]
            self._is_cut = True

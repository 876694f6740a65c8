"""The file of a backup: gzipped lines of JSON.

The first says what it is; then come the tables, each begun by its name and its columns, each row an array; the last
line tells how many rows there were, and the SHA-256 of all lines before it.
"""

import gzip
import hashlib
import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

from tocsin.store.snapshot import Shape

FORMAT = 1
_LEVEL = 4


class BackupError(Exception):
    """A backup that cannot be made, read or restored; the message is a sentence for the operator."""


class Header(NamedTuple):
    """`revision`: of the schema. `keys`: fingerprints of the keys that its secrets are sealed with. `taken_at`: ISO."""

    format: int
    tocsin: str
    revision: str
    taken_at: str
    keys: tuple[str, ...]


class Total(NamedTuple):
    tables: int
    rows: int


class Writer:
    """Writes a backup into an open file."""

    def __init__(self, raw: IO[bytes], header: Header) -> None:
        self._lines = gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=_LEVEL, filename="")
        self._sum = hashlib.sha256()
        self._tables = self._rows = 0
        self._line({"tocsin backup": header._asdict()})

    def table(self, shape: Shape, rows: Iterable[Sequence[Any]]) -> None:
        self._line({"table": shape.table, "columns": shape.columns, "binary": shape.binary})
        self._tables += 1
        at = [shape.columns.index(name) for name in shape.binary]
        for row in rows:
            self._line(_texted(row, at) if at else row)
            self._rows += 1

    def end(self) -> Total:
        count = Total(self._tables, self._rows)
        self._line({"end": count._asdict(), "sha256": self._sum.hexdigest()})
        self._lines.close()
        return count

    def _line(self, content: object) -> None:
        line = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass") + b"\n"
        self._sum.update(line)
        self._lines.write(line)


class Reader:
    """Reads a backup from its beginning to its end, and raises `BackupError` where it is not whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sum = hashlib.sha256()
        self._lines = self._read()
        first = next(self._lines, None)
        try:
            self.header = _header(first)
        except (KeyError, TypeError):
            raise BackupError(f"{path} is no backup of Tocsin.") from None
        if self.header.format != FORMAT:
            raise BackupError(f"{path} was made by a newer Tocsin ({self.header.tocsin}). Use that version.")
        self.count = Total(0, 0)

    def tables(self) -> Iterator[tuple[Shape, Iterator[list[Any]]]]:
        """Each table with its rows, which must be taken before the next is asked for. `count` is right at the end."""
        tables = self._rows = 0
        self._next = next(self._lines, None)
        while isinstance(self._next, dict) and "table" in self._next:
            tables += 1
            shape = self._shape(self._next)
            yield shape, self._rows_of(shape)
        self.count = Total(tables, self._rows)
        if not isinstance(self._next, dict) or self._next.get("end") != self.count._asdict():
            raise self._broken("its end is missing")
        if next(self._lines, None) is not None:  # to the very end of the file, where gzip has its own checksum
            raise self._broken("something follows its end")

    def _shape(self, found: dict[str, Any]) -> Shape:
        try:
            return Shape(found["table"], tuple(found["columns"]), tuple(found["binary"]))
        except (KeyError, TypeError) as error:
            raise self._broken(type(error).__name__) from None

    def _rows_of(self, shape: Shape) -> Iterator[list[Any]]:
        for line in self._lines:
            if not isinstance(line, list):
                self._next = line
                return
            self._rows += 1
            try:  # a damaged byte is met here before the checksum at the end tells of it
                for i in map(shape.columns.index, shape.binary):
                    line[i] = None if line[i] is None else b64decode(line[i], validate=True)
            except (IndexError, TypeError, ValueError) as error:
                raise self._broken(type(error).__name__) from None
            yield line
        self._next = None

    def _read(self) -> Iterator[Any]:
        try:
            with gzip.open(self._path) as lines:
                for line in lines:
                    before = self._sum.hexdigest() if line.startswith(b'{"end"') else ""
                    self._sum.update(line)
                    content = json.loads(line.decode("utf-8", "surrogatepass"))
                    if before and content.get("sha256") != before:
                        raise self._broken("its checksum is wrong")
                    yield content
        except FileNotFoundError:
            raise BackupError(f"There is no file {self._path}.") from None
        except gzip.BadGzipFile as error:
            is_other = "Not a gzipped file" in str(error)
            raise (
                BackupError(f"{self._path} is no backup of Tocsin.") if is_other else self._broken("it is altered")
            ) from None
        except EOFError:
            raise self._broken("its end is missing") from None
        except (zlib.error, ValueError, OSError) as error:
            raise self._broken(type(error).__name__) from None

    def _broken(self, why: str) -> BackupError:
        return BackupError(f"{self._path} is cut short or damaged ({why}): nothing was changed. Take another backup.")


def _header(first: Any) -> Header:
    fields = first["tocsin backup"]
    return Header(**{**fields, "keys": tuple(fields["keys"])})


def check(path: Path) -> tuple[Header, Total]:
    """Read all of it. Raises `BackupError` where it is not whole."""
    reader = Reader(path)
    for _, rows in reader.tables():
        for _row in rows:
            pass
    return reader.header, reader.count


def _texted(row: Sequence[Any], at: Sequence[int]) -> list[Any]:
    """The row with its bytes as text."""
    texted = list(row)
    for i in at:
        texted[i] = None if row[i] is None else b64encode(row[i]).decode()
    return texted

"""What a form sent, and what an address asks for."""

from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import parse_qsl

from starlette.requests import Request

from tocsin.application.errors import Refused, invalid, too_large, unsupported_media
from tocsin.store.paging import Page as ListPage

_LIMIT = 200 * 1024
_MOST_FIELDS = 500
_PAGE_SIZE = 25


class Fields(Mapping[str, str]):
    """Named texts; a name that came several times (check boxes) has them all in `all(name)`."""

    def __init__(self, pairs: Sequence[tuple[str, str]] = ()) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def __getitem__(self, name: str) -> str:
        return self._values[name][-1]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def all(self, name: str) -> list[str]:
        return [value for value in self._values.get(name, ()) if value]

    def text(self, name: str) -> str:
        """Without blanks around it; empty where it was not sent."""
        return self.get(name, "").strip()

    def text_or_none(self, name: str) -> str | None:
        return self.text(name) or None

    def whole(self, name: str) -> int | str | None:
        """A whole number, None where nothing was filled in; what is no number is left for the API to refuse."""
        text = self.text(name)
        digits = text.removeprefix("-")
        return int(text) if digits.isascii() and digits.isdecimal() and len(digits) < 16 else text or None

    def is_on(self, name: str) -> bool:
        """Of a check box."""
        return name in self._values

    def list_page(self, size: int = _PAGE_SIZE) -> ListPage:
        """Which page of a list `?page=` asks for."""
        number = self.whole("page")
        return ListPage(min(max(number, 1), 1_000_000) if isinstance(number, int) else 1, size)


async def read_form(request: Request) -> Fields:
    """Raises `Refused`: 413, 415, or 422 for what is no text."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media not in {"application/x-www-form-urlencoded", ""}:
        raise unsupported_media("Send the form as application/x-www-form-urlencoded.")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LIMIT:
            raise too_large("The form is larger than 200 KB.")
    return parse(body)


def parse(body: bytes) -> Fields:
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise _unreadable() from None
    if any("\0" in name or "\0" in value for name, value in pairs):
        raise _unreadable()
    # Browsers send line ends as CR LF, whatever was typed.
    return Fields([(name, value.replace("\r\n", "\n")) for name, value in pairs])


def parse_query(request: Request) -> Fields:
    query = request.scope["query_string"]
    try:
        return parse(query)
    except Refused:
        return Fields()


def _unreadable() -> Refused:
    return invalid("The form holds what is no text. Fill it in again.")

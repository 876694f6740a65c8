from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.strict_json import MAX_DEPTH, NotJsonError, UnacceptableJsonError, check_json, load, parse

GOOD = [
    b"{}",
    b'{"tenantId": "acme", "status": "success"}',
    b"[" * MAX_DEPTH + b"1" + b"]" * MAX_DEPTH,
    b"9223372036854775807",
    b"-9223372036854775808",
    b"1.7976931348623157e308",
    b'"\\ud83d\\ude00 12345678901234567890"',
    '"é"'.encode(),
]
UNACCEPTABLE = [
    b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
    b"[" * 100_000,
    b"9223372036854775808",
    b"1e400",
    b"9" * 10_000,
    b'{"a": ["\\u0000"]}',
    b'{"\\ud800": 1}',
]
NOT_JSON = [b'"a\x00"', b"NaN", b"[-Infinity]"]


@pytest.mark.parametrize("body", GOOD)
def test_what_every_store_can_keep_passes(body: bytes) -> None:
    check_json(body)
    parse(body)


@pytest.mark.parametrize("body", UNACCEPTABLE)
def test_what_cannot_be_kept_is_refused(body: bytes) -> None:
    for judge in (check_json, parse):
        with pytest.raises(UnacceptableJsonError):
            judge(body)


@pytest.mark.parametrize("body", NOT_JSON)
def test_what_is_no_json_is_refused_as_such(body: bytes) -> None:
    for judge in (check_json, parse):
        with pytest.raises(NotJsonError):
            judge(body)


@pytest.mark.parametrize("body", [*GOOD, *UNACCEPTABLE, *NOT_JSON, b"", b"{", b"\xff", b"{} {}", b"[1e3, 1.5, -0.0]"])
def test_load_is_parse(body: bytes) -> None:
    def told(read: Callable[[bytes], Any]) -> str:
        try:
            return repr(read(body))
        except (NotJsonError, UnacceptableJsonError) as error:
            return f"{type(error).__name__}: {error}"

    assert told(load) == told(parse)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"{} {}"])
def test_syntax_is_parses_business(body: bytes) -> None:
    check_json(body)
    with pytest.raises(NotJsonError):
        parse(body)


_NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,5})?", fullmatch=True)
_LEAVES = _NUMBERS | st.sampled_from(["NaN", "-Infinity", "true", '"1e999"', '"3e1234567890123456789012"'])


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """The texts of lists and of objects."""
    lists = st.lists(inner, max_size=4)
    objects = lists.map(lambda texts: ",".join(f'"k{i}":{text}' for i, text in enumerate(texts)))
    return lists.map(lambda texts: f"[{' ,'.join(texts)}]") | objects.map(lambda text: f"{{{text}}}")


def _is_refused(judge: Callable[[bytes], Any], body: bytes) -> bool:
    try:
        judge(body)
    except ValueError:
        return True
    return False


@given(st.recursive(_LEAVES, _grown), st.sampled_from(["", " ", "\n"]))
def test_the_fast_way_refuses_what_the_thorough_one_does(text: str, before: str) -> None:
    body = (before + text).encode()
    assert _is_refused(load, body) == _is_refused(parse, body)

from hypothesis import given
from hypothesis import strategies as st

from tocsin.client.tail import LIMIT, Tail


def test_short_output_is_kept_as_it_is() -> None:
    tail = Tail()
    tail.add("grüße\n".encode())
    assert tail.text() == "grüße\n"


def test_a_note_is_a_line_of_its_own_at_the_end() -> None:
    tail = Tail()
    assert tail.text("[tocsin] x") == "[tocsin] x"
    tail.add(b"no newline")
    assert tail.text("[tocsin] x") == "no newline\n[tocsin] x"


def test_what_is_no_text_is_replaced() -> None:
    tail = Tail()
    tail.add(b"a\xff\0b")
    assert tail.text() == "a\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}b"


def test_a_cut_in_the_middle_of_a_character_leaves_no_half_of_it() -> None:
    tail = Tail(4)
    tail.add("aéé€".encode())
    assert tail.text() == "€"


@given(st.lists(st.binary(max_size=50)), st.integers(1, 40), st.text(max_size=10))
def test_it_is_the_end_of_all_that_was_added(chunks: list[bytes], limit: int, note: str) -> None:
    tail = Tail(limit)
    for chunk in chunks:
        tail.add(chunk)
    text = tail.text(note)
    assert len(text.encode()) <= limit
    whole = b"".join(chunks)
    if whole.isascii() and b"\0" not in whole and not note:
        assert text == whole[-limit:].decode()


def test_memory_does_not_grow_with_the_output() -> None:
    tail = Tail()
    for _ in range(1_000):
        tail.add(b"x" * 65_536)
    assert len(tail._kept) <= 8 * LIMIT

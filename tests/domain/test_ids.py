"""Ids inside, UUIDs at the edge."""

import threading
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.ids import EPOCH_MS, NODE_LIMIT, IdMaker, from_uuid, to_uuid

IDS = st.integers(0, (1 << 63) - 1)
NOW = 1_767_614_400_000_000


@given(IDS)
def test_each_id_has_one_uuid_and_back(number: int) -> None:
    text = to_uuid(number)
    assert from_uuid(text) == number
    assert from_uuid(text.upper()) == number
    assert (UUID(text).version, str(UUID(text))) == (7, text)


@given(IDS, IDS)
def test_uuids_sort_as_their_ids(one: int, other: int) -> None:
    assert (to_uuid(one) < to_uuid(other)) == (one < other)


@given(st.uuids())
def test_no_foreign_uuid_is_taken_for_ours(uuid: UUID) -> None:
    number = from_uuid(str(uuid))
    assert number is None or to_uuid(number) == str(uuid)


@given(IDS, st.integers(0, 127))
def test_a_uuid_with_one_wrong_bit_is_not_ours(number: int, bit: int) -> None:
    assert from_uuid(str(UUID(int=UUID(to_uuid(number)).int ^ 1 << bit))) is None


@pytest.mark.parametrize("text", ["", "acme", "00000000-0000-0000-0000-000000000000", "f" * 32, "x" * 36])
def test_what_is_no_uuid_of_ours(text: str) -> None:
    assert from_uuid(text) is None


@given(st.lists(st.integers(NOW - 10_000_000, NOW + 10_000_000), min_size=2, max_size=50))
def test_ids_grow_even_where_the_clock_does_not(moments: list[int]) -> None:
    maker = IdMaker(3)
    made = [maker.new(moment) for moment in moments]
    assert made == sorted(set(made))


def test_a_full_millisecond_borrows_from_the_next() -> None:
    maker = IdMaker()
    made = [maker.new(NOW) for _ in range(40_000)]
    assert made == sorted(set(made))
    assert maker.new(NOW + 100_000) > made[-1]


def test_nodes_never_make_the_same_id() -> None:
    makers = [IdMaker(number) for number in (0, 1, NODE_LIMIT - 1)]
    made = [maker.new(NOW) for maker in makers for _ in range(1000)]
    assert len(set(made)) == len(made)
    for number in (-1, NODE_LIMIT):
        with pytest.raises(ValueError, match="node number"):
            IdMaker(number)


def test_ids_are_unique_across_threads() -> None:
    maker, made = IdMaker(), []
    threads = [threading.Thread(target=lambda: made.extend([maker.new(NOW) for _ in range(2000)])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 8000


def test_ids_fit_63_bits_for_decades() -> None:
    assert IdMaker(NODE_LIMIT - 1).new((EPOCH_MS + (1 << 41) - 1) * 1000) < 1 << 63

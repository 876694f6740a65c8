from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.application.errors import Refused
from tocsin.application.passwords import check_password


@settings(deadline=None)  # the first call loads the lists
@given(
    st.text(st.sampled_from("aZ19/-. \n\0²٣İßﬁ中😀"), min_size=15, max_size=128) | st.text(min_size=15, max_size=128),
    st.lists(st.text(max_size=50), max_size=3),
)
def test_any_password_is_judged(password: str, about: list[str]) -> None:
    with suppress(Refused):
        check_password(password, about)


@pytest.mark.parametrize(
    ("length", "has_second_factor", "is_enough"), [(14, False, False), (8, True, True), (7, True, False)]
)
def test_how_long_it_has_to_be(length: int, has_second_factor: bool, is_enough: bool) -> None:
    password = "k7#qPz!2uW0&dM"[:length]
    if is_enough:
        check_password(password, has_second_factor=has_second_factor)
        return
    with pytest.raises(Refused, match=r"must be at least (15|8) characters long\."):
        check_password(password, has_second_factor=has_second_factor)


def test_what_one_is_called_is_easy_to_guess() -> None:
    check_password("margaret-hamilton")
    with pytest.raises(Refused, match="among the first"):
        check_password("margaret-hamilton", ["margaret-hamilton@example.com", "margaret-hamilton"])

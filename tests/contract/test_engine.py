"""Both engines give the same transactions."""

import pytest
from sqlalchemy import insert, select

from tocsin.store.engine import Store
from tocsin.store.schema import facts


def test_a_write_is_committed_when_its_block_ends(store: Store) -> None:
    with store.write() as connection:
        connection.execute(insert(facts).values(name="colour", value="amber"))
    with store.read() as connection:
        assert connection.execute(select(facts.c.value)).scalar_one() == "amber"


def test_a_write_that_raises_leaves_nothing_behind(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.write() as connection:
        connection.execute(insert(facts).values(name="colour", value="amber"))
        _ = 1 / 0
    with store.read() as connection:
        assert connection.execute(select(facts.c.value)).first() is None

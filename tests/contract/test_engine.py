"""Both engines give the same transactions."""

import threading
from collections import Counter
from contextlib import closing
from urllib.parse import quote

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import DBAPIError

from tests.support.databases import Postgres
from tests.support.house import House
from tests.support.waiting import wait_until
from tocsin.store import commit_counts, raw
from tocsin.store.engine import Store
from tocsin.store.schema import facts, transitions

_OF_NO_INCIDENT = {
    "id": 1,
    "workspace_id": 1,
    "incident_id": 1,
    "to_status": "Open",
    "reason": "pattern_matched",
    "sentence": "",
    "occurred_at": 0,
}


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


def test_a_transaction_knows_that_somebody_waits_for_it(store: Store) -> None:
    def change() -> None:
        with store.write() as connection:
            connection.execute(update(facts).values(value="green"))

    with store.write() as connection:
        connection.execute(insert(facts).values(name="colour", value="amber"))
    beside = threading.Thread(target=change)
    with store.write() as connection:
        connection.execute(update(facts).values(value="red"))
        assert not store.is_awaited(connection)
        beside.start()
        wait_until(lambda: store.is_awaited(connection), 10, "somebody who waits")
    beside.join()
    with store.read() as connection:
        assert connection.execute(select(facts.c.value)).scalar_one() == "green"


def test_changes_of_incidents_are_told_with_their_reasons(store: Store) -> None:
    told: Counter[tuple[str, str]] = Counter()
    store.on_change(told.update)
    house = House(store)
    house.make_job(failure_threshold=1)
    house.check_in("failure")
    assert told == {("Open", "failure_threshold_met"): 1}
    house.now = 60
    house.check_in("success")
    house.pass_time(3000)
    assert told == {("Open", "failure_threshold_met"): 1, ("Recovering", "nobody_affected"): 1, ("Closed", "stable"): 1}


def test_changes_that_are_not_committed_are_not_told(store: Store) -> None:
    told: Counter[tuple[str, str]] = Counter()
    store.on_change(told.update)
    with pytest.raises(ZeroDivisionError), store.write() as connection:
        commit_counts.count(connection, [("Open", "pattern_matched")])
        _ = 1 / 0
    with store.write() as connection:
        commit_counts.count(connection, [("Closed", "stable")])
    assert told == {("Closed", "stable"): 1}


def test_changes_whose_commit_fails_are_not_told(store: Store) -> None:
    told: Counter[tuple[str, str]] = Counter()
    store.on_change(told.update)
    transact = store.own_session("")
    with pytest.raises(DBAPIError), transact() as connection:
        commit_counts.count(connection, [("Open", "pattern_matched")])
        if raw.is_sqlite(connection):
            raw.cursor(connection).execute("PRAGMA defer_foreign_keys=ON")
            connection.execute(insert(transitions).values(_OF_NO_INCIDENT))
        else:
            raw.cursor(connection).execute("SELECT 1 / 0")  # which nobody hears of before the commit
    with transact() as connection:  # nothing of the one that failed is in the way of the next
        assert raw.select(connection, "SELECT 1", "SELECT 1") == [(1,)]
        commit_counts.count(connection, [("Closed", "stable")])
    assert told == {("Closed", "stable"): 1}


def test_a_session_of_its_own_tells_too(store: Store) -> None:
    told: Counter[tuple[str, str]] = Counter()
    store.on_change(told.update)
    with store.own_session("")() as connection:
        commit_counts.count(connection, [("Closed", "stable")])
    assert told == {("Closed", "stable"): 1}


def test_more_than_a_socket_takes_at_once_is_committed(store: Store) -> None:
    """A report of a thousand events is 3 MB in one statement, and nobody asks for its rows before the commit."""
    text = "x" * 16_000_000
    transact = store.own_session("-c jit=off")
    for _ in range(2):
        with transact() as connection:
            if raw.is_sqlite(connection):
                raw.cursor(connection).execute("SELECT length(?)", (text,))
            else:
                raw.cursor(connection).execute("SELECT length(%s::text)", (text,), prepare=True)
    with pytest.raises(ZeroDivisionError), transact() as connection:
        if not raw.is_sqlite(connection):
            raw.cursor(connection).execute("SELECT length(%s::text)", (text,), prepare=True)
        raise ZeroDivisionError
    with transact() as connection:
        assert raw.select(connection, "SELECT 1", "SELECT 1") == [(1,)]


@pytest.mark.postgresql
def test_only_what_can_be_done_again_may_be_forgotten(postgres: Postgres) -> None:
    with postgres.database() as url, closing(Store(_with(url, "synchronous_commit=local"))) as store:
        for is_synced, wanted in ((False, "off"), (True, "local")):
            with store.write(is_synced=is_synced) as connection:
                assert connection.exec_driver_sql("SHOW synchronous_commit").scalar_one() == wanted


def _with(url: str, setting: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}options={quote(f'-c {setting}')}"

"""What the pages of channels, deliveries and rejections ask, on both engines."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event

from tests.support.office import Office
from tocsin.clock import ManualClock
from tocsin.domain.ids import IdMaker, to_uuid
from tocsin.store import views_channels, views_deliveries
from tocsin.store.engine import Store
from tocsin.store.outbox import Result
from tocsin.store.paging import Page
from tocsin.store.rejections import Dropped, count_dropped
from tocsin.store.views_deliveries import DeliveryFilters, RejectionFilters


@pytest.fixture
def office(store: Store, clock: ManualClock, ids: IdMaker) -> Office:
    return Office(store, clock, ids)


@contextmanager
def _counting(store: Store) -> Iterator[list[str]]:
    asked: list[str] = []
    with store.read() as connection:

        def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
            asked.append(statement)

        event.listen(connection.engine, "before_cursor_execute", note)
        try:
            yield asked
        finally:
            event.remove(connection.engine, "before_cursor_execute", note)


def test_the_latest_result_of_each_channel(office: Office) -> None:
    slack, quiet = office.channel(), office.channel("slack", "quiet", tags=["nobody"])
    webhook = office.channel("webhook")
    office.open()
    for claimed in office.claim():
        office.settle(
            claimed,
            Result("refused", "no", "channel_gone", "HTTP 404: gone", 5_000, 404)
            if claimed.provider == "webhook"
            else Result("delivered", "yes", "delivered", "HTTP 200: ok", 5_000, 200),
        )
    with office.store.read() as connection:
        found = views_channels.last_results(connection, office.workspace)
        assert views_channels.last_results(connection, office.workspace + 1) == {}
    assert {number: (one["state"], one["answer"]) for number, one in found.items()} == {
        slack: ("delivered", "HTTP 200: ok"),
        webhook: ("failed", "HTTP 404: gone"),
    }
    assert quiet not in found


def test_what_deliveries_were_about(office: Office) -> None:
    office.channel()
    incident = office.open()
    with office.store.read() as connection:
        names = views_channels.names_of_incidents(connection, office.workspace, [to_uuid(incident), "rubbish"])
        assert views_channels.names_of_incidents(connection, office.workspace + 1, [to_uuid(incident)]) == {}
    assert list(names) == [to_uuid(incident)]


def test_a_page_of_deliveries_takes_as_many_queries_as_one(office: Office) -> None:
    office.channel("webhook")
    asked_by_rows = []
    for _ in range(2):
        for _ in range(4):
            office.open()
        office.send()
        with _counting(office.store) as asked, office.store.read() as connection:
            found = views_deliveries.list_deliveries(connection, office.workspace, DeliveryFilters(), Page())
        asked_by_rows.append((len(found["items"]), len(asked)))
        assert all(len(one["attempts"]) == 1 for one in found["items"])
    (few, first), (many, second) = asked_by_rows
    assert few < many
    assert first == second


def test_deliveries_of_one_channel_alone(office: Office) -> None:
    office.channel()
    office.channel("slack", "second")
    office.open()
    with office.store.read() as connection:
        filters = DeliveryFilters(provider="slack", channel_name="second")
        found = views_deliveries.list_deliveries(connection, office.workspace, filters, Page())
    assert [one["channelName"] for one in found["items"]] == ["second"]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (RejectionFilters(), ["nightly", "hourly"]),
        (RejectionFilters(reason="invalid_config"), ["hourly"]),
        (RejectionFilters(protocol="sentry", job_key="nightly"), ["nightly"]),
        (RejectionFilters(environment="staging"), []),
    ],
)
def test_rejections_narrowed(office: Office, filters: RejectionFilters, expected: list[str]) -> None:
    now = office.clock.now()
    dropped = [
        Dropped(office.ids.new(now), office.workspace, "sentry", reason, job, "production", "detail", now + at, now)
        for at, (reason, job) in enumerate([("invalid_config", "hourly"), ("invalid_check_in", "nightly")])
    ]
    with office.store.write() as connection:
        count_dropped(connection, dropped)
    with office.store.read() as connection:
        found = views_deliveries.list_rejections(connection, office.workspace, Page(), filters)
        kinds = views_deliveries.rejection_kinds(connection, office.workspace)
    assert [one["jobKey"] for one in found["items"]] == expected
    assert kinds == {"reasons": ["invalid_check_in", "invalid_config"], "protocols": ["sentry"]}

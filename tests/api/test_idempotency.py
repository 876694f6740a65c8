from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import insert, select

from tests.api.conftest import Api
from tocsin.store.idempotency import IN_FLIGHT_AT_MOST, KEPT_FOR
from tocsin.store.schema import idempotency_keys

ACME = {"externalId": "acme"}
ONCE = {"Idempotency-Key": "once"}


def test_a_repeated_write_is_done_once_and_answered_alike(api: Api) -> None:
    first = api.call("POST", "/tenants", ACME, headers=ONCE)
    again = api.call("POST", "/tenants", ACME, headers=ONCE)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert api.ok("GET", "/tenants")["total"] == 2


def test_many_at_once_are_done_once(api: Api) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: api.call("POST", "/tenants", ACME, headers=ONCE), range(8)))
    assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
    assert api.ok("GET", "/tenants")["total"] == 2


def test_another_body_or_address_under_the_same_key_is_refused(api: Api) -> None:
    api.ok("POST", "/tenants", ACME, headers=ONCE)
    message = api.refused(422, "POST", "/tenants", {"externalId": "beta"}, headers=ONCE)
    assert "another body" in message
    api.ok("DELETE", "/tenants/acme", headers=ONCE)
    assert "another body" in api.refused(422, "DELETE", "/tenants/default", headers=ONCE)


def test_a_refusal_is_remembered_too(api: Api) -> None:
    first = api.refused(404, "DELETE", "/tenants/acme", headers=ONCE)
    api.ok("POST", "/tenants", ACME)
    assert api.refused(404, "DELETE", "/tenants/acme", headers=ONCE) == first


def test_after_a_day_the_key_is_free(api: Api) -> None:
    api.ok("POST", "/tenants", ACME, headers=ONCE)
    api.clock.moment += KEPT_FOR + 1
    assert "exists already" in api.refused(409, "POST", "/tenants", ACME, headers=ONCE)


def test_a_key_in_flight_is_a_conflict_until_it_must_be_dead(api: Api) -> None:
    row = {"workspace_id": api.workspace_id, "route": "POST /tenants", "key": "once", "body_hash": "of another"}
    with api.services.store.write() as connection:
        connection.execute(insert(idempotency_keys).values({**row, "created_at": api.clock.now()}))
    assert "another body" in api.refused(422, "POST", "/tenants", ACME, headers=ONCE)
    api.clock.moment += IN_FLIGHT_AT_MOST + 1
    api.ok("POST", "/tenants", ACME, headers=ONCE)
    with api.services.store.write() as connection:
        connection.execute(idempotency_keys.update().values(status=None, answer=None))
    assert "in flight" in api.refused(409, "POST", "/tenants", ACME, headers=ONCE)


def test_the_key_belongs_to_the_workspace(api: Api, stranger: Api) -> None:
    api.ok("POST", "/tenants", ACME, headers=ONCE)
    stranger.ok("POST", "/tenants", {"externalId": "beta"}, headers=ONCE)


def test_a_shown_once_key_is_not_kept_in_plain_text(api: Api) -> None:
    key = api.ok("POST", "/workspaces/rotate-key", headers=ONCE)["apiKey"]
    with api.services.store.read() as connection:
        kept = connection.execute(select(idempotency_keys)).mappings().one()
    assert kept["status"] == 200
    assert key not in str(dict(kept))


def test_a_key_is_printable_and_short(api: Api) -> None:
    for key in ("x" * 256, "a\tb"):
        api.refused(422, "POST", "/tenants", ACME, headers={"Idempotency-Key": key})

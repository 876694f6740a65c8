"""What works once works once, however many try at the same moment; and a workspace always has an owner."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.house import JOB, House, micros
from tocsin.application import accounts, keys, manage_channels, members, password_links, second_factor, sessions
from tocsin.application.access import Principal
from tocsin.application.errors import Refused
from tocsin.application.resolving import resolve
from tocsin.domain.ids import IdMaker
from tocsin.secret_box import SecretBox
from tocsin.store import people, public_links, schema
from tocsin.store.accounts import user_of
from tocsin.store.attempts import write_with_retries
from tocsin.store.engine import Connection, Store
from tocsin.store.views_jobs import find_job_id

NOW = micros(0)
AT_ONCE = 6


@pytest.fixture
def house(store: Store) -> House:
    return House(store, IdMaker(1))


def _user(house: House, email: str = "anna@example.com", role: str | None = None) -> dict[str, Any]:
    with house.store.write() as connection:
        user = accounts.create_user(connection, house.ids, NOW, email, "hash", "")
        if role is not None:
            accounts.join(connection, NOW, house.workspace_id, user["id"], role)
    return user


def _winners(house: House, work: Callable[[Connection], Any]) -> int:
    """Of many who do it at once, how many succeed."""

    def attempt(_: int) -> bool:
        try:
            told = write_with_retries(house.store, work)
        except Refused:
            return False
        return bool(told) and not isinstance(told, Refused)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return sum(pool.map(attempt, range(AT_ONCE)))


def test_a_refresh_token_works_once_and_its_session_is_over(house: House) -> None:
    user = _user(house)
    with house.store.write() as connection:
        session = sessions.open_session(connection, house.ids, NOW, user, None, [])
    assert _winners(house, lambda c: sessions.refresh_session(c, house.ids, NOW, session.refresh_token)) == 1
    with house.store.write() as connection:
        assert people.prolong_session(connection, session.id, NOW) is False


def test_a_password_link_works_once(house: House) -> None:
    user = _user(house)
    with house.store.write() as connection:
        token = password_links.make_link(connection, NOW, user["id"], "").partition("#")[2]

    def use(connection: Connection) -> bool:
        password_links.set_password(connection, NOW, user["id"], token, "new")
        return True

    assert _winners(house, use) == 1


def test_a_code_and_a_recovery_code_work_once(house: House) -> None:
    user, box = _user(house), SecretBox([b"\0" * 32])
    with house.store.write() as connection:
        second_factor.enrol(connection, box, user)
        people.replace_recovery_codes(connection, user["id"], ["a" * 64])
        enrolled = user_of(connection, user["id"])
    assert _winners(house, lambda c: people.use_recovery_code(c, user["id"], "a" * 64)) == 1
    assert _winners(house, lambda c: people.use_totp_step(c, enrolled["id"], 7)) == 1


def test_an_invitation_works_once(house: House) -> None:
    guests = iter([_user(house, f"guest{i}@example.com")["id"] for i in range(AT_ONCE)])
    admin = Principal(house.workspace_id, 1, None, None, ("admin",))
    with house.store.write() as connection:
        made = members.invite(connection, house.ids, NOW, admin, house.workspace_id, "x@example.com", "member")
    assert _winners(house, lambda c: members.accept(c, NOW, made.token, next(guests))) == 1


def test_of_two_owners_who_leave_at_once_one_stays(house: House) -> None:
    owners = [_user(house, f"owner{i}@example.com", "owner")["id"] for i in range(2)]

    def leave(user_id: int) -> bool:
        mine = Principal(house.workspace_id, None, user_id, "owner")
        try:
            write_with_retries(house.store, lambda c: members.remove(c, mine, house.workspace_id, user_id))
        except Refused as refusal:
            return refusal.status != 409
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(leave, owners)) == [False, True]
    with house.store.write() as connection:
        assert people.count_owners(connection, house.workspace_id) == 1


def test_a_name_is_one_keys(house: House) -> None:
    def make(connection: Connection) -> Any:
        return keys.create_key(connection, house.ids, NOW, house.workspace_id, "ci", ["read"])

    assert _winners(house, make) == 1


def test_a_key_is_revoked_once(house: House) -> None:
    with house.store.write() as connection:
        made = keys.create_key(connection, house.ids, NOW, house.workspace_id, "ci", ["read"])

    def revoke(connection: Connection) -> bool:
        keys.revoke_key(connection, house.workspace_id, made.id, NOW)
        return True

    assert _winners(house, revoke) == 1


def test_of_many_invitations_to_one_address_one_is_left(house: House) -> None:
    admin = Principal(house.workspace_id, 1, None, None, ("admin",))

    def invite(connection: Connection) -> Any:
        return members.invite(connection, house.ids, NOW, admin, house.workspace_id, "x@example.com", "member")

    assert _winners(house, invite) == AT_ONCE
    assert len(house.rows(schema.invitations)) == 1


def test_a_channel_that_many_set_at_once_is_one_and_is_removed_once(house: House) -> None:
    box = SecretBox([b"\0" * 32])

    def put(connection: Connection) -> bool:
        arguments = (box, house.workspace_id, "slack", "ops", lambda _: {"webhookUrl": "https://nobody.example"}, True)
        manage_channels.put_channel(connection, house.ids, NOW, *arguments)
        return True

    def remove(connection: Connection) -> bool:
        manage_channels.remove_channel(connection, house.workspace_id, "slack", "ops")
        return True

    assert _winners(house, put) == AT_ONCE
    assert len(house.rows(schema.channels, schema.channels.c.name == "ops")) == 1
    assert _winners(house, remove) == 1


@pytest.mark.parametrize("kind", ["job", "integration"])
def test_an_incident_is_resolved_once(house: House, kind: str) -> None:
    house.make_job()
    house.check_in("success")
    house.pass_time(4000)
    house.report()
    (incident,) = house.rows(schema.incidents, schema.incidents.c.kind == kind)

    def end(connection: Connection) -> bool:
        resolve(connection, house.ids, micros(house.now), house.workspace_id, incident.id)
        return True

    assert _winners(house, end) == 1


def test_what_went_between_the_look_and_the_write_is_looked_for_again(house: House) -> None:
    if house.store.is_sqlite:
        pytest.skip("there is one writer at a time")
    house.make_job()
    seen: list[int | None] = []

    def link(connection: Connection) -> None:
        seen.append(find_job_id(connection, house.workspace_id, JOB))
        if seen[-1] is None:
            return
        house.delete_job()
        row = {"id": 1, "workspace_id": house.workspace_id, "kind": "badge", "target": "job", "job_id": seen[-1]}
        public_links.insert_link(connection, {**row, "title": "", "token": "x", "created_at": NOW})

    write_with_retries(house.store, link)
    assert [one is None for one in seen] == [False, True]
    assert house.rows(schema.public_links) == []

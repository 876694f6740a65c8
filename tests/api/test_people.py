"""Members and invitations, named keys, and the audit log."""

from typing import Any

import pytest

from tests.api.conftest import PASSWORD, Api, MakeApi, in_workspace
from tests.support.people import SECOND, add_user, bearer, log_in, member
from tocsin.store.engine import Store


@pytest.fixture
def owner(api: Api) -> Api:
    return member(api, "owner")


def _ids(api: Api) -> dict[str, str]:
    return {one["email"]: one["userId"] for one in api.ok("GET", "/members")["items"]}


def _invited(api: Api, email: str = "new@example.com", role: str = "member") -> str:
    return str(api.ok("POST", "/invitations", {"email": email, "role": role})["token"])


# --- members ----------------------------------------------------------------------------------------------------------


def test_roles_change_and_count_at_once(api: Api, owner: Api) -> None:
    viewer = member(api, "viewer")
    ids = _ids(owner)
    assert viewer.refused(403, "POST", "/tenants", {"externalId": "x"}).startswith("Your role is viewer")
    changed = owner.ok("PATCH", f"/members/{ids['viewer@example.com']}", {"role": "member"})
    assert (changed["email"], changed["role"]) == ("viewer@example.com", "member")
    viewer.ok("POST", "/tenants", {"externalId": "x"})
    owner.ok("DELETE", f"/members/{ids['viewer@example.com']}")
    viewer.refused(401, "GET", "/tenants")
    assert owner.refused(404, "DELETE", f"/members/{ids['viewer@example.com']}") == "Member not found."


def test_only_owners_decide_about_owners(api: Api, owner: Api) -> None:
    admin = member(api, "admin")
    ids = _ids(admin)
    for caller in (admin, api):
        assert "owners" in caller.refused(403, "PATCH", f"/members/{ids['owner@example.com']}", {"role": "member"})
        assert "owners" in caller.refused(403, "DELETE", f"/members/{ids['owner@example.com']}")
        assert "owners" in caller.refused(403, "PATCH", f"/members/{ids['admin@example.com']}", {"role": "owner"})
        assert "owners" in caller.refused(403, "POST", "/invitations", {"email": "x@example.com", "role": "owner"})
    told = admin.refused(403, "DELETE", f"/members/{ids['owner@example.com']}")
    assert told.endswith("may not decide about owners. An owner can change it.")
    owner.ok("PATCH", f"/members/{ids['admin@example.com']}", {"role": "owner"})
    admin.ok("PATCH", f"/members/{ids['owner@example.com']}", {"role": "viewer"})
    assert "last owner" in admin.refused(409, "DELETE", f"/members/{ids['admin@example.com']}")
    assert "last owner" in admin.refused(409, "PATCH", f"/members/{ids['admin@example.com']}", {"role": "admin"})


def test_everybody_may_leave_and_nobody_below_admin_removes_others(api: Api, owner: Api) -> None:
    viewer, colleague = member(api, "viewer"), member(api, "member")
    ids = _ids(owner)
    for caller in (viewer, colleague):
        caller.refused(403, "DELETE", f"/members/{ids['owner@example.com']}")
    viewer.ok("DELETE", f"/members/{ids['viewer@example.com']}")
    viewer.refused(401, "GET", "/members")


# --- invitations ------------------------------------------------------------------------------------------------------


def test_an_invitation_makes_a_member_who_is_signed_in(api: Api, owner: Api) -> None:
    made = owner.ok("POST", "/invitations", {"email": "New@Example.com", "role": "viewer"})
    assert made["url"] == f"https://tocsin.test/invitation#{made['token']}"
    (shown,) = owner.ok("GET", "/invitations")["items"]
    assert (shown["email"], shown["role"], "token" in shown) == ("new@example.com", "viewer", False)
    accepting = {"token": made["token"], "name": "New", "password": PASSWORD}
    assert "required" in api.as_().refused(422, "POST", "/invitations/accept", {"token": made["token"]})
    assert "at least 15" in api.as_().refused(422, "POST", "/invitations/accept", {**accepting, "password": "short"})
    session = api.as_().ok("POST", "/invitations/accept", accepting)
    assert session["workspace"]["role"] == "viewer"
    bearer(api, session).ok("GET", "/tenants")
    assert "not valid" in api.as_().refused(403, "POST", "/invitations/accept", accepting)
    assert owner.ok("GET", "/invitations")["items"] == []
    assert "member already" in owner.refused(
        409, "POST", "/invitations", {"email": "new@example.com", "role": "viewer"}
    )


def test_who_has_an_account_proves_it(api: Api, owner: Api) -> None:
    """Otherwise whoever finds the link would be logged in as somebody else."""
    add_user(api, "new@example.com")
    token = _invited(owner)
    assert "password is required" in api.as_().refused(422, "POST", "/invitations/accept", {"token": token})
    api.as_().refused(401, "POST", "/invitations/accept", {"token": token, "password": "a guess of somebody"})
    owner.refused(422, "POST", "/invitations/accept", {"token": token})
    session = log_in(api, "new@example.com").ok("POST", "/invitations/accept", {"token": token})
    assert session["workspace"]["role"] == "member"


def test_an_invitation_dies_of_age_of_a_newer_one_and_when_withdrawn(api: Api, owner: Api) -> None:
    accepting = {"name": "New", "password": PASSWORD}
    first, second = _invited(owner), _invited(owner)
    api.as_().refused(403, "POST", "/invitations/accept", {**accepting, "token": first})
    (shown,) = owner.ok("GET", "/invitations")["items"]
    owner.ok("DELETE", f"/invitations/{shown['id']}")
    assert owner.refused(404, "DELETE", f"/invitations/{shown['id']}") == "Invitation not found."
    api.as_().refused(403, "POST", "/invitations/accept", {**accepting, "token": second})
    third = _invited(api)
    api.clock.moment += 7 * 86400 * SECOND
    api.as_().refused(403, "POST", "/invitations/accept", {**accepting, "token": third})


def test_an_invitation_is_mailed_where_there_is_a_mail_server(api: Api, owner: Api) -> None:
    mails: list[tuple[str, str, str]] = []

    def send(to: str, subject: str, text: str) -> bool:
        mails.append((to, subject, text))
        return True

    api.services.send_mail = send
    token = _invited(owner)
    ((to, subject, text),) = mails
    assert (to, subject) == ("new@example.com", "Invitation to Acme")
    assert "owner@example.com invites you" in text
    assert f"https://tocsin.test/invitation#{token}" in text


def test_where_registration_is_closed_nobody_new_comes_in(sqlite_store: Store, make_api: MakeApi) -> None:
    api = in_workspace(make_api(sqlite_store, registration="closed"))
    accepting = {"token": _invited(api), "password": PASSWORD}
    assert api.as_().refused(403, "POST", "/invitations/accept", accepting) == "Registration is closed."


# --- keys -------------------------------------------------------------------------------------------------------------


def test_a_named_key_may_what_its_scopes_say(api: Api) -> None:
    made = api.ok("POST", "/keys", {"name": "dashboards", "scopes": ["read", "read"]})
    assert (made["key"]["name"], made["key"]["scopes"]) == ("dashboards", ["read"])
    assert made["apiKey"].startswith(made["key"]["prefix"])
    reader = api.as_(X_Api_Key=made["apiKey"])
    reader.ok("GET", "/tenants")
    assert "scopes of this API key (read)" in reader.refused(403, "POST", "/tenants", {"externalId": "x"})
    assert "name exists" in api.refused(409, "POST", "/keys", {"name": "dashboards", "scopes": ["read"]})
    api.ok("DELETE", f"/keys/{made['key']['id']}")
    reader.refused(401, "GET", "/tenants")
    assert api.refused(404, "DELETE", f"/keys/{made['key']['id']}") == "Key not found."
    api.ok("POST", "/keys", {"name": "dashboards", "scopes": ["read"]})


def test_a_rotation_leaves_named_keys_alone(api: Api) -> None:
    named = api.as_(X_Api_Key=api.ok("POST", "/keys", {"name": "ci", "scopes": ["admin"]})["apiKey"])
    rotated = api.ok("POST", "/workspaces/rotate-key")
    api.refused(401, "GET", "/keys")
    keys = named.ok("GET", "/keys")["items"]
    assert [(key["name"], key["isPrimary"]) for key in keys] == [("ci", False), ("default", True)]
    assert rotated["workspace"]["apiKeyPrefix"] == keys[1]["prefix"]
    assert named.ok("GET", "/workspaces/me")["apiKeyPrefix"] == keys[1]["prefix"]
    assert "rotate-key" in named.refused(409, "DELETE", f"/keys/{keys[1]['id']}")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": ""}, "name must be at least 1"),
        ({"name": " x"}, "name must have no control characters"),
        ({"scopes": []}, "scopes must have at least 1 item."),
        ({"scopes": ["owner"]}, "scopes[0] must be 'ingest', 'read' or 'admin'."),
        ({"scopes": "read"}, "scopes must be a list."),
    ],
)
def test_a_wrong_key_is_refused(api: Api, change: dict[str, Any], says: str) -> None:
    assert says in api.refused(422, "POST", "/keys", {"name": "x", "scopes": ["read"], **change})


def test_when_a_key_was_last_used_is_written_down_later(api: Api) -> None:
    (before,) = api.ok("GET", "/keys")["items"]
    assert before["lastUsedAt"] is None
    api.services.key_use.flush()
    (after,) = api.ok("GET", "/keys")["items"]
    assert after["lastUsedAt"] == "2026-01-05T12:00:00Z"


# --- the audit log ----------------------------------------------------------------------------------------------------


def test_every_change_is_in_the_audit_log_with_who_and_from_where(api: Api, owner: Api) -> None:
    owner.ok("POST", "/tenants", {"externalId": "acme", "name": "Acme"})
    api.ok("PATCH", "/tenants/acme", {"name": "ACME"})
    owner.ok(
        "PUT", "/workspaces/me/channels/slack", {"config": {"webhookUrl": "https://hooks.slack.com/services/T/B/x"}}
    )
    owner.refused(422, "POST", "/tenants", {})
    owner.refused(409, "POST", "/tenants", {"externalId": "acme"})
    entries = owner.ok("GET", "/audit")["items"]
    assert [(e["action"], e["actor"]["kind"], e["fields"]) for e in entries] == [
        ("put_channel", "user", ["config"]),
        ("change_tenant", "key", ["name"]),
        ("create_tenant", "user", ["externalId", "name"]),
    ]
    assert [entry["address"] for entry in entries] == ["testclient"] * 3
    assert entries[2]["actor"]["name"] == "owner@example.com"
    assert entries[1]["target"] == "/tenants/acme"
    assert entries[1]["actor"]["name"].startswith("default (sg_")
    tenant = owner.ok("GET", "/tenants/acme")
    assert entries[2]["target"] == f"/tenants/{tenant['id']}"
    assert "hooks.slack.com" not in str(entries)


def test_the_audit_log_is_filtered_and_paged(api: Api, owner: Api) -> None:
    for name in "abc":
        api.ok("POST", "/tenants", {"externalId": name})
    owner.ok("DELETE", "/tenants/a")
    page = owner.ok("GET", "/audit?pageSize=2&page=2")
    assert (page["total"], len(page["items"])) == (4, 2)
    assert owner.ok("GET", "/audit?action=create_tenant")["total"] == 3
    me = _ids(owner)["owner@example.com"]
    assert owner.ok("GET", f"/audit?actorId={me}")["total"] == 1
    assert owner.ok("GET", "/audit?actorId=nobody")["items"] == []
    assert owner.ok("GET", "/audit?from=2026-01-05T12:00:01Z")["total"] == 0
    assert owner.ok("GET", "/audit?to=2026-01-05T12:00:01Z")["total"] == 4


def test_what_happens_to_an_account_is_in_the_log_of_its_workspaces(api: Api, owner: Api) -> None:
    new = "a wholly different sentence"
    owner.ok("POST", "/auth/password", {"currentPassword": PASSWORD, "newPassword": new})
    (entry,) = owner.ok("GET", "/audit")["items"]
    assert (entry["action"], entry["target"]) == ("change_password", "user owner@example.com")


def test_a_new_workspace_begins_its_own_log(api: Api, owner: Api) -> None:
    made = owner.ok("POST", "/workspaces", {"name": "Second"})
    (entry,) = api.as_(X_Api_Key=made["apiKey"]).ok("GET", "/audit")["items"]
    assert (entry["action"], entry["actor"]["name"]) == ("create_workspace", "owner@example.com")

import pytest

from tests.api.conftest import Api


def test_a_tenant_is_made_found_renamed_and_listed(api: Api) -> None:
    made = api.ok("POST", "/tenants", {"externalId": "acme-corp", "name": "Acme"})
    assert made["externalId"] == "acme-corp"
    assert made["isActive"] is True
    assert api.ok("GET", "/tenants/acme-corp") == made
    assert api.ok("GET", f"/tenants/{made['id']}") == made
    renamed = api.ok("PATCH", "/tenants/acme-corp", {"name": "Acme Corporation"})
    assert renamed == {**made, "name": "Acme Corporation"}
    listed = api.ok("GET", "/tenants")
    assert [tenant["externalId"] for tenant in listed["items"]] == ["default", "acme-corp"]
    assert (listed["page"], listed["pageSize"], listed["total"]) == (1, 25, 2)
    second = api.ok("GET", "/tenants?page=2&pageSize=1")
    assert [tenant["externalId"] for tenant in second["items"]] == ["acme-corp"]


def test_a_tenant_is_deactivated_and_activated_again(api: Api) -> None:
    api.ok("POST", "/tenants", {"externalId": "acme"})
    assert api.ok("DELETE", "/tenants/acme")["isActive"] is False
    assert api.ok("DELETE", "/tenants/acme")["isActive"] is False
    assert [t["externalId"] for t in api.ok("GET", "/tenants?isActive=true")["items"]] == ["default"]
    assert api.ok("POST", "/tenants/acme/activate")["isActive"] is True


def test_a_duplicate_is_a_conflict(api: Api) -> None:
    api.ok("POST", "/tenants", {"externalId": "acme"})
    assert "acme exists already" in api.refused(409, "POST", "/tenants", {"externalId": "acme"})


def test_nobody_sees_another_workspaces_tenant(api: Api, stranger: Api) -> None:
    made = api.ok("POST", "/tenants", {"externalId": "acme"})
    for path in (f"/tenants/{made['id']}", "/tenants/acme"):
        assert stranger.refused(404, "GET", path) == "Tenant not found."
        assert stranger.refused(404, "PATCH", path, {"name": "x"}) == "Tenant not found."
        assert stranger.refused(404, "DELETE", path) == "Tenant not found."
        assert stranger.refused(404, "POST", f"{path}/activate") == "Tenant not found."
    stranger.ok("POST", "/tenants", {"externalId": "acme"})


@pytest.mark.parametrize("external_id", ["", " acme", "a\nb", "x" * 201, 7, None])
def test_an_external_id_is_a_short_printable_text(api: Api, external_id: object) -> None:
    assert api.refused(422, "POST", "/tenants", {"externalId": external_id}).startswith("externalId must be") or (
        external_id in {" acme", "a\nb"}
    )

"""Badges and status pages as the API makes them."""

import pytest

from tests.api.conftest import Api
from tests.support.people import member

JOB = {"jobKey": "sync", "name": "Sync", "expectedIntervalSeconds": 3600}


@pytest.mark.parametrize(
    ("kind", "target", "name"),
    [
        ("status", {"kind": "workspace"}, None),
        ("status", {"kind": "tenant", "value": "acme"}, "Acme Corp"),
        ("badge", {"kind": "job", "value": "sync"}, "Sync"),
        ("badge", {"kind": "tag", "value": "billing"}, "billing"),
    ],
)
def test_links_are_made_listed_and_removed(api: Api, kind: str, target: dict[str, str], name: str | None) -> None:
    api.ok("POST", "/jobs", JOB)
    api.ok("POST", "/tenants", {"externalId": "acme", "name": "Acme Corp"})
    made = api.ok("POST", "/public-links", {"kind": kind, "target": target, "title": " Ours "})
    assert made["url"].startswith(f"https://tocsin.test/{kind}/")
    assert (made["kind"], made["targetName"], made["title"]) == (kind, name, "Ours")
    assert made["target"] == {"value": None, **target}
    assert api.ok("GET", "/public-links")["items"] == [made]
    assert api.ok("GET", f"/public-links?kind={'badge' if kind == 'status' else 'status'}")["items"] == []
    api.ok("DELETE", f"/public-links/{made['id']}")
    assert api.refused(404, "DELETE", f"/public-links/{made['id']}") == "Link not found."


@pytest.mark.parametrize(
    ("kind", "target", "status", "words"),
    [
        ("status", {"kind": "job", "value": "sync"}, 422, "target must be workspace or tenant"),
        ("badge", {"kind": "job"}, 422, "value is required"),
        ("badge", {"kind": "job", "value": "nowhere"}, 404, "Job not found."),
        ("badge", {"kind": "tenant", "value": "nobody"}, 404, "Tenant not found."),
        ("banner", {"kind": "workspace"}, 422, "kind"),
    ],
)
def test_what_cannot_be_shown(api: Api, kind: str, target: dict[str, str], status: int, words: str) -> None:
    assert words in api.refused(status, "POST", "/public-links", {"kind": kind, "target": target})


def test_a_viewer_sees_them_and_makes_none(api: Api) -> None:
    viewer = member(api, "viewer")
    assert viewer.ok("GET", "/public-links")["items"] == []
    assert "Your role is viewer" in viewer.refused(
        403, "POST", "/public-links", {"kind": "badge", "target": {"kind": "workspace"}}
    )

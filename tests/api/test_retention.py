"""How long a workspace keeps what has been, as it says itself."""

import pytest

from tests.api.conftest import Api, MakeApi, in_workspace
from tocsin.store.engine import Store

DEFAULTS = {
    "logDays": 30,
    "runDays": 90,
    "failedRunDays": 365,
    "eventDays": 90,
    "deliveryDays": 90,
    "rejectionDays": 30,
    "auditDays": 365,
}


def test_a_workspace_chooses_and_leaves_the_rest_to_the_operator(api: Api, stranger: Api) -> None:
    before = api.ok("GET", "/workspaces/me")
    assert (before["retention"], before["retentionDefaults"]) == (DEFAULTS, DEFAULTS)
    changed = api.ok("PATCH", "/workspaces/me", {"retention": {"runDays": 8, "eventDays": 0}})
    assert changed["retention"] == {**DEFAULTS, "runDays": 8, "eventDays": 0}
    assert changed["retentionDefaults"] == DEFAULTS
    api.ok("PATCH", "/workspaces/me", {"retention": {"runDays": None, "logDays": 1}})
    assert api.ok("GET", "/workspaces/me")["retention"] == {**DEFAULTS, "eventDays": 0, "logDays": 1}
    api.ok("PATCH", "/workspaces/me", {"name": "Other"})
    assert api.ok("GET", "/workspaces/me")["retention"] == {**DEFAULTS, "eventDays": 0, "logDays": 1}
    assert stranger.ok("GET", "/workspaces/me")["retention"] == DEFAULTS


def test_the_operator_sets_what_nobody_chose(store: Store, make_api: MakeApi) -> None:
    api = in_workspace(make_api(store, retention_run_days=30))
    assert api.ok("GET", "/workspaces/me")["retention"] == {**DEFAULTS, "runDays": 30}


@pytest.mark.parametrize(
    ("retention", "sentence"),
    [
        ({"runDays": 7}, "retention.runDays must be at least 8, as check-ins may tell of the last seven days; or 0."),
        ({"failedRunDays": 1}, "retention.failedRunDays must be at least 8"),
        ({"eventDays": -1}, "retention.eventDays"),
        ({"eventDays": 40_000}, "retention.eventDays"),
        ({"eventDays": "10"}, "retention.eventDays"),
        (None, "retention"),
        ([], "retention"),
    ],
)
def test_what_makes_no_sense_is_refused(api: Api, retention: object, sentence: str) -> None:
    assert sentence in api.refused(422, "PATCH", "/workspaces/me", {"name": "Never", "retention": retention})
    found = api.ok("GET", "/workspaces/me")
    assert (found["name"], found["retention"]) == ("Acme", DEFAULTS)

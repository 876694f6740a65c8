"""How often a key or a user may ask, over the API, and what a workspace may choose."""

from typing import Any

import pytest

from tests.api.conftest import Api, MakeApi, in_workspace
from tests.support.people import SECOND, member
from tocsin.store.engine import Store


@pytest.fixture
def limited(store: Store, make_api: MakeApi) -> Api:
    return in_workspace(make_api(store, api_rate=10))


def _statuses(api: Api, times: int) -> list[int]:
    return [api.call("GET", "/tenants").status_code for _ in range(times)]


def test_a_key_asks_so_often_and_then_waits(limited: Api) -> None:
    assert _statuses(limited, 12) == [200] * 10 + [429] * 2
    answer = limited.call("GET", "/tenants")
    assert answer.headers["Retry-After"] == "6"
    assert answer.json() == {
        "isSuccess": False,
        "errorCode": 6,
        "statusCode": 429,
        "message": "Rate limit exceeded. Try again in 6 seconds.",
    }
    limited.clock.moment += 6 * SECOND
    assert _statuses(limited, 2) == [200, 429]


def test_each_key_and_each_user_has_their_own(limited: Api) -> None:
    user = member(limited, "owner")
    other = limited.as_(X_Api_Key=limited.ok("POST", "/keys", {"name": "other", "scopes": ["read"]})["apiKey"])
    assert _statuses(limited, 10)[-1] == 429
    assert _statuses(other, 10) == [200] * 10
    assert _statuses(user, 10) == [200] * 10


def test_a_workspace_chooses_fewer_and_never_more(limited: Api) -> None:
    assert "at most 10" in limited.refused(422, "PATCH", "/workspaces/me", {"apiRate": 11})
    assert limited.ok("PATCH", "/workspaces/me", {"apiRate": 5})["apiRate"] == 5
    assert 429 in _statuses(limited, 6)
    limited.clock.moment += 120 * SECOND
    assert limited.ok("PATCH", "/workspaces/me", {"apiRate": None})["apiRate"] is None


@pytest.mark.parametrize("rate", [0, -1, "5", 1.5])
def test_a_wrong_rate_is_refused(limited: Api, rate: Any) -> None:
    assert limited.refused(422, "PATCH", "/workspaces/me", {"ingestRate": rate}).startswith("ingestRate must be")


def test_zero_is_no_limit(store: Store, make_api: MakeApi) -> None:
    api = in_workspace(make_api(store, api_rate=0))
    assert set(_statuses(api, 700)) == {200}

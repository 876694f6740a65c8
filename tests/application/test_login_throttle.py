import pytest

from tocsin.application.login_throttle import MEMORY, LoginThrottle, address_name
from tocsin.store.engine import Store

SECOND = 1_000_000


def test_waits_double_up_to_a_quarter_of_an_hour(store: Store) -> None:
    throttle, now = LoginThrottle(store), 0
    waits = []
    for _ in range(14):
        while wait := throttle.attempt(["anna"], now):
            waits.append(wait)
            now += wait * SECOND
    assert waits == [15, 30, 60, 120, 240, 480, 900, 900, 900][: len(waits)]
    assert len(waits) == 9


def test_one_bad_name_is_enough_and_waiting_costs_nothing(store: Store) -> None:
    throttle = LoginThrottle(store)
    for account in "abcde":
        assert throttle.attempt([account, "address"], 0) == 0
    for _ in range(10):
        assert throttle.attempt(["f", "address"], 0) == 15
    assert throttle.attempt(["f", "elsewhere"], 0) == 0


def test_after_a_quarter_of_an_hour_all_is_forgotten(store: Store) -> None:
    throttle = LoginThrottle(store)
    for _ in range(5):
        throttle.attempt(["anna"], 0)
    assert throttle.attempt(["anna"], MEMORY) == 0
    assert throttle.attempt(["anna"], MEMORY) == 0


def test_a_success_frees_the_account(store: Store) -> None:
    throttle = LoginThrottle(store)
    for _ in range(20):
        assert throttle.attempt(["anna", "address"], 0) == 0
        throttle.succeeded("anna", "address", 0)


def test_all_nodes_count_together(store: Store) -> None:
    nodes = [LoginThrottle(store) for _ in range(3)]
    assert [nodes[i % 3].attempt(["anna"], 0) for i in range(6)] == [0, 0, 0, 0, 0, 15]


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("192.0.2.7", "address 192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "address 2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "address 2001:db8:1:2::/64"),
        ("testclient", "address testclient"),
        ("", "address "),
    ],
)
def test_whoever_has_one_ipv6_address_has_many(host: str, name: str) -> None:
    assert address_name(host) == name

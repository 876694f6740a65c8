from tocsin.application.login_throttle import MEMORY, LoginThrottle

SECOND = 1_000_000


def test_waits_double_up_to_a_quarter_of_an_hour() -> None:
    throttle, now = LoginThrottle(), 0
    waits = []
    for _ in range(14):
        while wait := throttle.attempt(["anna"], now):
            waits.append(wait)
            now += wait * SECOND
    assert waits == [15, 30, 60, 120, 240, 480, 900, 900, 900][: len(waits)]
    assert len(waits) == 9


def test_one_bad_name_is_enough_and_waiting_costs_nothing() -> None:
    throttle = LoginThrottle()
    for account in "abcde":
        assert throttle.attempt([account, "address"], 0) == 0
    for _ in range(100):
        assert throttle.attempt(["f", "address"], 0) == 15
    assert throttle.attempt(["f", "elsewhere"], 0) == 0


def test_after_a_quarter_of_an_hour_all_is_forgotten() -> None:
    throttle = LoginThrottle()
    for _ in range(5):
        throttle.attempt(["anna"], 0)
    assert throttle.attempt(["anna"], MEMORY) == 0
    assert throttle.attempt(["anna"], MEMORY) == 0


def test_a_success_frees_the_account() -> None:
    throttle = LoginThrottle()
    for _ in range(20):
        assert throttle.attempt(["anna", "address"], 0) == 0
        throttle.succeeded("anna", "address")

"""Logging in and out, passwords, and the second factor."""

from pathlib import Path

import pytest

from tests.api.conftest import PASSWORD, Api
from tests.support.people import SECOND, add_user, bearer, code_of, log_in, turn_on_second_factor
from tests.support.statements import statements
from tocsin.store.engine import Store

ANNA = "anna@example.com"
LOGIN = {"email": ANNA, "password": PASSWORD}
NEW = "a wholly different sentence"


@pytest.fixture
def anna(api: Api) -> Api:
    """An owner of the workspace, signed in."""
    add_user(api, ANNA, "owner")
    return log_in(api, ANNA)


def test_a_logout_ends_the_session_and_no_other(api: Api, anna: Api) -> None:
    other = api.as_().ok("POST", "/auth/login", LOGIN)
    bearer(api, other).ok("POST", "/auth/logout")
    bearer(api, other).refused(401, "GET", "/members")
    api.as_().refused(401, "POST", "/auth/refresh", {"refreshToken": other["refreshToken"]})
    bearer(api, other).refused(401, "POST", "/auth/token", {"workspaceId": other["workspace"]["id"]})
    anna.ok("GET", "/members")


def test_a_stolen_refresh_token_ends_the_access_tokens_too(api: Api, anna: Api) -> None:
    session = api.as_().ok("POST", "/auth/login", LOGIN)
    renewed = api.as_().ok("POST", "/auth/refresh", {"refreshToken": session["refreshToken"]})
    bearer(api, renewed).ok("GET", "/members")
    api.as_().refused(401, "POST", "/auth/refresh", {"refreshToken": session["refreshToken"]})
    for token in (session, renewed):
        bearer(api, token).refused(401, "GET", "/members")
    anna.ok("GET", "/members")
    for stale in (session, renewed):
        api.as_().refused(401, "POST", "/auth/refresh", {"refreshToken": stale["refreshToken"]})
    (entry,) = api.ok("GET", "/audit?action=reuse_refresh_token")["items"]
    assert (entry["actor"]["name"], entry["target"]) == (ANNA, f"user {ANNA}")


def test_a_changed_password_ends_all_other_sessions(api: Api, anna: Api) -> None:
    other = log_in(api, ANNA)
    wrong = {"currentPassword": "wrong", "newPassword": NEW}
    assert anna.refused(401, "POST", "/auth/password", wrong) == "currentPassword is wrong."
    short = {"currentPassword": PASSWORD, "newPassword": "too short"}
    assert "newPassword must be at least 15" in anna.refused(422, "POST", "/auth/password", short)
    anna.ok("POST", "/auth/password", {"currentPassword": PASSWORD, "newPassword": NEW})
    anna.ok("GET", "/members")
    other.refused(401, "GET", "/members")
    api.as_().refused(401, "POST", "/auth/login", LOGIN)
    log_in(api, ANNA, NEW)


def test_an_api_key_has_no_password(api: Api) -> None:
    for path in ("/auth/password", "/auth/totp", "/auth/totp/confirm", "/auth/logout"):
        assert "token of a user" in api.refused(403, "POST", path, {})


@pytest.mark.parametrize(
    "password",
    [
        "passwordpassword",
        "123456789012345",
        "qwertyuiopasdfghjkl",
        "aaaaaaaaaaaaaaaa",
        "anna@example.com",
        "tocsintocsintocsin",
    ],
)
def test_what_everybody_would_guess_is_no_password(api: Api, anna: Api, password: str) -> None:
    change = {"currentPassword": PASSWORD, "newPassword": password}
    assert "among the first" in anna.refused(422, "POST", "/auth/password", change)


def test_a_login_does_the_same_work_for_a_user_nobody_knows(api: Api, anna: Api) -> None:
    """The same questions to the database, and one comparison of a password: the time tells nothing."""
    told = []
    for email in (ANNA, "nobody@example.com"):
        with statements() as asked:
            api.as_().refused(401, "POST", "/auth/login", {"email": email, "password": "a wrong guess"})
        told.append(asked)
    assert told[0] == told[1]


def test_an_expired_session_is_none(api: Api, anna: Api) -> None:
    session = api.as_().ok("POST", "/auth/login", LOGIN)
    api.clock.moment += 15 * 60 * SECOND
    bearer(api, session).refused(401, "GET", "/members")
    renewed = api.as_().ok("POST", "/auth/refresh", {"refreshToken": session["refreshToken"]})
    bearer(api, renewed).ok("GET", "/members")


# --- a forgotten password ---------------------------------------------------------------------------------------------


def _mailing(api: Api) -> list[tuple[str, str, str]]:
    mails: list[tuple[str, str, str]] = []

    def send(to: str, subject: str, text: str) -> bool:
        mails.append((to, subject, text))
        return True

    api.services.send_mail = send
    return mails


def _token(text: str) -> str:
    return text.partition("/password#")[2].split()[0]


def test_a_mailed_link_sets_the_password_once(api: Api, anna: Api) -> None:
    mails = _mailing(api)
    stranger = api.as_()
    known = stranger.call("POST", "/auth/password/reset", {"email": ANNA})
    unknown = stranger.call("POST", "/auth/password/reset", {"email": "nobody@example.com"})
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content) == (200, known.content)
    ((to, _, text),) = mails
    assert to == ANNA
    assert "https://tocsin.test/password#" in text
    setting = {"token": _token(text), "password": NEW}
    weak = {**setting, "password": "passwordpassword"}
    assert "among the first" in stranger.refused(422, "POST", "/auth/password/reset/confirm", weak)
    stranger.ok("POST", "/auth/password/reset/confirm", setting)
    assert "not valid any more" in stranger.refused(422, "POST", "/auth/password/reset/confirm", setting)
    anna.refused(401, "GET", "/members")
    log_in(api, ANNA, NEW)


def test_a_link_dies_of_age_and_of_a_newer_one(api: Api, anna: Api) -> None:
    mails = _mailing(api)
    for _ in range(2):
        api.as_().ok("POST", "/auth/password/reset", {"email": ANNA})
    first, second = (_token(mail[2]) for mail in mails)
    api.as_().refused(422, "POST", "/auth/password/reset/confirm", {"token": first, "password": NEW})
    api.clock.moment += 30 * 60 * SECOND
    api.as_().refused(422, "POST", "/auth/password/reset/confirm", {"token": second, "password": NEW})


def test_links_are_not_mailed_without_end(api: Api) -> None:
    _mailing(api)
    asked = {"email": "nobody@example.com"}
    for _ in range(5):
        api.as_().ok("POST", "/auth/password/reset", asked)
    assert "Try again" in api.as_().refused(429, "POST", "/auth/password/reset", asked)


def test_without_a_mail_server_it_is_said(api: Api) -> None:
    assert "operator" in api.as_().refused(422, "POST", "/auth/password/reset", {"email": ANNA})


# --- the second factor ------------------------------------------------------------------------------------------------


def _challenge(api: Api) -> str:
    answer = api.as_().ok("POST", "/auth/login", LOGIN)
    assert answer["totpRequired"] is True
    assert "token" not in answer
    return str(answer["challenge"])


def test_from_the_app_to_a_login(api: Api, anna: Api) -> None:
    other = log_in(api, ANNA)
    anna.refused(401, "POST", "/auth/totp", {"password": "wrong"})
    begun = anna.ok("POST", "/auth/totp", {"password": PASSWORD})
    assert begun["uri"].startswith("otpauth://totp/Tocsin:anna%40example.com?")
    assert begun["secret"] in begun["uri"]
    assert "token" in api.as_().ok("POST", "/auth/login", LOGIN)  # not confirmed, not asked for
    assert "not the one" in anna.refused(422, "POST", "/auth/totp/confirm", {"code": "abcdef"})
    codes = anna.ok("POST", "/auth/totp/confirm", {"code": code_of(begun["secret"], api.clock.now())})["recoveryCodes"]
    assert len(set(codes)) == 10
    other.refused(401, "GET", "/members")
    (shown,) = anna.ok("GET", "/members")["items"]
    assert shown["hasSecondFactor"] is True
    assert "on already" in anna.refused(409, "POST", "/auth/totp", {"password": PASSWORD})

    step = {"challenge": _challenge(api), "code": code_of(begun["secret"], api.clock.now())}
    assert "used before" in api.as_().refused(401, "POST", "/auth/login/totp", step)
    api.clock.moment += 30 * SECOND
    step["code"] = code_of(begun["secret"], api.clock.now())
    session = api.as_().ok("POST", "/auth/login/totp", step)
    bearer(api, session).ok("GET", "/members")
    assert "used before" in api.as_().refused(401, "POST", "/auth/login/totp", step)


def test_a_new_app_takes_the_place_of_the_old_within_the_same_half_minute(anna: Api) -> None:
    for _ in range(2):
        turn_on_second_factor(anna)
        anna.ok("DELETE", "/auth/totp", {"password": PASSWORD})


def test_a_recovery_code_counts_once(api: Api, anna: Api) -> None:
    _, codes = turn_on_second_factor(anna)
    step = {"challenge": _challenge(api), "code": codes[3].upper()}
    api.as_().ok("POST", "/auth/login/totp", step)
    api.as_().refused(401, "POST", "/auth/login/totp", step)


def test_a_challenge_is_no_token_and_dies(api: Api, anna: Api) -> None:
    secret, codes = turn_on_second_factor(anna)
    challenge = _challenge(api)
    bearer(api, {"token": challenge}).refused(401, "GET", "/members")
    token = anna.headers["Authorization"].removeprefix("Bearer ")
    for wrong in (token, "nonsense", ""):
        api.as_().refused(401, "POST", "/auth/login/totp", {"challenge": wrong, "code": codes[0]})
    api.clock.moment += 5 * 60 * SECOND
    answer = api.as_().refused(401, "POST", "/auth/login/totp", {"challenge": challenge, "code": codes[0]})
    assert "Log in again" in answer
    challenge = _challenge(api)
    anna.ok("POST", "/auth/password", {"currentPassword": PASSWORD, "newPassword": NEW})
    api.as_().refused(401, "POST", "/auth/login/totp", {"challenge": challenge, "code": codes[0]})
    assert secret


def test_codes_are_not_guessed_without_end(api: Api, anna: Api) -> None:
    _, codes = turn_on_second_factor(anna)
    for _ in range(5):
        challenge = _challenge(api)
        api.as_().refused(401, "POST", "/auth/login/totp", {"challenge": challenge, "code": "000000"})
    api.as_().refused(429, "POST", "/auth/login/totp", {"challenge": challenge, "code": codes[0]})


def test_beside_a_second_factor_a_shorter_password_will_do(api: Api, anna: Api) -> None:
    turn_on_second_factor(anna)
    anna.ok("POST", "/auth/password", {"currentPassword": PASSWORD, "newPassword": "k7#qPz!2"})
    refusal = anna.refused(422, "DELETE", "/auth/totp", {"password": "k7#qPz!2"})
    assert refusal == "Without a second factor, password must be at least 15 characters long."
    anna.ok("POST", "/auth/password", {"currentPassword": "k7#qPz!2", "newPassword": NEW})
    anna.ok("DELETE", "/auth/totp", {"password": NEW})
    log_in(api, ANNA, NEW).ok("GET", "/members")
    anna.refused(409, "DELETE", "/auth/totp", {"password": NEW})


def test_no_secret_is_readable_in_the_database(sqlite_store: Store, anonymous: Api) -> None:
    add_user(anonymous, ANNA)
    anna = log_in(anonymous, ANNA)
    secret, codes = turn_on_second_factor(anna)
    mails = _mailing(anonymous)
    anonymous.ok("POST", "/auth/password/reset", {"email": ANNA})
    with sqlite_store.write() as connection:
        connection.exec_driver_sql("PRAGMA user_version = 1")
    stored = b"".join(path.read_bytes() for path in Path(sqlite_store.path).parent.glob("tocsin.db*"))
    assert ANNA.encode() in stored
    for canary in (PASSWORD, secret, *codes, *(code.replace("-", "") for code in codes), _token(mails[0][2])):
        assert canary.encode() not in stored

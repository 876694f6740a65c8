"""Who gets in, and stays in: sessions, forms from elsewhere, one-time links."""

import re

import pytest

from tests.dashboard.conftest import PASSWORD, Dashboard
from tests.support.people import code_of
from tocsin.application import accounts, members
from tocsin.application.access import Principal
from tocsin.clock import ManualClock
from tocsin.store.engine import Store

DAY = 86_400_000_000


def test_whoever_is_not_signed_in_is_led_to_the_door_and_back(dashboard: Dashboard) -> None:
    dashboard.add_user("mara@example.com")
    browser = dashboard.browser()
    page = browser.open("/keyboard?x=1")
    assert 'name="next" value="/keyboard?x=1"' in page
    wrong = browser.send("/sign-in", 401, email="mara@example.com", password="not this one at all", next="/keyboard")
    assert "Email or password is wrong." in wrong
    assert 'value="mara@example.com"' in wrong
    assert "not this one" not in wrong
    page = browser.send("/sign-in", email="mara@example.com", password=PASSWORD, next="/keyboard")
    assert "<h1>Keyboard</h1>" in page


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:1"])
def test_nobody_is_led_elsewhere(dashboard: Dashboard, elsewhere: str) -> None:
    dashboard.add_user("mara@example.com")
    browser = dashboard.browser()
    browser.open("/sign-in")
    browser.send("/sign-in", email="mara@example.com", password=PASSWORD, next=elsewhere)
    assert browser.client.cookies.get("tocsin")
    browser.client.follow_redirects = False
    answer = browser.client.get("/sign-in", params={"next": elsewhere})
    assert answer.headers["location"] == "/"


def test_signing_out_ends_the_session_on_the_server(dashboard: Dashboard) -> None:
    browser = dashboard.as_()
    browser.open("/")
    stolen = dict(browser.client.cookies)
    assert "You are signed out." in browser.send("/sign-out")
    thief = dashboard.browser()
    thief.client.cookies.update(stolen)
    assert '<h1 id="h">Sign in</h1>' in thief.open("/")


def test_a_session_lives_while_it_is_used(dashboard: Dashboard, clock: ManualClock) -> None:
    browser = dashboard.as_()
    for _ in range(3):
        clock.moment += 20 * DAY
        assert "Sign out" in browser.open("/")
    clock.moment += 31 * DAY
    assert '<h1 id="h">Sign in</h1>' in browser.open("/")


def test_the_cookie_is_as_strict_as_browsers_know(dashboard: Dashboard) -> None:
    dashboard.add_user("mara@example.com")
    browser = dashboard.browser("https://tocsin.example")
    browser.client.follow_redirects = False
    page = browser.client.get("/sign-in")
    token = re.search(r'name="csrf" content="([^"]+)"', page.text)
    assert token
    answer = browser.post("/sign-in", {"csrf": token[1], "email": "mara@example.com", "password": PASSWORD})
    kept = next(line for line in answer.headers.get_list("set-cookie") if line.startswith("__Host-tocsin="))
    for attribute in ("HttpOnly", "Secure", "Path=/", "SameSite=lax", "Max-Age=2592000"):
        assert attribute in kept
    assert "Domain" not in kept


def test_off_loopback_without_tls_nobody_signs_in(dashboard: Dashboard) -> None:
    dashboard.add_user("mara@example.com")
    browser = dashboard.browser("http://tocsin.lan")
    page = browser.open("/sign-in")
    assert "TOCSIN_INSECURE_HTTP=1" in page
    assert 'type="password"' not in page
    assert browser.post("/sign-in", {"email": "mara@example.com", "password": PASSWORD}).status_code == 403
    assert not browser.client.cookies


def test_insecure_http_is_a_choice(sqlite_store: Store, clock: ManualClock) -> None:
    trusting = Dashboard(sqlite_store, clock, insecure_http=True)
    trusting.add_user("mara@example.com")
    browser = trusting.browser("http://tocsin.lan")
    assert "Sign out" in browser.sign_in("mara@example.com")
    trusting.close()


def test_a_form_from_elsewhere_is_refused(dashboard: Dashboard) -> None:
    owner, other = dashboard.as_(), dashboard.as_("admin")
    owner.open("/")
    other.open("/")
    fields = {"name": "Mine"}
    assert owner.post("/workspaces", fields).status_code == 403
    assert owner.post("/workspaces", {**fields, "csrf": "AAAA"}).status_code == 403
    assert owner.post("/workspaces", {**fields, "csrf": other.csrf}).status_code == 403
    right = {**fields, "csrf": owner.csrf}
    assert owner.post("/workspaces", right, sec_fetch_site="cross-site").status_code == 403
    assert owner.post("/workspaces", right, sec_fetch_site="same-origin").status_code == 200


def test_tokens_of_forms_never_look_the_same(dashboard: Dashboard) -> None:
    browser = dashboard.as_()
    pages = [browser.open("/keyboard") for _ in range(2)]
    tokens = {found for page in pages for found in re.findall(r'name="csrf" content="([^"]+)"', page)}
    assert len(tokens) == 2


def test_the_first_workspace_is_claimed_by_its_link(dashboard: Dashboard) -> None:
    with dashboard.services.store.write() as connection:
        token = accounts.make_claim(connection, dashboard.clock.now())
    browser = dashboard.browser()
    browser.open("/claim")
    short = browser.send("/claim", 422, token=token, email="mara@example.com", name="Mara", password="too short")
    assert "password must be at least 15 characters long." in short
    page = browser.send("/claim", token=token, email="mara@example.com", name="Mara", password=PASSWORD)
    assert "owner of House" in page
    again = dashboard.browser()
    again.open("/claim")
    assert "not valid any more" in again.send("/claim", 403, token=token, email="b@example.com", password=PASSWORD)


def test_the_second_factor_is_asked_for(dashboard: Dashboard) -> None:
    from tocsin.application import second_factor
    from tocsin.store import accounts as rows

    dashboard.add_user("mara@example.com")
    services = dashboard.services
    with services.store.write() as connection:
        user = rows.find_user_by_email(connection, "mara@example.com")
        assert user is not None
        secret = second_factor.enrol(connection, services.secrets, user).secret
        user = rows.user_of(connection, user["id"])
        code = code_of(secret, dashboard.clock.now())
        second_factor.confirm(connection, services.secrets, dashboard.clock.now(), user, code)
    dashboard.clock.moment += 60_000_000
    browser = dashboard.browser()
    page = browser.sign_in("mara@example.com")
    challenge = re.search(r'name="challenge" value="([^"]+)"', page)
    assert challenge
    wrong = browser.send("/sign-in/code", 401, challenge=challenge[1], code="000000")
    assert "code is wrong" in wrong
    assert challenge[1] in wrong
    code = code_of(secret, dashboard.clock.now())
    assert "Sign out" in browser.send("/sign-in/code", challenge=challenge[1], code=code)


def test_an_invitation_makes_an_account(dashboard: Dashboard) -> None:
    house, services = dashboard.house, dashboard.services
    with services.store.write() as connection:
        principal = Principal(house.workspace_id, None, None, "owner")
        made = members.invite(
            connection, services.ids, dashboard.clock.now(), principal, house.workspace_id, "new@example.com", "viewer"
        )
    browser = dashboard.browser()
    browser.open("/invitation")
    page = browser.send("/invitation", token=made.token, name="New", password=PASSWORD)
    assert "viewer of House" in page


def test_a_forgotten_password_is_set_by_a_mailed_link(dashboard: Dashboard) -> None:
    dashboard.add_user("mara@example.com")
    browser = dashboard.browser()
    browser.open("/forgot-password")
    said = [browser.send("/forgot-password", email=email) for email in ("mara@example.com", "nobody@example.com")]
    assert all("Look into your mail" in page for page in said)
    token = dashboard.mail_link()
    browser.open("/password")
    assert "Password set." in browser.send("/password", token=token, password="another horse than before")
    assert "Sign out" in browser.sign_in("mara@example.com", "another horse than before")


def test_workspaces_are_made_and_switched(dashboard: Dashboard) -> None:
    browser = dashboard.as_()
    browser.open("/")
    assert "owner of Second" in browser.send("/workspaces", name="Second")
    home = re.search(
        r'name="workspace" value="([^"]+)"><button type="submit"><span class="clip">House', browser.open("/")
    )
    assert home
    assert "owner of House" in browser.send("/workspace", workspace=home[1])
    stranger = dashboard.browser()
    dashboard.add_user("stranger@example.com", None)
    page = stranger.sign_in("stranger@example.com")
    assert "You belong to no workspace" in page
    assert "do not belong" in stranger.send("/workspace", 403, workspace=home[1])


def test_what_is_not_here_may_be_in_another_workspace(dashboard: Dashboard) -> None:
    dashboard.house.make_job()
    browser = dashboard.as_()
    assert "Look in another workspace" not in browser.open("/jobs/nobody", 404)
    browser.open("/")
    browser.send("/workspaces", name="Second")
    page = browser.open("/jobs/the-job?how=curl", 404)
    assert "It may have been deleted or renamed" in page
    assert '<a class="btn btn-primary" href="/jobs">Jobs</a>' in page
    assert 'name="next" value="/jobs/the-job?how=curl"' in page
    found = re.search(r'name="workspace" value="([^"]+)"><input type="hidden" name="next"', page)
    assert found
    assert "The job" in browser.send("/workspace", workspace=found[1], next="/jobs/the-job?how=curl")

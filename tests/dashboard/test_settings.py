"""Settings: the workspace, keys, people, the audit log; and one's own account."""

import re
from base64 import b32decode

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from tests.dashboard.conftest import PASSWORD, Browser, Dashboard
from tests.dashboard.test_overview import SCRIPT

WORKSPACE = {
    "name": "House",
    "timezone": "Europe/Vienna",
    "autoCreateTenants": "all",
    "recoveryWindowSeconds": "600",
    "closeWindowSeconds": "1200",
    "cooldownWindowSeconds": "3600",
    "ingestRate": "",
    "apiRate": "100",
}


def test_the_workspace_is_changed_and_shown_as_it_is(dashboard: Dashboard) -> None:
    browser = dashboard.as_()
    browser.open("/settings")
    page = browser.send("/settings", **{**WORKSPACE, "name": SCRIPT})
    assert SCRIPT not in page
    assert 'value="Europe/Vienna"' in page
    assert re.search(r'name="apiRate"[^>]*|value="100"', page)
    shown = dashboard.as_("viewer").open("/settings")
    assert "10 min" in shown
    assert 'action="/settings"' not in shown


def test_what_is_refused_stands_beside_its_field(dashboard: Dashboard) -> None:
    browser = dashboard.as_()
    browser.open("/settings")
    page = browser.send("/settings", 422, **{**WORKSPACE, "timezone": "Mars/Phobos"})
    assert 'id="e-timezone"' in page
    assert 'value="Mars/Phobos"' in page
    assert 'id="e-closeWindowSeconds"' in browser.send("/settings", 422, **{**WORKSPACE, "closeWindowSeconds": "soon"})


def test_retention_is_the_operators_until_something_is_chosen(dashboard: Dashboard) -> None:
    browser = dashboard.as_()
    browser.open("/settings")
    page = browser.send("/settings/retention", runDays="60", eventDays="")
    assert re.search(r'value="60"[^>]*name="runDays"', page)
    assert 'id="e-runDays"' in browser.send("/settings/retention", 422, runDays="3") or "runDays" in page


def test_a_key_is_shown_once_and_can_be_revoked(dashboard: Dashboard) -> None:
    browser = dashboard.as_()
    browser.open("/settings/keys")
    shown = browser.send("/settings/keys", name=SCRIPT, scopes=["ingest", "read"])
    key = re.search(r"sg_[0-9a-f]{48}", shown)
    assert key
    assert SCRIPT not in shown
    page = browser.open("/settings/keys")
    assert key[0] not in page
    assert "ingest, read" in page
    revoke = re.search(r'action="(/settings/keys/[\w-]+/revoke)"', page)
    assert revoke
    assert "ingest, read" not in browser.send(revoke[1])


def test_a_key_that_may_nothing_is_refused(dashboard: Dashboard) -> None:
    browser = dashboard.as_()
    browser.open("/settings/keys")
    assert "scopes" in browser.send("/settings/keys", 422, name="none")


def test_the_primary_key_and_the_dsn_are_made_anew(dashboard: Dashboard) -> None:
    browser = dashboard.as_()
    before = browser.open("/settings/keys")
    assert dashboard.house.api_key not in before
    assert re.search(r"sg_[0-9a-f]{48}", browser.send("/settings/keys/rotate"))
    dsn = re.compile(r"http://\w+@localhost/\d+")
    after = browser.send("/settings/keys/rotate-sentry")
    assert dsn.findall(before) != dsn.findall(after) != []


def test_people_are_invited_changed_and_taken_out(dashboard: Dashboard) -> None:
    dashboard.add_user("bea@example.com", "viewer", SCRIPT)
    browser = dashboard.as_()
    page = browser.open("/settings/people")
    assert SCRIPT not in page
    shown = browser.send("/settings/people/invite", email="cleo@example.com", role="member")
    link = re.search(r"http://localhost/invitation#(\S+?)<", shown)
    assert link
    page = browser.open("/settings/people")
    assert link[1] not in page
    assert "cleo@example.com" in page
    withdraw = re.search(r'action="(/settings/people/invitations/[\w-]+/withdraw)"', page)
    assert withdraw
    assert "cleo@example.com" not in browser.send(withdraw[1])
    role = re.search(r'action="(/settings/people/[\w-]+)/role"', page)
    assert role
    assert "<option selected>admin" in browser.send(f"{role[1]}/role", role="admin")
    assert "bea@example.com" not in browser.send(f"{role[1]}/remove")


def test_the_last_owner_stays(dashboard: Dashboard) -> None:
    browser = dashboard.as_()
    page = browser.open("/settings/people")
    mine = re.search(r'action="(/settings/people/[\w-]+/remove)"', page)
    assert mine
    assert "owner" in browser.send(mine[1], 409)


def test_a_viewer_sees_the_members_and_may_only_leave(dashboard: Dashboard) -> None:
    dashboard.as_()
    browser = dashboard.as_("viewer")
    page = browser.open("/settings/people")
    assert "owner@example.com" in page
    assert "/role" not in page
    assert "/settings/people/invite" not in page
    assert page.count("/remove") == 1
    assert "/settings/keys" not in page
    for path in ("/settings/keys", "/settings/audit"):
        browser.open(path, 403)
    for path in (
        "/settings",
        "/settings/retention",
        "/settings/keys",
        "/settings/keys/rotate",
        "/settings/people/invite",
    ):
        browser.send(path, 403)


def test_the_audit_log_is_narrowed(dashboard: Dashboard) -> None:
    browser = dashboard.as_()
    browser.open("/settings/keys")
    browser.send("/settings/keys", name="cron", scopes="ingest")
    page = browser.open("/settings/audit")
    assert "Create key" in page
    assert "owner@example.com" in page
    assert "Create key" in browser.open("/settings/audit?action=create_key&from=2026-01-05&to=2026-01-05")
    assert "Nothing like that was changed" in browser.open("/settings/audit?from=2026-01-06")
    browser.open("/settings/audit?from=9999-12-31&to=rubbish")


def _code(secret: str, dashboard: Dashboard) -> str:
    totp = TOTP(b32decode(secret), 6, SHA1(), 30, enforce_key_length=False)
    return totp.generate(dashboard.clock.now() // 1_000_000).decode()


def _begin(browser: Browser, dashboard: Dashboard) -> str:
    browser.open("/account")
    shown = browser.send("/account/second-factor", password=PASSWORD)
    assert "<svg" in shown
    assert 'class="qr"' in shown
    found = re.search(r'class="v">([A-Z2-7]{32})<', shown)
    assert found
    return found[1]


def test_the_second_factor_is_set_up_and_switched_off(dashboard: Dashboard) -> None:
    browser = dashboard.as_()
    secret = _begin(browser, dashboard)
    wrong = browser.send("/account/second-factor/confirm", 422, code="000000")
    assert 'id="e-code"' in wrong
    assert secret not in wrong
    codes = browser.send("/account/second-factor/confirm", code=_code(secret, dashboard))
    assert "The second factor is on" in codes
    assert "Switch it off" in browser.open("/account")
    assert 'id="e-password"' in browser.send("/account/second-factor/off", 401, password="wrong")
    assert "Set it up" in browser.send("/account/second-factor/off", password=PASSWORD)


def test_the_password_is_changed(dashboard: Dashboard) -> None:
    browser, other = dashboard.as_(), dashboard.browser()
    other.sign_in("owner@example.com")
    browser.open("/account")
    fields = {"currentPassword": PASSWORD, "newPassword": "another horse battery staple"}
    wrong = browser.send("/account/password", 401, **{**fields, "currentPassword": "wrong"})
    assert 'id="e-currentPassword"' in wrong
    assert 'wrong"' not in wrong.split("<form")[-1]
    assert "All other sessions have ended" in browser.send("/account/password", **fields)
    assert "Sign in" in other.open("/settings")

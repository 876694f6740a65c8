"""Channels: a form for each kind, what is kept secret, tests, and what became of the latest alert."""

import re
from typing import Any

from tests.dashboard.conftest import Browser, Dashboard
from tests.dashboard.test_overview import SCRIPT
from tests.support.house import NOON
from tocsin.application.manage_channels import open_config
from tocsin.store.views_deliveries import find_channel

URL = "https://hooks.example.com/services/T000/B000/SECRETSECRET"
NEWS = ["opened", "reopened", "blastRadiusExpanded", "resolved"]


def _slack(browser: Browser, name: str = "", status: int = 200, /, **fields: Any) -> str:
    browser.open("/channels/new/slack")
    form = {"name": name, "config.webhookUrl": URL, "routes.kinds": NEWS, "delaySeconds": "0", "isEnabled": "on"}
    return browser.send("/channels/new/slack", status, **{**form, **fields})


def test_each_kind_has_its_form_and_several_are_told_apart(dashboard: Dashboard) -> None:
    browser = dashboard.as_()
    for kind in re.findall(r'href="/channels/new/(\w+)"', browser.open("/channels/new")):
        assert f'action="/channels/new/{kind}"' in browser.open(f"/channels/new/{kind}")
    _slack(browser)
    page = _slack(browser, "on-call", **{"routes.tags": "billing\r\nerp", "delaySeconds": "600"})
    assert 'href="/channels/slack/on-call"' in page
    assert "Tags billing and erp; after 10 min" in page
    assert "Every incident" in page


def test_a_name_that_is_taken_is_refused_beside_its_field(dashboard: Dashboard) -> None:
    browser = dashboard.as_()
    _slack(browser, "on-call")
    page = _slack(browser, "on-call", 409)
    assert 'id="e-name">Name is taken' in page


def test_what_the_api_refuses_stands_beside_the_field_with_what_was_typed(dashboard: Dashboard) -> None:
    page = _slack(dashboard.as_(), "first", 422, **{"config.webhookUrl": "ftp://example.com/x"})
    assert 'id="e-config.webhookUrl"' in page
    assert 'value="ftp://example.com/x"' in page
    assert 'value="first"' in page


def test_a_secret_is_in_no_page_once_it_is_saved(dashboard: Dashboard) -> None:
    browser = dashboard.as_()
    assert "SECRETSECRET" not in _slack(browser)
    assert "SECRETSECRET" not in browser.open("/channels/slack/default")
    browser.send("/channels/slack/default", **{"routes.kinds": NEWS, "isEnabled": "on", "routes.jobs": "nightly"})
    with dashboard.services.store.read() as connection:
        row = find_channel(connection, dashboard.house.workspace_id, "slack", "default")
    assert row is not None
    assert open_config(dashboard.services.secrets, row) == {"webhookUrl": URL}
    assert "Job nightly" in browser.open("/channels")


def test_the_secret_of_a_webhook_is_shown_once(dashboard: Dashboard) -> None:
    browser = dashboard.as_()
    browser.open("/channels/new/webhook")
    shown = browser.send(
        "/channels/new/webhook",
        **{
            "name": "portal",
            "config.url": "https://example.com/in",
            "routes.kinds": NEWS,
            "delaySeconds": "0",
            "isEnabled": "on",
        },
    )
    secret = re.search(r"whsec_[\w+/=]{20,}", shown)
    assert secret
    assert secret[0] not in browser.open("/channels/webhook/portal")


def test_a_test_tells_what_the_receiver_answered(dashboard: Dashboard) -> None:
    browser = dashboard.as_()
    _slack(browser)
    assert "Slack took the test alert: HTTP 200: ok" in browser.send("/channels/slack/default/test")
    assert "took the test alert" in _slack(browser, "second", test="on")


def test_a_switch_changes_nothing_else(dashboard: Dashboard) -> None:
    browser = dashboard.as_()
    _slack(browser, **{"routes.tenants": "acme", "remindEverySeconds": "3600"})
    page = browser.send("/channels/slack/default/switch", on="no")
    assert 'aria-checked="false" aria-label="Slack enabled"' in page
    assert "Every incident; of tenant acme; again every 1 h" in page
    assert 'aria-checked="true" aria-label="Slack enabled"' in browser.send("/channels/slack/default/switch", on="yes")


def test_removing(dashboard: Dashboard) -> None:
    browser = dashboard.as_()
    _slack(browser)
    browser.send("/channels/webhook/default/remove")
    assert "Nobody is told yet" in browser.send("/channels/slack/default/remove")
    browser.open("/channels/slack/default", 404)


def test_nothing_to_tell_about_is_refused(dashboard: Dashboard) -> None:
    assert "choose at least one thing" in _slack(dashboard.as_(), "", 422, **{"routes.kinds": ""})


def test_who_may_not_administer_sees_the_channels_and_no_button(dashboard: Dashboard) -> None:
    _slack(dashboard.as_())
    for role in ("viewer", "member"):
        browser = dashboard.as_(role)
        page = browser.open("/channels")
        assert "Slack" in page
        assert "/channels/new" not in page
        assert "/channels/slack/default" not in page
        browser.open("/channels/slack/default", 403)
        for action in ("", "/test", "/remove", "/switch"):
            browser.send(f"/channels/slack/default{action}", 403)


def _alarm(dashboard: Dashboard, name: str = "Invoice sync") -> None:
    house = dashboard.house
    house.make_job(name=name)
    house.check_in("success")
    house.pass_time(4000)
    dashboard.clock.moment = NOON + 4_000_000_000


def test_deliveries_are_listed_and_narrowed(dashboard: Dashboard) -> None:
    _alarm(dashboard, SCRIPT)
    browser = dashboard.as_()
    page = browser.open("/deliveries")
    assert "Opened" in page
    assert SCRIPT not in page
    assert "&lt;script&gt;" in page
    assert "Nothing like that was sent" in browser.open("/deliveries?state=delivered")
    assert "<option selected>pager</option>" in browser.open("/deliveries?channelName=pager")
    assert "Nothing like that was sent" in browser.open("/deliveries?provider=teams")
    assert "Nothing like that was sent" in browser.open("/deliveries?incidentId=rubbish")


def test_an_empty_list_says_what_will_stand_there(dashboard: Dashboard) -> None:
    browser = dashboard.as_("viewer")
    assert "Nothing was sent yet" in browser.open("/deliveries")
    assert "Nothing was rejected" in browser.open("/rejections")

"""Incidents: the list with its filters, and one incident with all that belongs to it, and what people do about it."""

from tests.dashboard.conftest import Browser, Dashboard, text_of
from tocsin.domain.ids import to_uuid
from tocsin.store.schema import incidents

SCRIPT = "<script>alert(1)</script>"


def _silence(dashboard: Dashboard) -> str:
    """Two of three tenants miss Invoice sync; the address of the incident."""
    house = dashboard.house
    house.make_job(name="Invoice sync")
    for tenant in ("acme", "bolt", "cobalt"):
        house.check_in("success", tenant)
    dashboard.pass_time(3700)
    house.check_in("success", "acme")
    dashboard.pass_time(4000)
    return f"/incidents/{to_uuid(house.rows(incidents)[0].id)}"


def _act(browser: Browser, address: str, what: str, **fields: str) -> str:
    browser.open(address)
    return text_of(browser.send(f"{address}/{what}", **fields))


def test_nothing_is_wrong(dashboard: Dashboard) -> None:
    browser = dashboard.as_()
    assert "Nothing is wrong" in browser.open("/incidents")
    assert "No incident like this" in browser.open("/incidents?status=closed")


def test_the_list_says_how_many_of_how_many_and_who(dashboard: Dashboard) -> None:
    _silence(dashboard)
    text = text_of(dashboard.as_().open("/incidents"))
    assert "Open Invoice sync" in text
    assert "2 of 3 tenants" in text
    assert "bolt" in text
    assert "1 incident" in text


def test_filters_narrow_the_list_and_can_be_taken_away(dashboard: Dashboard) -> None:
    _silence(dashboard)
    dashboard.house.report(tenant="acme", integration="crm-connector")
    browser = dashboard.as_()
    assert "2 incidents" in text_of(browser.open("/incidents"))
    narrowed = browser.open("/incidents?integrationKey=crm-connector")
    assert "Invoice sync" not in narrowed
    assert 'name="integrationKey" value="crm-connector"' in narrowed
    assert 'href="/incidents?status=active">Clear' in narrowed
    assert "crm-connector" not in browser.open("/incidents?jobKey=the-job")
    assert '<option value="auth_failure" selected>' in browser.open("/incidents?patternId=auth_failure&status=all")
    assert "Invoice sync" not in browser.open("/incidents?tenantId=acme")
    assert "No incident like this" in browser.open("/incidents?chronic=true")
    assert "2 incidents" in text_of(browser.open("/incidents?status=nonsense"))


def test_an_incident_answers_first_and_tells_the_rest(dashboard: Dashboard) -> None:
    page = dashboard.as_().open(_silence(dashboard))
    text = text_of(page)
    assert "2 tenants miss Invoice sync" in text
    assert "2 of 3 tenants, 66.7 %" in text
    assert "Nobody has it yet." in text
    assert "Alerts sent 1 delivery" in text
    assert text.count("bolt") >= 1
    assert "2 tenants hit" in text
    assert 'class="tl-open"' in page


def test_an_integration_shows_the_events_behind_it(dashboard: Dashboard) -> None:
    house = dashboard.house
    house.report(tenant="acme", integration="crm-connector", code="401")
    address = f"/incidents/{to_uuid(house.rows(incidents)[0].id)}"
    text = text_of(dashboard.as_().open(address))
    assert "crm-connector fails for 1 tenant" in text
    assert "auth_failed 401" in text


def test_somebody_takes_it_on(dashboard: Dashboard) -> None:
    address, browser = _silence(dashboard), dashboard.as_("member")
    text = _act(browser, address, "acknowledge", note="Rotating the token.", ownerId="")
    assert "Acknowledged" in text
    assert "Rotating the token." in text
    assert "Member acknowledged" in text or "member@example.com acknowledged" in text


def test_it_is_snoozed_until_a_moment_on_the_clock_of_who_looks(dashboard: Dashboard) -> None:
    browser, address = dashboard.as_("member"), _silence(dashboard)
    browser.client.cookies.set("tocsin_zone", "Europe/Vienna")
    assert "On the clocks of Europe/Vienna" in browser.open(address)
    assert "Snoozed until Wed 08:30" in _act(browser, address, "snooze", until="2026-01-07T08:30")
    for wrong in ("tomorrow", "2020-01-01T00:00"):
        page = browser.send(f"{address}/snooze", 422, until=wrong)
        assert 'id="e-until">When must ' in page
        assert f'value="{wrong}"' in page


def test_it_is_snoozed_and_the_snooze_is_ended(dashboard: Dashboard) -> None:
    address, browser = _silence(dashboard), dashboard.as_()
    assert "Snoozed until" in _act(browser, address, "snooze", seconds="1800")
    for tampered in ("", "soon", "-5", "9999999999"):
        assert "Choose for how long" in text_of(browser.send(f"{address}/snooze", 422, seconds=tampered))
    text = _act(browser, address, "unsnooze")
    assert "Snoozed until" not in text
    assert "ended the snooze" in text


def test_a_note_stands_in_what_happened(dashboard: Dashboard) -> None:
    address, browser = _silence(dashboard), dashboard.as_()
    assert SCRIPT.replace("<", "&lt;").replace(">", "&gt;") in _act(browser, address, "notes", text=SCRIPT)
    browser.open(address)
    assert "Note must be" in text_of(browser.send(f"{address}/notes", 422, text=""))


def test_it_is_resolved_once(dashboard: Dashboard) -> None:
    address, browser = _silence(dashboard), dashboard.as_()
    text = _act(browser, address, "resolve")
    assert "Invoice sync is well again; 2 tenants were hit" in text
    assert "Resolved manually" in text
    browser.open(address)
    assert "closed already" in text_of(browser.send(f"{address}/resolve", 409))


def test_a_viewer_sees_no_button_and_is_refused(dashboard: Dashboard) -> None:
    address, browser = _silence(dashboard), dashboard.as_("viewer")
    page = browser.open(address)
    assert f'action="{address}' not in page
    for what in ("acknowledge", "snooze", "unsnooze", "notes", "resolve", "deliveries/x/resend"):
        assert "Your role is viewer" in browser.send(f"{address}/{what}", 403)


def test_what_does_not_exist_is_a_page_that_says_so(dashboard: Dashboard) -> None:
    browser = dashboard.as_()
    for name in ("x", to_uuid(1), "..%2Fjobs"):
        assert "not found" in browser.open(f"/incidents/{name}", 404).lower()


def test_whatever_a_tenant_is_called_it_stands_there_as_text(dashboard: Dashboard) -> None:
    dashboard.house.report(tenant=SCRIPT, integration="crm")
    browser = dashboard.as_()
    address = f"/incidents/{to_uuid(dashboard.house.rows(incidents)[0].id)}"
    for path in ("/incidents", address):
        assert SCRIPT not in browser.open(path)

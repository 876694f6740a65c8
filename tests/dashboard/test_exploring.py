"""Search and topology."""

from tests.dashboard.conftest import Dashboard
from tocsin.domain.attribution import Attribution

SCRIPT = "<script>alert(1)</script>"


def test_search_finds_jobs_tenants_and_incidents(dashboard: Dashboard) -> None:
    house = dashboard.house
    house.make_job(job_key="invoice-sync", name="Invoices 100%_done")
    house.add_tenant("invo-corp")
    house.report(tenant="acme", integration="invoice-gateway")
    browser = dashboard.as_()
    page = browser.open("/search?q=INVO")
    for found in ('href="/jobs/invoice-sync"', "invo-corp", "invoice-gateway"):
        assert found in page
    assert "Nothing is called so" in browser.open("/search?q=%25%25")
    assert 'href="/jobs/invoice-sync"' in browser.open("/search?q=0%25_d")
    assert "Nothing is called so" in browser.open("/search?q=x_y")
    assert SCRIPT not in browser.open("/search?q=%3Cscript%3Ealert(1)%3C/script%3E")
    assert "autofocus" in browser.open("/search")


def test_topology_shows_where_jobs_run(dashboard: Dashboard) -> None:
    house = dashboard.house
    browser = dashboard.as_()
    assert "No run has told where it ran" in browser.open("/topology")
    house.make_job(failure_threshold=1)
    for kind, host in (("success", "web-1"), ("failure", "web-2")):
        sent = house.submission(kind)
        where = Attribution(project="shop", service="billing", host=host)
        house.record([sent._replace(check_in=sent.check_in._replace(attribution=where))])
    page = browser.open("/topology")
    for name in ("shop", "billing", "web-1", "web-2", "1 job on 2 hosts; 1 down", "1 failed"):
        assert name in page

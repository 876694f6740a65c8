"""Northwind Cloud, the workspace that pages are shown with: 38 of 214 tenants miss their invoices, and more.

The same story every time, told backwards from now: what happened is here, what people do about it on a
running server in `northwind_live`. `HOSTILE` tenants have names that a page must not fall for.
"""

import json
import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.chronicle import DAY, HOUR, MINUTE, Chronicle, Said
from tocsin.clock import SystemClock
from tocsin.domain.attribution import Attribution
from tocsin.domain.model import DEFAULT_TENANT, SECOND
from tocsin.domain.routing import Routes, Terms
from tocsin.wire_time import iso

SCRIPT_TENANT, EMOJI_TENANT, SLASH_TENANT = "<script>alert(1)</script>", "🦊" * 100, "eu/west/7"
LONG_NAME = "Reconciliation of the intercompany ledger against the bank statements of every subsidiary in the EEA"
LONG_TENANT = "Genossenschaftsverband der Molkereien, Brennereien und Keltereien des oberen Inntals und aller Täler"
HOSTILE = {SCRIPT_TENANT: SCRIPT_TENANT, EMOJI_TENANT: "", SLASH_TENANT: LONG_TENANT}
INVOICES, TENANTS, MISSING = "invoice-sync", 214, 38
#: Has an open incident that somebody snoozed, and a channel whose receiver is down.
SNOOZED, DOWN = "sftp-drop", "/hooks/down"
_FIRST = (
    "Bergmann Acme Alpina Cobalt Kestrel Zirbe Harbour Nordlicht Meridian Larkspur Ostrava Quarry Tamarack Verbena "
    "Wexford Yarrow Juniper Halcyon Fjord Ember Delphi Cypress Basalt Auburn Sable Rowan Pinnacle Orchard Mistral "
    "Linden Kepler Isar Granite Foxglove Elmhurst Dorset Calder Birch"
).split()
_SECOND = ["Retail", "Logistik GmbH", "Hotels", "Energy", "& Söhne", "Optics"]


class Rhythm(NamedTuple):
    """How a job reports: every so often since `since` ago, the last time `ago` ago; each run takes about `takes`."""

    every: int
    since: int
    ago: int
    takes: int


def _names(trying: Mapping[str, str]) -> dict[str, str]:
    """externalId → name, of all tenants but the workspace's own; those who miss their invoices come first."""
    named = dict(trying)
    for second, first in product(_SECOND, _FIRST):
        name = f"{first} {second}"
        named.setdefault("-".join(name.lower().replace("& söhne", "soehne").split()), name)
    return dict(list(named.items())[: TENANTS + 17])


class Northwind:
    """Tells the whole story to a chronicle. `receiver` is the base of URLs that answer.

    `trying`: externalId → name of the tenants that a page must not fall for.
    """

    def __init__(self, folder: Path, receiver: str, trying: Mapping[str, str] = HOSTILE) -> None:
        self.now = SystemClock().now()
        self.began_at = self.now - 92 * DAY
        self.chronicle = Chronicle(folder, self.began_at, "Northwind Cloud")
        self._chance = random.Random(5)
        self._names = _names(trying)
        self._trying = list(trying)
        self._receiver = receiver

    def tell(self) -> None:
        """Everything, up to now. Takes some seconds."""
        self.chronicle.tenants(self.began_at, self._names)
        self._channels()
        self._invoices()
        self._busy_jobs()
        self._daily_jobs()
        self._jobs_of_other_protocols()
        self._quiet_jobs()
        self._integrations()
        self.chronicle.play(self.now)
        disabled = Said("PagerDuty refused the routing key: it is disabled.", 400, "key_refused")
        told = {"slack": Said("ok", 200), "email": Said("250 2.0.0 Queued", 250), "pagerduty": disabled}
        self.chronicle.deliver(self.now, told)
        self.chronicle.deliver(self.now - HOUR, {"webhook": Said("Accepted", 202)})
        self.chronicle.store.close()

    def _channels(self) -> None:
        put = self.chronicle.channel
        put(self.began_at, "slack", "default", {"webhookUrl": f"{self._receiver}/services/T024/B8/on-call"})
        finance = Terms(Routes(tags=("finance",)), delay=5 * MINUTE, remind_every=4 * HOUR)
        put(self.began_at, "email", "finance", {"to": ["finance-oncall@northwind.example"]}, finance)
        secret = "whsec_" + "QUJD" * 8
        put(self.began_at, "webhook", "status-page", {"url": f"{self._receiver}/hooks/status", "secret": secret})
        put(self.began_at, "pagerduty", "default", {"routingKey": "R02DISABLED0000000000000000000K1"})
        drops = Terms(Routes(jobs=(SNOOZED,)))
        put(self.began_at, "webhook", "partner-bridge", {"url": f"{self._receiver}{DOWN}", "secret": secret}, drops)
        put(self.began_at, "teams", "support", {"webhookUrl": f"{self._receiver}/workflows/9"}, on=False)

    # --- jobs that many tenants have ----------------------------------------------------------------------------------

    def _invoices(self) -> None:
        """Hourly: 38 silent for four hours, two failing, two that began and did not end, six just running."""
        self._job(INVOICES, "Invoice sync", HOUR, 5 * MINUTE, miss_threshold=2, max_runtime=45 * MINUTE,
                  tags='["finance", "erp"]', runbook_url="https://wiki.northwind.example/runbooks/invoice-sync",
                  description="Brings each customer's invoices from the ERP into the portal.")  # fmt: skip
        rhythm = Rhythm(HOUR, 31 * HOUR, 22 * MINUTE, 44 * SECOND)
        tenants = self.tenants(0, TENANTS)
        for number, tenant in enumerate(tenants):
            is_silent, is_failing = number < MISSING, number in {50, 51}
            moments = list(self._moments(rhythm))
            for back, moment in enumerate(reversed(moments)):
                if is_silent and back < 4:
                    continue
                if (is_failing and back == 0) or self._chance.random() < 0.004:
                    self._fails(moment, INVOICES, tenant, "HTTP 502 from the ERP after 3 tries")
                else:
                    self._succeeds(moment, INVOICES, tenant, rhythm.takes)
            if 60 <= number < 68:
                ago = 30 * MINUTE if number < 62 else 4 * MINUTE
                self.chronicle.check_in(self.now - ago, INVOICES, "start", tenant, run_id=f"inv-{number}")

    def _busy_jobs(self) -> None:
        self._job("stock-levels", "Stock levels", 15 * MINUTE, 5 * MINUTE, tags='["warehouse"]')
        self._regularly("stock-levels", self.tenants(40, 87), Rhythm(15 * MINUTE, 8 * HOUR, 9 * MINUTE, 6 * SECOND))
        self._regularly("stock-levels", self.tenants(130, 4), Rhythm(15 * MINUTE, 8 * HOUR, 16 * MINUTE, 6 * SECOND))
        self._job("ledger-export", "Ledger export", 6 * HOUR, 30 * MINUTE, tags='["finance"]')
        for tenant in self.tenants(70, 24):
            self._regularly("ledger-export", [tenant], Rhythm(6 * HOUR, 3 * DAY, 5 * HOUR, 22 * MINUTE))
        for tenant in self.tenants(70, 6):
            self.chronicle.check_in(self.now - 18 * MINUTE, "ledger-export", "start", tenant, run_id="now")
        self._job("orders-to-erp", "Orders to ERP", 20 * MINUTE, 10 * MINUTE, tags='["erp"]')
        self._regularly("orders-to-erp", self.tenants(100, 40), Rhythm(20 * MINUTE, 10 * HOUR, 7 * MINUTE, 12 * SECOND))
        self._job("price-feed", "Price feed", 10 * MINUTE, 5 * MINUTE, impact_threshold=2)
        feed = self.tenants(150, 6)
        self._regularly("price-feed", feed, Rhythm(10 * MINUTE, 30 * HOUR, 26 * HOUR, 3 * SECOND))
        self._regularly("price-feed", feed, Rhythm(10 * MINUTE, 24 * HOUR, 4 * MINUTE, 3 * SECOND))

        self._job(SNOOZED, "SFTP drop", 30 * MINUTE, 10 * MINUTE, miss_threshold=2, tags='["partners"]')
        self._regularly(SNOOZED, self.tenants(120, 9), Rhythm(30 * MINUTE, 20 * HOUR, 11 * MINUTE, 4 * SECOND))
        self._regularly(SNOOZED, self.tenants(118, 2), Rhythm(30 * MINUTE, 20 * HOUR, 100 * MINUTE, 4 * SECOND))

    # --- jobs of every day --------------------------------------------------------------------------------------------

    def _daily_jobs(self) -> None:
        due = datetime.fromtimestamp((self.now - 12 * MINUTE) / SECOND, UTC)
        self._crontab("nightly-backup", "Nightly backup", f"{due.minute} {due.hour} * * *", 30 * MINUTE)
        self._regularly("nightly-backup", self.tenants(160, 8), Rhythm(DAY, 40 * DAY, DAY - 4 * MINUTE, 7 * MINUTE))
        self._regularly("nightly-backup", self.tenants(161, 7), Rhythm(DAY, DAY, 3 * MINUTE, 7 * MINUTE))
        self._job("email-digest", "E-mail digest", DAY, HOUR, failure_threshold=2)
        digest = self.tenants(30, 12)
        self._regularly("email-digest", digest[1:], Rhythm(DAY, 90 * DAY, 5 * HOUR, 95 * SECOND), odds=0.03)
        self._regularly("email-digest", digest[:1], Rhythm(DAY, 90 * DAY, 31 * DAY, 95 * SECOND), odds=0.1)
        self._regularly("email-digest", digest[:1], Rhythm(DAY, 28 * DAY, 5 * HOUR, 95 * SECOND))
        self._job("payroll-run", "Payroll run", DAY, HOUR, failure_threshold=1, tags='["finance"]')
        self._regularly("payroll-run", self.tenants(172, 20), Rhythm(DAY, 30 * DAY, 3 * HOUR, 4 * MINUTE))
        for tenant in self.tenants(172, 2):
            self._fails(
                self.now - 2 * HOUR, "payroll-run", tenant, "IBAN DE00 0000 … is not valid (row 41)", exit_code=3
            )
        self._job("warehouse-rebuild", "Warehouse rebuild", DAY, 4 * HOUR, max_runtime=6 * HOUR)
        self._regularly("warehouse-rebuild", self.tenants(7 + 38, 4), Rhythm(DAY, 20 * DAY, 23 * HOUR, 3 * HOUR))
        self.chronicle.check_in(
            self.now - 123 * MINUTE, "warehouse-rebuild", "start", self.tenants(45, 1)[0], run_id="wh"
        )
        self._job("reconciliation", LONG_NAME, DAY, HOUR)
        self._regularly("reconciliation", [*self._trying, "default"], Rhythm(DAY, 45 * DAY, 8 * HOUR, 3 * MINUTE))

    # --- jobs as other protocols know them ----------------------------------------------------------------------------

    def _jobs_of_other_protocols(self) -> None:
        self._job("data-lake-ingest", "Data lake ingest", None, None, schedule_type="learned", failure_threshold=1)
        rhythm = Rhythm(HOUR, 3 * DAY, 20 * MINUTE, 8 * MINUTE)
        for number, moment in enumerate(self._moments(rhythm)):
            place = Attribution("analytics", "ingest", f"ingest-{number % 3 + 1}.fra", "2026.11.3")
            run = f"lake-{number}"
            more: dict[str, Any] = {"run_id": run, "attribution": place}
            self.chronicle.check_in(moment, "data-lake-ingest", "start", **more)
            self.chronicle.check_in(moment + MINUTE, "data-lake-ingest", "log", message="42 of 60 partitions", **more)
            self.chronicle.check_in(moment + 8 * MINUTE, "data-lake-ingest", "success", message="60 partitions", **more)
        self._job("crm-import", "CRM import", None, None, schedule_type="learned", failure_threshold=1)
        for moment in self._moments(Rhythm(2 * HOUR, 4 * DAY, 50 * MINUTE, MINUTE)):
            place = Attribution("sales", "crm", "crm-batch-1", "8.2.0")
            self.chronicle.check_in(moment, "crm-import", "success", duration=51 * SECOND, attribution=place)
        self._crontab("search-index", "Search index", "*/5 * * * *", 2 * MINUTE)
        for env in ("production", "staging"):
            for moment in self._moments(Rhythm(5 * MINUTE, 4 * HOUR, 0, 9 * SECOND)):
                on_time = moment // (5 * MINUTE) * 5 * MINUTE + 20 * SECOND
                self.chronicle.check_in(min(on_time, self.now), "search-index", "success", env=env, duration=9 * SECOND)
        self._job("certificate-renewal", "Certificate renewal", 1, HOUR, schedule_type="calendar",
                  schedule_value="week", schedule_zone="Europe/Vienna")  # fmt: skip
        self._regularly("certificate-renewal", [DEFAULT_TENANT], Rhythm(7 * DAY, 90 * DAY, 3 * DAY, 20 * SECOND))
        self._job("month-end-close", "Month-end close", 1, 6 * HOUR, schedule_type="calendar",
                  schedule_value="month", schedule_zone="Europe/Vienna", tags='["finance"]')  # fmt: skip
        self._regularly("month-end-close", self.tenants(90, 3), Rhythm(30 * DAY, 85 * DAY, 10 * DAY, HOUR))

    def _quiet_jobs(self) -> None:
        self._job("deploy-hooks", "Deploy hooks", None, MINUTE, schedule_type="none", failure_threshold=1)
        for hours in (70, 51, 27, 4):
            self.chronicle.check_in(
                self.now - hours * HOUR, "deploy-hooks", "success", duration=40 * SECOND, exit_code=0
            )
        self._job("legacy-fax", "Legacy fax gateway", HOUR, 5 * MINUTE, is_active=False)
        self._regularly("legacy-fax", [DEFAULT_TENANT], Rhythm(HOUR, 20 * DAY, 19 * DAY, SECOND))
        self._job("new-customer-import", "New customer import", DAY, HOUR)
        rare = {
            "fx-rates": "FX rates",
            "sitemap": "Sitemap",
            "gdpr-erasure": "GDPR erasure",
            "vat-report": "VAT report",
            "audit-log-shipper": "Audit log shipper",
            "cache-warmup": "Cache warm-up",
            "thumbnail-worker": "Thumbnail worker",
        }
        for number, (key, name) in enumerate(rare.items()):
            self._job(key, name, (number + 1) * HOUR, 10 * MINUTE)
            rhythm = Rhythm((number + 1) * HOUR, 3 * DAY, 30 * MINUTE, 11 * SECOND)
            self._regularly(key, [DEFAULT_TENANT], rhythm, odds=0.02)

    # --- integrations -------------------------------------------------------------------------------------------------

    def _integrations(self) -> None:
        shops = self.tenants(3, 3)
        for minutes in (121, 96, 71, 46, 21):  # each within the cooldown of the one before: chronic
            for number in range(41 if minutes == 21 else 12):
                at = self.now - minutes * MINUTE + number * (25 if minutes == 21 else 20) * SECOND
                self._event(
                    min(at, self.now - 20 * SECOND), "payments-gateway", "webhook_failed", shops[number % 3], "503"
                )
        for minutes in range(52, 5, -4):
            self._event(self.now - minutes * MINUTE, "crm-connector", "auth_failed", self.tenants(5, 1)[0], "401")
        for number in range(9):
            self._event(self.now - 27 * HOUR + number * 9 * SECOND, "inventory-api", "request_timeout", shops[0], "504")
        for number in range(4):
            self._event(
                self.now - 3 * DAY + number * MINUTE, "shipping-labels", "server_error", shops[number % 2], "500"
            )
        self._event(self.now - 40 * MINUTE, "loyalty", "points_rounded", self.tenants(0, 1)[0], "R-1")

    def _event(self, moment: int, integration: str, kind: str, tenant: str, code: str) -> None:
        payload = {"endpoint": "https://shop.example/hooks", "status": code, "attempt": 3, "at": iso(moment)}
        self.chronicle.event(moment, integration, kind, tenant, code, json.dumps(payload))

    # --- words for all this -------------------------------------------------------------------------------------------

    def tenants(self, start: int, count: int) -> list[str]:
        """So many externalIds, those who miss their invoices first."""
        return list(self._names)[start : start + count]

    def _job(self, key: str, name: str, interval: int | None, grace: int | None, **columns: Any) -> None:
        values = {"schedule_interval": interval, "grace": grace, **columns}
        self.chronicle.job(self.began_at, key, name, **values)

    def _crontab(self, key: str, name: str, expression: str, grace: int) -> None:
        cron = {"schedule_type": "crontab", "schedule_value": expression, "schedule_zone": "UTC"}
        self._job(key, name, None, grace, **cron)

    def _moments(self, rhythm: Rhythm) -> Iterable[int]:
        """Oldest first, a little uneven."""
        for ago in range(rhythm.ago + (rhythm.since - rhythm.ago) // rhythm.every * rhythm.every, -1, -rhythm.every):
            if ago < rhythm.ago:
                return
            yield self.now - ago - self._chance.randrange(40) * SECOND // 10

    def _regularly(self, job: str, tenants: Sequence[str], rhythm: Rhythm, odds: float = 0.0) -> None:
        for tenant in tenants:
            for moment in self._moments(rhythm):
                if self._chance.random() < odds:
                    self._fails(moment, job, tenant, "Connection reset by peer")
                else:
                    self._succeeds(moment, job, tenant, rhythm.takes)

    def _succeeds(self, moment: int, job: str, tenant: str, takes: int) -> None:
        duration = round(takes * self._chance.lognormvariate(0, 0.25))
        self.chronicle.check_in(moment, job, "success", tenant, duration=duration)

    def _fails(self, moment: int, job: str, tenant: str, message: str, exit_code: int = 1) -> None:
        self.chronicle.check_in(
            moment, job, "failure", tenant, duration=2 * SECOND, exit_code=exit_code, message=message
        )

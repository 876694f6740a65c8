"""The pages there are: each address of the dashboard, with an example of it in Northwind Cloud.

The list is made of the dashboard's own routes: an address that names something there is no example of fails the tests.
"""

import re
from collections.abc import Callable
from typing import NamedTuple
from uuid import UUID

from tests.support.northwind import INVOICES
from tests.support.remote import Remote
from tocsin.dashboard.pages import AREAS

Example = Callable[[Remote], str]


class Look(NamedTuple):
    """A page as it is looked at. `path`: its address, with {names} that `EXAMPLES` fill in."""

    name: str
    path: str
    is_signed_in: bool = True
    status: int = 200

    def on(self, remote: Remote) -> str:
        return example(self.path, remote)


def _incident(remote: Remote) -> str:
    return str(remote.incidents(INVOICES)[0]["id"])


def _run(remote: Remote) -> str:
    return str(remote.ok("GET", "jobs/data-lake-ingest/runs")["items"][0]["id"])


def _tenant(remote: Remote) -> str:
    return str(remote.ok("GET", f"incidents/{_incident(remote)}/tenants")["items"][0]["tenantId"])


def _status_page(remote: Remote) -> str:
    """Of the customer who misses most."""
    body = {"kind": "status", "target": {"kind": "tenant", "value": _tenant(remote)}}
    return str(remote.ok("POST", "public-links", body)["url"]).rpartition("/")[2]


def _delivery(remote: Remote) -> str:
    return str(remote.ok("GET", "deliveries")["items"][0]["id"])


def _window(remote: Remote) -> str:
    """A maintenance window that is to come; planned where there is none."""
    times = {"startsAt": "2099-01-05T02:00:00Z", "endsAt": "2099-01-05T04:00:00Z", "timezone": "Europe/Vienna"}
    planned = remote.ok("GET", "maintenance")["items"]
    target = {"kind": "tag", "value": "finance"}
    return str((planned or [remote.ok("POST", "maintenance", {**times, "target": target})])[0]["id"])


EXAMPLES: dict[str, Example] = {
    "job_key": lambda _: INVOICES,
    "incident_id": _incident,
    "run_id": _run,
    "delivery_id": _delivery,
    "window_id": _window,
    "provider": lambda _: "slack",
    "channel": lambda _: "default",
    "tenant": _tenant,
    "pattern": lambda _: "webhook_failure_spike",
    "token": _status_page,
    # Forms alone are sent there, and who may not is refused before anything is looked for.
    **dict.fromkeys(("link", "mute_id", "key_id", "invitation_id", "user_id"), lambda _: str(UUID(int=7))),
}


def example(address: str, remote: Remote) -> str:
    """The address with each {name} in it filled in."""
    names = re.findall(r"{(\w+)}", address)
    return address.format_map({name: EXAMPLES[name](remote) for name in names})


def _look(address: str, is_public: bool) -> Look:
    name = re.sub(r"[^a-z_]+", "-", address).strip("-") or "overview"
    return Look(name, address, not is_public)


PAGES = [_look(address, right is None) for pages in AREAS for address, right in pages.addresses()]
PAGES += [
    Look("not-found", "/nowhere", status=404),
]

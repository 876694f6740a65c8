"""What only a running server knows of Northwind Cloud: check-ins of this minute, and what people do about incidents."""

from typing import Any, NamedTuple
from urllib.parse import urlsplit

from aiohttp import web

from tests.support.chronicle import DAY, HOUR
from tests.support.northwind import DOWN, INVOICES, SNOOZED, Northwind
from tests.support.remote import Remote
from tests.support.town import as_told
from tocsin.wire_time import iso


class _Member(NamedTuple):
    """Somebody of Northwind; `headers` are what they sign in with."""

    id: str
    headers: dict[str, str]


async def answer(request: web.Request) -> web.StreamResponse:
    """What receivers say: all is well but for the bridge to the partners, whose alerts are tried again and again."""
    if request.path == DOWN:
        return web.Response(status=503, text="The bridge is being rebuilt.")
    return await as_told(request)


def live(story: Northwind, remote: Remote) -> None:
    """Bring the story to the server that was started on its folder."""
    for tenant in story.tenants(100, 40):
        remote.ping("orders-to-erp", tenant, durationMs=9_000)
    dsn = urlsplit(remote.ok("GET", "workspaces/me")["sentryDsn"])
    for monitor in ("nightly-etl", "nightly-etl", "newsletter-v1"):
        path = f"/api/{dsn.path.strip('/')}/cron/{monitor}/{dsn.username}/"
        remote.client.get(f"{dsn.scheme}://{dsn.netloc.rpartition('@')[2]}{path}", params={"status": "ok"})
    jonas, priya = _join(remote, "Jonas Weiss", "admin"), _join(remote, "Priya Natarajan", "member")
    _tend(remote, jonas, priya)
    _hush(remote, story.now)


def _join(remote: Remote, name: str, role: str) -> _Member:
    email = f"{name.split(maxsplit=1)[0].lower()}@northwind.example"
    token = remote.ok("POST", "invitations", {"email": email, "role": role})["token"]
    joined = remote.ok("POST", "invitations/accept", {"token": token, "name": name, "password": "nobody guesses this"})
    return _Member(joined["user"]["id"], {"X-Api-Key": "", "Authorization": f"Bearer {joined['token']}"})


def _tend(remote: Remote, jonas: _Member, priya: _Member) -> None:
    """Who has which incident, and what they know."""

    def do(job: str, what: str, body: dict[str, Any], who: _Member) -> None:
        for incident in remote.incidents(job):
            remote.ok("POST", f"incidents/{incident['id']}/{what}", body, headers=who.headers)

    erp = {"note": "Token of the ERP ran out; IT makes a new one.", "ownerId": jonas.id}
    do(INVOICES, "acknowledge", erp, priya)
    do(INVOICES, "notes", {"text": "IT promised the new token within the hour."}, jonas)
    do("payroll-run", "acknowledge", {"note": "Asked the customers for their IBANs."}, priya)
    do(SNOOZED, "snooze", {"seconds": 7_200}, jonas)


def _hush(remote: Remote, now: int) -> None:
    """What is kept quiet for a while."""
    later, soon = iso(now + 6 * HOUR), now + 4 * DAY
    for kind, value, why in (("job", "legacy-fax", "Until it is gone."), ("tag", "warehouse", "The stocktaking.")):
        remote.ok("POST", "mutes", {"target": {"kind": kind, "value": value}, "until": later, "reason": why})
    window = {"startsAt": iso(soon), "endsAt": iso(soon + 2 * HOUR), "rrule": "FREQ=WEEKLY"}
    window |= {"timezone": "Europe/Vienna", "reason": "The disks are checked."}
    remote.ok("POST", "maintenance", {"target": {"kind": "job", "value": "nightly-backup"}, **window})

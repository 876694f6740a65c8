"""The dozen lively tenants of `tocsin demo`, one of whom keeps falling silent."""

import asyncio
import threading
from typing import Any

import aiohttp
import typer

from tocsin.bootstrap import Application

_TENANTS = [
    *("acme-corp", "globex", "initech", "umbrella", "hooli", "stark"),
    *("wayne", "wonka", "tyrell", "cyberdyne", "soylent", "gringotts"),
]
_SILENT = "globex"
_JOBS = {"daily-report": 10, "sync-contacts": 15}  # seconds between check-ins
_GRACE = 5
#: Seconds: soon silent, so that there is something to see; then long enough awake for its incident to close.
_SPEAKS_FIRST, _KEEPS_SILENT, _SPEAKS = 10, 40, 80


def feed_beside(application: Application) -> None:
    """Keep the tenants checking in for as long as the process lives."""
    if application.first_start is None:
        return
    arguments = (application.settings.listening_url, application.first_start.api_key)
    threading.Thread(target=lambda: asyncio.run(_feed(*arguments)), name="demo", daemon=True).start()


async def _feed(url: str, api_key: str) -> None:
    async with aiohttp.ClientSession(f"{url}/api/v1/", headers={"X-Api-Key": api_key}) as session:
        await _prepare(session)
        typer.echo(f"The demo: {len(_TENANTS)} tenants check in for {len(_JOBS)} jobs; {_SILENT} will fall silent.")
        async with asyncio.TaskGroup() as group:
            group.create_task(_tell(session))
            for job, interval in _JOBS.items():
                for number, tenant in enumerate(_TENANTS):
                    group.create_task(_check_in(session, job, tenant, interval, number * interval / len(_TENANTS)))


async def _prepare(session: aiohttp.ClientSession) -> None:
    windows = {"recoveryWindowSeconds": 20, "closeWindowSeconds": 30, "cooldownWindowSeconds": 60}
    await _send(session, "PATCH", "workspaces/me", {"name": "Demo", **windows})
    for tenant in _TENANTS:
        await _send(session, "POST", "tenants", {"externalId": tenant, "name": tenant.replace("-", " ").title()})
    for job, interval in _JOBS.items():
        thresholds = {"tenantImpactThreshold": 1, "consecutiveMissThreshold": 1, "gracePeriodSeconds": _GRACE}
        name = job.replace("-", " ").title()
        await _send(
            session, "POST", "jobs", {"jobKey": job, "name": name, "expectedIntervalSeconds": interval, **thresholds}
        )


async def _check_in(session: aiohttp.ClientSession, job: str, tenant: str, interval: int, delay: float) -> None:
    """Checks in every `interval` seconds; the silent one stops after a while, comes back, and stops again."""
    await asyncio.sleep(delay)
    left = _SPEAKS_FIRST
    while True:
        await _send(session, "POST", f"jobs/{job}/ping", {"tenantId": tenant, "status": "success"})
        left -= interval
        if tenant == _SILENT and job == "daily-report" and left <= 0:
            left = _SPEAKS
            await asyncio.sleep(_KEEPS_SILENT)
        await asyncio.sleep(interval)


async def _tell(session: aiohttp.ClientSession) -> None:
    """Prints each new row of each incident's timeline."""
    told: set[str] = set()
    while True:
        for incident in (await _send(session, "GET", "incidents?status=all"))["items"]:
            for row in await _send(session, "GET", f"incidents/{incident['id']}/timeline"):
                line = f"{row['occurredAt']}  {incident['jobName']}: {row['toStatus']} ({row['reason']})"
                if line not in told:
                    told.add(line)
                    typer.echo(line)
        await asyncio.sleep(1)


async def _send(session: aiohttp.ClientSession, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    async with session.request(method, path, json=body) as answer:
        return (await answer.json())["data"]

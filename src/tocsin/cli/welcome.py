"""What the very first start prints, once."""

import json
from collections.abc import Mapping

from tocsin.application.installation import FirstStart
from tocsin.dashboard.claim import claim_link

JOB = {
    "jobKey": "daily-report",
    "name": "Daily Report",
    "expectedIntervalSeconds": 30,
    "gracePeriodSeconds": 10,
    "tenantImpactThreshold": 1,
    "consecutiveMissThreshold": 1,
}
_STEPS: list[tuple[str, str, Mapping[str, object]]] = [
    ("Register a job that should be heard of every 30 seconds, and may be 10 seconds late:", "jobs", JOB),
    ("Make a tenant:", "tenants", {"externalId": "acme-corp", "name": "Acme Corp"}),
    (
        "Check in for it, as its cron script will:",
        "jobs/daily-report/ping",
        {"tenantId": "acme-corp", "status": "success"},
    ),
]


def welcome(public_url: str, first: FirstStart) -> str:
    """The API key, the quick start ready to paste, and the link that makes somebody the owner."""
    steps = "\n\n".join(f"  # {what}\n{_curl(public_url, first.api_key, path, body)}" for what, path, body in _STEPS)
    return f"""
Welcome to Tocsin. This is shown once: keep the API key.

  API key: {first.api_key}

{steps}

40 seconds after the last ping an incident opens for Acme Corp:

  curl -s {public_url}/api/v1/incidents -H 'X-Api-Key: {first.api_key}'

Own this workspace (the link works once, for a week): {claim_link(public_url, first.claim_token)}
"""


def _curl(public_url: str, api_key: str, path: str, body: Mapping[str, object]) -> str:
    return (
        f"  curl -s {public_url}/api/v1/{path} -H 'X-Api-Key: {api_key}' -H 'Content-Type: application/json' \\\n"
        f"    -d '{json.dumps(body)}'"
    )

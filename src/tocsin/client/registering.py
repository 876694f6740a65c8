"""Telling the server of a job, so that its silence is noticed."""

import json
from enum import Enum
from typing import Any, NamedTuple

from tocsin.client.destination import Post, UnreachableError, is_done, refusal

_SECONDS = 10.0


class Registration(Enum):
    """What became of it."""

    MADE = "registered"
    EXISTED = "exists already, left alone"
    FAILED = "not registered"


class Registered(NamedTuple):
    """`sentence`: why it failed."""

    state: Registration
    sentence: str = ""


def register(post: Post, key: str, schedule: dict[str, Any]) -> Registered:
    """Makes a job of which one missed or failed run is told; one that is there already is left as it is.

    The command is not sent: crontabs hold passwords.
    """
    thresholds = {"tenantImpactThreshold": 1, "consecutiveMissThreshold": 1, "failureThreshold": 1}
    body = json.dumps({"jobKey": key, "name": key, "schedule": schedule, **thresholds})
    try:
        answer = post("/api/v1/jobs", body.encode(), {"Content-Type": "application/json"}, _SECONDS)
    except UnreachableError as error:
        return Registered(Registration.FAILED, f"the server could not be reached: {error}")
    if is_done(answer):
        return Registered(Registration.MADE)
    message = refusal(answer)
    if answer.status == 409 and message is not None:
        return Registered(Registration.EXISTED)
    return Registered(Registration.FAILED, message or f"the server answered {answer.status}")

"""Twenty incidents at once, and a server killed among them: people get six messages, machines get each, once."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest

from tests.acceptance.conftest import Home
from tests.support.bell import Bell
from tests.support.remote import Remote
from tests.support.waiting import wait_until
from tocsin.domain.sharing import SPAN

pytestmark = pytest.mark.acceptance

JOBS = [f"job-{number:02}" for number in range(20)]
GATHERED = SPAN // 1_000_000


def test_a_storm_is_few_messages_and_loses_nothing(home: Home, the_bell: Bell) -> None:
    with home.serving() as server:
        remote = Remote(server)
        remote.windows(1, 1, 1)
        remote.ok("PUT", "workspaces/me/channels/webhook", the_bell.webhook)
        remote.ok("PUT", "workspaces/me/channels/slack", the_bell.slack_channel)
        patient = {**the_bell.webhook, "delaySeconds": 3600}
        remote.ok("PUT", "workspaces/me/channels/webhook/patient", patient)
        chosen = {**the_bell.webhook, "routes": {"jobs": JOBS[:1]}, "remindEverySeconds": 5}
        remote.ok("PUT", "workspaces/me/channels/webhook/chosen", chosen)
        remote.tenant("acme")
        for job in JOBS:
            remote.job(job, 4, consecutiveMissThreshold=1)
        for job in JOBS:
            remote.ping(job, "acme")
        wait_until(lambda: len(the_bell.slack) == 5, 20, "the first five")
    with home.serving() as server:
        remote = Remote(server, remote.api_key)
        heard = wait_until(lambda: _once_each(the_bell), 20, "the webhook to hear of all")
        assert heard == {job: 1 + (job == JOBS[0]) for job in JOBS}
        wait_until(lambda: "15 more incidents opened" in _titles(the_bell), GATHERED + 15, "the shared message")
        (waiting,) = _shared(remote)
        assert (waiting["incidentCount"], len(waiting["incidentIds"])) == (15, 15)
        assert the_bell.heard("reminder", JOBS[0])
        for job in JOBS:
            remote.ok("DELETE", f"jobs/{job}")
        wait_until(lambda: len(the_bell.heard("resolved")) == 21, 20, "the ends")
        wait_until(lambda: len(_shared(remote)) == 2, 20, "the ends to be gathered")
        dropped = remote.ok("GET", "deliveries?state=dropped&provider=webhook&pageSize=100")["items"]
        assert {one["reason"] for one in dropped if one["channelName"] == "patient"} == {"resolved_within_delay"}
        assert len(dropped) >= 40
    # What was being sent at the kill may come again.
    titles = _titles(the_bell)
    assert titles.count("15 more incidents opened") == 1
    singles = {title for title in titles if title.endswith("for acme")}
    assert len(singles) == 5
    (listed,) = [one["blocks"][1]["text"]["text"] for one in the_bell.slack if one["text"].startswith("15 more")]
    assert sorted([*_named(singles), *_named(listed.splitlines())]) == JOBS
    assert the_bell.complaints == []


def _titles(the_bell: Bell) -> list[str]:
    return [message["blocks"][0]["text"]["text"] for message in the_bell.slack]


def _once_each(the_bell: Bell) -> dict[str, int]:
    """How often each job's `opened` was heard, where all were; the same message twice is one."""
    heard = Counter(
        ring.data["job"]["jobKey"] for ring in {ring.id: ring for ring in the_bell.heard("opened")}.values()
    )
    return dict(heard) if len(heard) == len(JOBS) and heard[JOBS[0]] == 2 else {}


def _shared(remote: Remote) -> list[Any]:
    items = remote.ok("GET", "deliveries?provider=slack&pageSize=100")["items"]
    return [one for one in items if one["incidentId"] is None]


def _named(titles: Iterable[str]) -> list[str]:
    return [word.lower() for title in titles for word in title.split() if word.startswith("Job-")]

"""A workspace as a file: out, in, and out again; what differs; and what is refused before anything is sent."""

from collections.abc import Mapping
from http.server import ThreadingHTTPServer
from socketserver import BaseRequestHandler
from threading import Thread
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.conftest import Api, in_workspace
from tocsin.as_code.document import FaultyFileError, read
from tocsin.as_code.entries import write
from tocsin.as_code.plan import Change, compare
from tocsin.as_code.remote import Remote, RemoteError
from tocsin.as_code.workspace import exported, fetch
from tocsin.client.destination import Destination

SECRETS = {
    "SLACK_DEFAULT_WEBHOOK_URL": "https://hooks.slack.com/services/T0/B0/abcdefghijkl",
    "WEBHOOK_OPS_URL": "https://ops.example.com/take/0123456789ab",
    "WEBHOOK_OPS_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "PAGERDUTY_DEFAULT_ROUTING_KEY": "0123456789abcdef0123456789abcdef",
}
FILE = """\
tocsin: 1
workspace:
  name: Acme
  timezone: Europe/Vienna
  recoveryWindowSeconds: 60
  closeWindowSeconds: 600
  cooldownWindowSeconds: 900
  autoCreateTenants: all
  retention:
    runDays: 60
tenants:
- externalId: acme
  name: Acme Corp
- externalId: gone
  isActive: false
patterns:
- id: auth_failure
  thresholdCount: 5
  thresholdWindowSeconds: 60
- id: disk_full
  name: Disk full
  eventTypes:
  - disk_full
- id: webhook_failure_spike
  isEnabled: false
  thresholdCount: 1
jobs:
- jobKey: daily-report
  name: Daily Report
  schedule:
    type: crontab
    value: 0 3 * * *
    timezone: Europe/Vienna
  tenantImpactThreshold: 1
  tags:
  - billing
- jobKey: sync
  name: Sync
  schedule:
    type: interval
    seconds: 3600
  dependsOn:
    kind: job
    value: daily-report
  isActive: false
channels:
- provider: email
  name: default
  config:
    to:
    - ops@example.com
- provider: pagerduty
  name: default
  config:
    routingKey: ${PAGERDUTY_DEFAULT_ROUTING_KEY}
    region: us
- provider: slack
  name: default
  config:
    webhookUrl: ${SLACK_DEFAULT_WEBHOOK_URL}
  routes:
    tags:
    - billing
  delaySeconds: 600
- provider: webhook
  name: ops
  config:
    url: ${WEBHOOK_OPS_URL}
    secret: ${WEBHOOK_OPS_SECRET}
maintenance:
- target:
    kind: tag
    value: billing
  startsAt: '2099-03-01T01:00:00Z'
  endsAt: '2099-03-01T03:00:00Z'
- target:
    kind: workspace
  startsAt: '2099-03-02T01:00:00Z'
  endsAt: '2099-03-02T03:00:00Z'
  rrule: FREQ=WEEKLY
  timezone: Europe/Vienna
  reason: The bank migrates.
"""


class Here(Remote):
    """The API in process."""

    def __init__(self, api: Api) -> None:
        super().__init__(Destination("http://here", "key"), lambda _: None)
        self._api = api
        self.sent: list[str] = []

    def _once(self, method: str, path: str, body: Any) -> tuple[int, dict[str, Any], float]:
        if method != "GET":
            self.sent.append(f"{method} {path}")
        answer = self._api.call(method, path, body)
        return answer.status_code, answer.json(), 0


def plan(api: Api, text: str, environ: Mapping[str, str] = SECRETS, *, prunes: bool = False) -> list[Change]:
    return compare(read(text, "team.yaml"), fetch(Here(api)), environ, "team.yaml", api.clock.now(), prunes=prunes)


def apply(api: Api, text: str, environ: Mapping[str, str] = SECRETS, *, prunes: bool = False) -> list[str]:
    """What was done."""
    remote = Here(api)
    for change in plan(api, text, environ, prunes=prunes):
        for request in change.requests:
            remote.call(*request)
    return remote.sent


def export(api: Api) -> str:
    return write(exported(fetch(Here(api))))


def shown(changes: list[Change]) -> str:
    return "\n".join(line for change in changes for line in change.lines())


def test_out_of_one_workspace_into_another_and_out_again(api: Api, stranger: Api) -> None:
    apply(api, FILE)
    assert export(api) == FILE
    assert apply(api, FILE) == []
    assert apply(api, FILE, {}) == [], "without its secrets a channel stays as it is"
    apply(stranger, export(api))
    assert export(stranger) == FILE


def test_only_what_differs_is_sent_and_shown(api: Api) -> None:
    apply(api, FILE)
    changed = FILE.replace("seconds: 3600", "seconds: 1800").replace("name: Acme Corp", "name: Acme Inc.")
    assert shown(plan(api, changed)).splitlines() == [
        "~ tenant acme",
        "-   name: Acme Corp",
        "+   name: Acme Inc.",
        "~ job sync",
        "-   schedule:",
        "-     type: interval",
        "-     seconds: 3600",
        "+   schedule:",
        "+     type: interval",
        "+     seconds: 1800",
    ]
    acme = api.ok("GET", "/tenants/acme")["id"]
    assert apply(api, changed) == [f"PATCH /tenants/{acme}", "PATCH /jobs/sync"]
    assert apply(api, changed) == []


def _family(a: str, b: str) -> str:
    """Two jobs, each with what it depends on."""
    jobs = [{"jobKey": key, "name": key, "expectedIntervalSeconds": 60} for key in "ab"]
    for job, parent in zip(jobs, (a, b), strict=True):
        if parent:
            job["dependsOn"] = {"kind": "job", "value": parent}
    return str(yaml.safe_dump({"tocsin": 1, "jobs": jobs}))


def test_jobs_come_before_what_depends_on_them_and_may_change_places(api: Api) -> None:
    for text in (_family("b", ""), _family("", "a"), _family("b", ""), _family("", "")):
        apply(api, text)
        assert apply(api, text) == []
    apply(api, _family("b", ""))
    assert "dependsOn" in export(api)


def test_a_parent_that_will_not_be_there_is_refused_before_anything_is_sent(api: Api) -> None:
    with pytest.raises(FaultyFileError, match="job a: dependsOn: there will be no job nobody"):
        plan(api, _family("nobody", ""))
    apply(api, _family("", ""))
    alone = yaml.safe_dump({"tocsin": 1, "jobs": yaml.safe_load(_family("b", ""))["jobs"][:1]})
    with pytest.raises(FaultyFileError, match="there will be no job b"):
        plan(api, alone, prunes=True)
    assert apply(api, alone) == ["PATCH /jobs/a"]


def _chain(**parents: str) -> str:
    """Jobs, each with what it depends on."""
    jobs = [
        {
            "jobKey": key,
            "name": key,
            "expectedIntervalSeconds": 60,
            "dependsOn": {"kind": "job", "value": parent} if parent else None,
        }
        for key, parent in parents.items()
    ]
    return str(yaml.safe_dump({"tocsin": 1, "jobs": jobs}))


def test_a_child_may_become_its_parents_parent(api: Api) -> None:
    apply(api, _chain(a="b", b="", c=""))
    assert apply(api, _chain(b="a", a="c", c="")) == ["PATCH /jobs/a", "PATCH /jobs/b"]
    assert apply(api, _chain(b="a", a="c", c="")) == []


def test_a_job_that_would_be_its_own_ancestor_is_refused_before_anything_is_sent(api: Api) -> None:
    with pytest.raises(FaultyFileError, match="team.yaml: job a: dependsOn: it would be its own ancestor."):
        plan(api, _chain(a="b", b="a"))
    apply(api, _chain(a="b", b=""))
    with pytest.raises(FaultyFileError, match="its own ancestor"):
        plan(api, _chain(b="a"))
    assert apply(api, _chain(b=""), prunes=True) == ["DELETE /jobs/a"]


def test_tenants_may_be_called_what_no_address_can_hold(api: Api) -> None:
    text = "tocsin: 1\ntenants: [{externalId: 'a/b'}, {externalId: '..'}, {externalId: 'c?d=#'}]\n"
    apply(api, text)
    named = text.replace("'}", "', name: X, isActive: false}")
    assert len(apply(api, named)) == 6
    assert apply(api, named) == []
    apply(api, text)
    assert len(apply(api, "tocsin: 1\ntenants: []\n", prunes=True)) == 3


def test_what_a_workspace_chose_for_itself_is_in_the_file(api: Api, stranger: Api) -> None:
    assert not {"ingestRate", "apiRate", "longPingSlugs"} & yaml.safe_load(export(api))["workspace"].keys()
    text = "tocsin: 1\nworkspace: {ingestRate: 100, apiRate: 50, longPingSlugs: true}\n"
    assert apply(api, text) == ["PATCH /workspaces/me"]
    assert apply(api, text) == []
    apply(stranger, export(api))
    assert export(stranger) == export(api)
    assert apply(api, "tocsin: 1\nworkspace: {apiRate: null}\n") == ["PATCH /workspaces/me"]


def _window(begin: str, end: str, more: str = "") -> str:
    target = "{kind: environment, value: staging}"
    return f"tocsin: 1\nmaintenance:\n- target: {target}\n  startsAt: {begin}\n  endsAt: {end}\n{more}"


def test_a_window_that_says_something_else_is_another_one(api: Api) -> None:
    first = _window("2099-01-01T02:00:00+01:00", "2099-01-01T04:00:00+01:00")
    assert apply(api, first) == ["POST /maintenance"]
    assert apply(api, first) == []
    assert apply(api, first.replace("02:00:00+01:00", "01:00:00Z")) == []
    later = first.replace("04:00:00", "05:00:00")
    assert [line.partition("/maintenance")[0] for line in apply(api, later, prunes=True)] == ["POST ", "DELETE "]
    assert apply(api, later, prunes=True) == []
    assert apply(api, "tocsin: 1\n", prunes=True) == []


def test_a_window_that_is_over_is_not_made_again(api: Api) -> None:
    assert apply(api, _window("2020-01-01T02:00:00Z", "2020-01-01T04:00:00Z")) == []
    over = _window("2020-01-01T02:00:00Z", "2020-01-01T04:00:00Z", "  rrule: FREQ=DAILY;COUNT=3\n")
    assert apply(api, over) == []


def test_a_window_that_began_years_ago_is_taken_over(api: Api, stranger: Api) -> None:
    old = _window("2020-01-01T02:00:00Z", "2020-01-01T04:00:00Z", "  rrule: FREQ=DAILY\n")
    assert apply(api, old) == ["POST /maintenance"]
    apply(stranger, export(api))
    assert export(stranger) == export(api)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (_window("2099-01-01T04:00:00Z", "2099-01-01T02:00:00Z"), "endsAt must be after the start."),
        (_window("2099-01-01", "2099-01-01T02:00:00Z"), "maintenance[0].startsAt"),
        (_window("2099-01-01T02:00:00Z", "2099-01-01T04:00:00Z", "  rrule: NEVER\n"), "rrule"),
        (_window("2099-01-01T02:00:00Z", "2099-01-01T04:00:00Z", "  until: now\n"), "maintenance[0].until"),
    ],
)
def test_a_faulty_window_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(FaultyFileError) as caught:
        read(text, "team.yaml")
    assert sentence in str(caught.value)


def test_what_is_as_the_operator_has_it_needs_no_change(api: Api) -> None:
    same = "tocsin: 1\nworkspace:\n  retention: {runDays: 90, eventDays: null}\n"
    assert apply(api, same) == []
    assert "retention" not in export(api)
    assert apply(api, same.replace("90", "60")) == ["PATCH /workspaces/me"]
    assert apply(api, same.replace("90", "null")) == ["PATCH /workspaces/me"]
    assert apply(api, same) == []


def test_nothing_is_removed_unless_it_is_asked_for(api: Api) -> None:
    apply(api, FILE)
    less = "tocsin: 1\njobs: []\ntenants: []\npatterns: []\n"
    assert apply(api, less) == []
    acme = api.ok("GET", "/tenants/acme")["id"]
    assert sorted(apply(api, less, prunes=True)) == [
        "DELETE /jobs/daily-report",
        "DELETE /jobs/sync",
        "DELETE /patterns/disk_full",
        f"DELETE /tenants/{acme}",
        "PATCH /patterns/auth_failure",
        "PATCH /patterns/webhook_failure_spike",
    ]
    assert apply(api, less, prunes=True) == []
    assert len(api.ok("GET", "/workspaces/me")["channels"]) == 4, "the file has no such section"
    assert len(apply(api, "tocsin: 1\nchannels: []\n", prunes=True)) == 4
    assert all(not pattern["hasOwnThreshold"] for pattern in api.ok("GET", "/patterns")["items"])


def test_a_secret_is_changed_where_it_is_given_and_kept_where_it_is_not(api: Api) -> None:
    apply(api, FILE)
    new = {**SECRETS, "SLACK_DEFAULT_WEBHOOK_URL": "https://hooks.slack.com/services/T0/B0/mnopqrstuvwx"}
    lines = shown(plan(api, FILE, new))
    assert "hooks.slack.com/…uvwx" in lines
    assert "mnop" not in lines
    assert apply(api, FILE, new) == ["PUT /workspaces/me/channels/slack"]
    assert apply(api, FILE.replace("delaySeconds: 600", "delaySeconds: 60"), {}) == [
        "PUT /workspaces/me/channels/slack"
    ]
    (slack,) = [one for one in api.ok("GET", "/workspaces/me")["channels"] if one["provider"] == "slack"]
    assert (slack["config"], slack["delaySeconds"]) == ({"webhookUrl": "https://hooks.slack.com/…uvwx"}, 60)


def test_a_new_channel_without_its_secrets_is_refused_before_anything_is_sent(api: Api) -> None:
    with pytest.raises(FaultyFileError) as caught:
        plan(api, FILE, {})
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert lines[0].startswith(
        "team.yaml: channel pagerduty/default: set PAGERDUTY_DEFAULT_ROUTING_KEY: the channel is new"
    )
    apply(api, FILE)
    with pytest.raises(FaultyFileError, match="where a config changes, its secrets have to be given"):
        plan(api, FILE.replace("region: us", "region: eu"), {})


_JOBS = "tocsin: 1\njobs:\n- "
_CHANNELS = "tocsin: 1\nchannels:\n- "
FAULTS = {
    "": "must be a mapping that begins with tocsin: 1.",
    "tocsin: 2": "tocsin must be 1.",
    "tocsin: 1\n? [a]\n: b": "line 2: what stands before a colon must be a word.",
    'tocsin: 1\nworkspace: {name: "a\\0"}': "line 2: a text holds a NUL character",
    'tocsin: 1\nworkspace: {name: "\\ud800"}': "line 2: a text holds a NUL character, or half a surrogate pair.",
    "tocsin: 1\nmaintenance: [{target: {kind: planet}}]": "maintenance[0].target.kind must be 'job', 'tenant', ",
    "jobs: []": "tocsin is required.",
    "tocsin: 1\nx: [": "line 2:",
    "tocsin: 1\ntocsin: 1": "line 2: tocsin stands twice.",
    "tocsin: 1\nmonitors: []": "monitors is not known here.",
    f"{_JOBS}{{jobKey: a}}": "jobs[0].name is required.",
    f"{_JOBS}{{jobKey: a, name: A}}": "jobs[0]: expectedIntervalSeconds is required",
    f"{_JOBS}{{jobKey: a, name: A, expectedIntervalSeconds: 60, grace: 1}}": "jobs[0].grace is not known here.",
    f"{_JOBS}{{jobKey: a, name: A, schedule: {{type: interval, seconds: 0}}}}": "jobs[0].schedule.seconds must be",
    f"{_JOBS}{{jobKey: a, name: A, schedule: {{type: crontab, value: 99 * * * *}}}}": "jobs[0].schedule.value",
    f"{_JOBS}&a {{jobKey: a, name: A, expectedIntervalSeconds: 60}}\n- *a": "jobs[1]: a stands in the file twice.",
    "tocsin: 1\ntenants:\n- {externalId: default}": "tenants must not hold default",
    "tocsin: 1\ntenants:\n- {externalId: 7}": "tenants[0].externalId must be a string.",
    "tocsin: 1\npatterns:\n- {id: auth_failure, name: Mine}": "patterns[0]: only isEnabled and the threshold",
    "tocsin: 1\npatterns:\n- {id: own, name: Own}": "patterns[0]: eventTypes or errorCodes must hold",
    "tocsin: 1\npatterns:\n- {name: Own, eventTypes: [a]}": "patterns[0]: id is required.",
    f"{_CHANNELS}{{provider: pigeon, config: {{}}}}": "channels[0]: provider must be one of",
    f"{_CHANNELS}{{provider: slack, config: {{webhookUrl: ftp://x}}}}": "channels[0]: config.webhookUrl",
    f"{_CHANNELS}{{provider: slack, config: {{webhookUrl: '${{X}}'}}, routes: {{kinds: [resolved]}}}}": "routes.kinds",
    "tocsin: 1\nworkspace: {retention: {runDays: 3}}": "workspace.retention.runDays must be at least 8",
    "tocsin: 1\nworkspace: {timezone: Mars}": "workspace.timezone must be",
}


@pytest.mark.parametrize(("text", "expected"), FAULTS.items())
def test_a_faulty_file_is_refused_with_the_place(text: str, expected: str) -> None:
    with pytest.raises(FaultyFileError) as caught:
        read(text, "team.yaml")
    assert expected in str(caught.value)
    assert all(line.startswith("team.yaml: ") for line in str(caught.value).splitlines())


def test_all_faults_are_told_at_once() -> None:
    text = "tocsin: 1\njobs:\n- {jobKey: '!', name: A, expectedIntervalSeconds: 0}\nchannels: 3\n"
    with pytest.raises(FaultyFileError) as caught:
        read(text, "-")
    assert len(str(caught.value).splitlines()) == 3


def test_what_the_server_refuses_is_told_in_its_words(api: Api) -> None:
    with pytest.raises(RemoteError, match="Job not found"):
        Here(api).call("GET", "/jobs/nowhere")


class Odd(ThreadingHTTPServer):
    """Answers everything with the same bytes, and counts."""

    def __init__(self, answer: bytes) -> None:
        self.answered = 0

        class Handler(BaseRequestHandler):
            def handle(handler) -> None:  # noqa: N805 -- `self` is the server
                handler.request.recv(65536)
                self.answered += 1
                handler.request.sendall(answer)

        super().__init__(("127.0.0.1", 0), Handler)


DONE = b'{"isSuccess": true, "data": {}}'


@pytest.mark.parametrize(
    ("answer", "says", "asked"),
    [
        (b"HTTP/1.1 301 Moved\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", "sends on to http", 1),
        (
            b"HTTP/1.1 503 No\r\nRetry-After: Wed, 21 Oct 2026 07:28:00 GMT\r\nContent-Length: 0\r\n\r\n",
            "answered 503",
            5,
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + DONE, "breaks off", 1),
        (b"SSH-2.0-OpenSSH\r\n", "is not of HTTP", 1),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n<html", "and not as Tocsin does", 1),
    ],
)
def test_what_is_no_answer_of_tocsins_is_told(answer: bytes, says: str, asked: int) -> None:
    with Odd(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(DONE), DONE)) as elsewhere:
        address = f"http://127.0.0.1:{elsewhere.server_port}"
        with Odd(answer.replace(b"%s", address.encode())) as server:
            for one in (server, elsewhere):
                Thread(target=one.serve_forever, daemon=True).start()
            remote = Remote(Destination(f"http://127.0.0.1:{server.server_port}", "sg_key"), lambda _: None)
            with pytest.raises(RemoteError, match=says) as caught:
                remote.call("POST", "/jobs", {})
            server.shutdown()
        elsewhere.shutdown()
    assert (server.answered, elsewhere.answered) == (asked, 0), "nobody else is given the key"
    assert "sg_key" not in str(caught.value)


# --- the law -----------------------------------------------------------------------------------------------------

KEYS = st.from_regex(r"[A-Za-z0-9_-]{1,12}", fullmatch=True)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=20)
SCHEDULES = st.one_of(
    st.builds(lambda n: {"type": "interval", "seconds": n}, st.integers(1, 10**6)),
    st.builds(
        lambda n, u: {"type": "calendar", "value": n, "unit": u}, st.integers(1, 9), st.sampled_from(["day", "month"])
    ),
    st.sampled_from([{"type": "learned"}, {"type": "none"}, {"type": "crontab", "value": "*/5 * * * *"}]),
)
JOBS = st.fixed_dictionaries(
    {"jobKey": KEYS, "name": NAMES, "schedule": SCHEDULES},
    optional={
        "gracePeriodSeconds": st.integers(0, 9_999),
        "tenantImpactThreshold": st.integers(1, 9),
        "failureThreshold": st.one_of(st.none(), st.integers(1, 9)),
        "tags": st.lists(NAMES, max_size=3),
        "description": TEXTS,
        "isActive": st.booleans(),
        "thresholdMode": st.sampled_from(["any", "all"]),
        "maxRuntimeSeconds": st.integers(1, 9_999),
    },
)
TENANTS = st.fixed_dictionaries({"externalId": KEYS}, optional={"name": NAMES, "isActive": st.booleans()})
PATTERN_IDS = st.from_regex("[a-z]{3,9}", fullmatch=True)
PATTERNS = st.fixed_dictionaries(
    {"id": PATTERN_IDS, "name": NAMES, "eventTypes": st.lists(KEYS, min_size=1, max_size=3)},
    optional={"isEnabled": st.booleans(), "thresholdCount": st.just(3), "thresholdWindowSeconds": st.just(9)},
).filter(lambda one: ("thresholdCount" in one) is ("thresholdWindowSeconds" in one))


def unique(items: st.SearchStrategy[Any], key: str) -> st.SearchStrategy[list[Any]]:
    return st.lists(items, max_size=4, unique_by=lambda one: str(one[key]).lower())


FILES = st.fixed_dictionaries(
    {"tocsin": st.just(1)},
    optional={
        "jobs": unique(JOBS, "jobKey"),
        "tenants": unique(TENANTS.filter(lambda one: one["externalId"] != "default"), "externalId"),
        "patterns": unique(PATTERNS, "id"),
    },
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(file=FILES)
def test_whatever_a_file_holds_comes_out_as_it_went_in(anonymous: Api, file: dict[str, Any]) -> None:

    one, other = in_workspace(anonymous), in_workspace(anonymous)
    apply(one, yaml.safe_dump(file, allow_unicode=True))
    text = export(one)
    assert apply(one, text) == []
    apply(other, text)
    assert export(other) == text

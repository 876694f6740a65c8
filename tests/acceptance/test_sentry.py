"""Sentry's endpoints of a whole server: what its clients sent, and what they never would."""

import gzip
import json
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import brotli
import httpx2
import pytest

from tests.acceptance.conftest import Home
from tests.support.raw import Answer, say
from tests.support.remote import Remote

pytestmark = pytest.mark.acceptance

RECORDED = sorted((Path(__file__).parent.parent / "wire" / "sentry").glob("*.http"))
PACKERS: dict[str, Any] = {"": bytes, "gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress}
CRONTAB = {"schedule": {"type": "crontab", "value": "0 3 * * *"}}


class Place:
    """A server, its workspace's DSN taken apart, and the ways to check in."""

    def __init__(self, remote: Remote, url: str) -> None:
        self.remote = remote
        self.url = url
        self.learn()

    def learn(self) -> None:
        dsn = urlsplit(self.remote.ok("GET", "workspaces/me")["sentryDsn"])
        self.key, self.project = dsn.username or "", dsn.path[1:]
        assert f"{dsn.hostname}:{dsn.port}" == urlsplit(self.url).netloc

    def post(self, body: bytes, path: str = "", **headers: str) -> httpx2.Response:
        auth = {"X-Sentry-Auth": f"Sentry sentry_version=7, sentry_key={self.key}"}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        address = self.url + (path or f"/api/{self.project}/envelope/")
        return httpx2.post(address, content=body, headers={**auth, **named}, trust_env=False, timeout=30)

    def check_in(self, slug: str, status: str = "ok", **fields: Any) -> httpx2.Response:
        return self.post(envelope({"monitor_slug": slug, "status": status, **fields}))

    def cron(self, slug: str, query: str = "", method: str = "GET", **more: Any) -> httpx2.Response:
        address = f"{self.url}/api/{self.project}/cron/{slug}/{self.key}/?{query}"
        return httpx2.request(method, address, trust_env=False, **more)

    def runs(self, key: str) -> list[dict[str, Any]]:
        return list(self.remote.ok("GET", f"jobs/{key}/runs")["items"])

    def rejections(self, key: str | None) -> list[tuple[str, int]]:
        items = self.remote.ok("GET", "rejections?pageSize=100")["items"]
        return [(one["reason"], one["count"]) for one in items if one["jobKey"] == key]


def envelope(*payloads: Any) -> bytes:
    items = [json.dumps(payload).encode() for payload in payloads]
    return b"{}\n" + b"".join(b'{"type":"check_in","length":%d}\n%s\n' % (len(item), item) for item in items)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One without a limit to how often, for all tests but those of the limit."""
    with Home(tmp_path_factory.mktemp("sentry"), "").serving(sentry_rate="0") as server:
        yield Place(Remote(server), server.url)
        assert '"level": "error"' not in server.output, server.output
        assert "Traceback" not in server.output, server.output


def _replay(place: Place, recorded: bytes, encoding: str, pieces: int) -> Answer:
    head, _, body = recorded.partition(b"\n\n")
    lines = [line for line in head.split(b"\n") if not line.lower().startswith((b"content-", b"transfer-"))]
    first = lines[0].replace(b"/api/1/", f"/api/{place.project}/".encode())
    lines = [first.replace(b"sentry_key=publickey", f"sentry_key={place.key}".encode()), *lines[1:]]
    lines = [line.replace(b"sentry_key=publickey", f"sentry_key={place.key}".encode()) for line in lines]
    packed = PACKERS[encoding](body)
    if encoding:
        lines.append(f"Content-Encoding: {encoding}".encode())
    if pieces:
        lines.append(b"Transfer-Encoding: chunked")
        size = len(packed) // pieces + 1
        chunks = [packed[at : at + size] for at in range(0, len(packed), size)]
        packed = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    else:
        lines.append(b"Content-Length: %d" % len(packed))
    return say(place.url, b"\r\n".join(lines) + b"\r\n\r\n" + packed)


@pytest.mark.parametrize("encoding", PACKERS)
@pytest.mark.parametrize("pieces", [0, 1, 7])
def test_what_real_clients_sent_arrives_in_every_encoding(place: Place, encoding: str, pieces: int) -> None:
    for path in RECORDED:
        recorded = path.read_bytes()
        kept = b"monitor_config" in recorded
        if not kept:  # its job was made by another of its kind
            place.check_in(path.stem.partition("-")[2].rpartition(".")[0], monitor_config=CRONTAB)
        answer = _replay(place, recorded, encoding, pieces)
        assert (answer.status, list(json.loads(answer.body))) == (200, ["id"]), path
    assert place.remote.ok("GET", "jobs/py-decorator")["gracePeriodSeconds"] == 300
    assert {run["environment"] for run in place.runs("py-decorator")} >= {"staging"}


def test_the_key_may_be_in_the_query(place: Place) -> None:
    address = f"/api/{place.project}/envelope/?sentry_key={place.key}&sentry_version=7"
    body = envelope({"monitor_slug": "by-query", "status": "ok", "monitor_config": CRONTAB})
    assert place.post(body, address, X_Sentry_Auth="").status_code == 200
    assert [run["outcome"] for run in place.runs("by-query")] == ["ok"]


def test_an_envelope_may_hold_many_items_and_those_of_others_are_ignored(place: Place) -> None:
    many = envelope(*({"monitor_slug": f"many-{i}", "status": "ok", "monitor_config": CRONTAB} for i in range(3)))
    assert place.post(many + b'{"type":"event"}\n{"x":1}\n{"type":"future"}\nwhatever').status_code == 200
    assert [len(place.runs(f"many-{i}")) for i in range(3)] == [1, 1, 1]


def test_the_event_id_is_answered(place: Place) -> None:
    event_id = uuid4().hex
    body = f'{{"event_id":"{event_id}"}}\n{{"type":"session"}}\n{{}}'.encode()
    assert place.post(body).json() == {"id": event_id}


@pytest.mark.parametrize(
    ("project", "key", "status"),
    [("1", None, 403), ("x", None, 403), ("9" * 400, None, 403), (None, "0" * 32, 403), (None, "", 403)],
)
def test_who_is_not_known_is_told_so(place: Place, project: str | None, key: str | None, status: int) -> None:
    address = f"/api/{project or place.project}/envelope/"
    auth = {} if key is None else {"X_Sentry_Auth": f"Sentry sentry_key={key}"}
    answer = place.post(envelope(), address, **auth)
    assert (answer.status_code, set(answer.json())) == (status, {"detail", "causes"})


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", {}, 400),
        (b"garbage", {}, 400),
        (b"{}\n{}\n{}", {}, 400),
        (b"{}\n", {"Content_Encoding": "gzip"}, 400),
        (b"{}\n", {"Content_Encoding": "zstd"}, 400),
        (b'{}\n{"type":"check_in"}\n"' + b"x" * (1 << 20) + b'"', {}, 413),
        (bytes(21 << 20), {}, 413),
        (gzip.compress(b"{}\n" + bytes(40 << 20)), {"Content_Encoding": "gzip"}, 413),
        (brotli.compress(b"{}\n" + bytes(40 << 20), quality=1), {"Content_Encoding": "br"}, 413),
        (zlib.compress(b"{}\n" + bytes(40 << 20)), {"Content_Encoding": "deflate"}, 413),
        (b"{}\n" + b'{"type":"check_in"}\n{}\n' * 1_001, {}, 413),
    ],
)
def test_what_is_no_envelope_or_too_large_is_told_so(
    place: Place, body: bytes, headers: dict[str, str], status: int
) -> None:
    assert place.post(body, **headers).status_code == status


def test_what_is_dropped_is_answered_kindly_and_kept(place: Place) -> None:
    assert place.check_in("nobody-knows").status_code == 200
    assert place.check_in("nobody-knows").status_code == 200
    assert place.check_in("nobody-knows", environment="x" * 65).status_code == 200
    bad_zone = {**CRONTAB, "timezone": "Mars/Base"}
    assert place.check_in("new-here", monitor_config=bad_zone).status_code == 200
    assert sorted(place.rejections("nobody-knows")) == [("invalid_check_in", 1), ("unknown_job", 2)]
    assert sorted(place.rejections("new-here")) == [("invalid_config", 1), ("unknown_job", 1)]
    details = [one["detail"] for one in place.remote.ok("GET", "rejections")["items"]]
    assert "monitor_config.timezone must be a time zone of the IANA database, not 'Mars/Base'." in details
    metrics = httpx2.get(f"{place.url}/metrics", trust_env=False).text
    assert 'tocsin_check_ins_total{outcome="refused",reason="invalid_check_in"}' in metrics


def test_a_config_on_a_known_job_changes_what_it_says_and_a_bad_one_nothing(place: Place) -> None:
    place.check_in("known", monitor_config={**CRONTAB, "checkin_margin": 5, "max_runtime": 9})
    place.check_in("known", "error", monitor_config={**CRONTAB, "max_runtime": 0})
    place.check_in("known", monitor_config={"schedule": {"type": "interval", "value": 90, "unit": "minute"}})
    job = place.remote.ok("GET", "jobs/known")
    assert job["schedule"] == {"type": "calendar", "value": 90, "unit": "minute", "timezone": "UTC"}
    assert (job["gracePeriodSeconds"], job["maxRuntimeSeconds"]) == (300, 540)
    assert [run["outcome"] for run in place.runs("known")][1:] == ["error", "ok"] or len(place.runs("known")) >= 2
    assert place.rejections("known") == [("invalid_config", 1)]


def test_the_cron_endpoint(place: Place) -> None:
    config = {"status": "in_progress", "check_in_id": "0" * 32, "monitor_config": CRONTAB, "monitor_slug": "not this"}
    answer = place.cron("Curl Job", method="POST", json=config)
    assert (answer.status_code, answer.content) == (202, b"")
    assert place.cron("curl-job", "status=error&duration=2.5&environment=").status_code == 202
    assert place.cron("curl-job", "status=ok&environment=dev", "POST").status_code == 202
    told = [(run["environment"], run["outcome"], run["durationMs"]) for run in place.runs("curl-job")]
    assert told == [("dev", "ok", None), ("production", "error", 2_500)]
    assert place.cron("curl-job", "status=fine").status_code == 202
    assert place.rejections("curl-job") == [("invalid_check_in", 1)]
    assert place.cron("curl-job", method="DELETE").status_code == 405
    assert httpx2.get(f"{place.url}/api/{place.project}/cron/x/wrong/", trust_env=False).status_code == 403


def test_the_dsn_is_rotated_at_once(place: Place) -> None:
    body = envelope({"monitor_slug": "rotated", "status": "ok", "monitor_config": CRONTAB})
    old = place.key
    assert place.post(body).status_code == 200
    dsn = place.remote.ok("POST", "workspaces/rotate-sentry-key")["sentryDsn"]
    assert place.post(body).status_code == 403
    place.learn()
    assert (place.key != old, place.key in dsn) == (True, True)
    assert place.post(body).status_code == 200


def test_too_many_check_ins_are_refused_and_kept(tmp_path: Path) -> None:
    with Home(tmp_path, "").serving() as server:
        place = Place(Remote(server), server.url)
        answers = [place.check_in("busy", "error", monitor_config=CRONTAB) for _ in range(8)]
        assert [answer.status_code for answer in answers] == [200] * 6 + [429] * 2
        seconds = answers[6].headers["retry-after"]
        assert 1 <= int(seconds) <= 10
        assert answers[6].headers["x-sentry-rate-limits"] == f"{seconds}:monitor:key:rate"
        assert place.check_in("busy", environment="staging").status_code == 200
        assert place.check_in("calm", monitor_config=CRONTAB).status_code == 200
        assert place.cron("busy", "status=ok").status_code == 202  # as Sentry's: never 429 here
        assert place.rejections("busy") == [("too_many_check_ins", 3)]
        assert len(place.runs("busy")) == 7


def test_a_full_queue_is_429_here(tmp_path: Path) -> None:
    with Home(tmp_path, "").serving(queue_limit="1", batch_limit="1", sentry_rate="0") as server:
        place = Place(Remote(server), server.url)
        many = envelope(*({"monitor_slug": f"j{i}", "status": "ok", "monitor_config": CRONTAB} for i in range(50)))
        answer = place.post(many)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
        assert answer.headers["x-sentry-rate-limits"] == "1:monitor:key:busy"
        time.sleep(1)
        assert place.check_in("j0", monitor_config=CRONTAB).status_code == 200

"""Healthchecks pings: `/ping/{uuid}` and `/ping/{ping key}/{slug}`. Addresses to check-ins, and outcomes to answers."""

import re
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from tocsin.application.errors import Refused
from tocsin.application.record_check_ins import Receipt
from tocsin.application.terms import JobWish, Terms
from tocsin.domain.message import MESSAGE_BYTES
from tocsin.domain.model import DEFAULT_ENVIRONMENT, DEFAULT_TENANT, SECOND, CheckIn, CheckInKind
from tocsin.ingest.guests import ONE_IS_ENOUGH, message_of

#: A larger body is refused, as the original does.
BODY_LIMIT = 2_621_440
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_BY_UUID = re.compile(rf"(?P<uuid>{_UUID})(?:/|/(?P<action>start|fail|log|[0-9]+))?", re.ASCII)
_BY_SLUG = re.compile(
    r"(?P<key>[A-Za-z0-9_-]{22})/(?P<slug>[A-Za-z0-9._-]{1,100})(?:/(?P<action>start|fail|log|[0-9]+))?", re.ASCII
)
#: Two words: in the original, too, this is taken for a key and a slug before it is looked up.
_LOOKS_LIKE_SLUG = re.compile(r"[^/]+/(?P<slug>[^/]+)(?:/[^/]+)?")
_RID = re.compile(_UUID, re.IGNORECASE | re.ASCII)
_KINDS = {None: CheckInKind.SUCCESS, "start": CheckInKind.START, "fail": CheckInKind.FAILURE, "log": CheckInKind.LOG}
_LARGEST_EXIT_CODE = 255
_CORS = [(b"access-control-allow-origin", b"*")]
_HEADERS = [
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"cache-control", b"max-age=0, no-cache, no-store, must-revalidate, private"),
]
#: A job that its first ping makes: expected once a day, with an hour of grace; one miss and one failure matter.
NEW_JOB = Terms(
    JobWish(
        {
            "protocol": "healthchecks",
            "schedule_type": "interval",
            "schedule_interval": 86_400 * SECOND,
            "grace": 3_600 * SECOND,
            **ONE_IS_ENOUGH,
        },
        {},
    )
)


class Ping(NamedTuple):
    """A ping: of the job that `uuid` names, or of the job `slug` in the workspace of `key`.

    `problem`: what is wrong with it beyond its address, told only once the address is known to exist.
    `may_create`: make the job if there is none.
    """

    uuid: str | None
    key: str | None
    slug: str | None
    kind: CheckInKind
    exit_code: int | None
    run_id: str | None
    may_create: bool
    problem: str | None


class Answer(NamedTuple):
    """An HTTP answer."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


def decode(path: str, query: str) -> Ping | Answer:
    """The ping that the part of the address behind `/ping/` asks for, or what to answer where it is none."""
    found = _BY_UUID.fullmatch(path) or _BY_SLUG.fullmatch(path)
    slug = _LOOKS_LIKE_SLUG.fullmatch(path)
    if found is None or "slug" in found.groupdict():
        if slug and slug["slug"] != slug["slug"].lower():
            return _text(400, "invalid url format")
        if found is None:
            return not_found()
    groups: dict[str, Any] = found.groupdict()
    options = parse_qs(query, keep_blank_values=True)
    action = groups["action"]
    exit_code = int(action[:10]) if action and action.isdigit() else None
    kind = _KINDS[action] if exit_code is None else _by_exit_code(exit_code)
    rid = options.get("rid", [None])[0]
    return Ping(
        groups.get("uuid"),
        groups.get("key"),
        groups.get("slug"),
        kind,
        exit_code,
        rid.lower() if rid is not None else None,
        "slug" in groups and options.get("create", [""])[0] == "1",
        _problem(exit_code, rid),
    )


def _by_exit_code(code: int) -> CheckInKind:
    return CheckInKind.FAILURE if code else CheckInKind.SUCCESS


def _problem(exit_code: int | None, rid: str | None) -> str | None:
    if exit_code is not None and exit_code > _LARGEST_EXIT_CODE:
        return "invalid url format"
    if rid is not None and not _RID.fullmatch(rid):
        return "invalid uuid format"
    return None


def to_check_in(ping: Ping, workspace_id: int, job_key: str, body: bytes) -> CheckIn:
    """The end of the body is the message. It happened when it is received, and names no tenant and no environment."""
    text = message_of(body)
    return CheckIn(
        workspace_id,
        job_key,
        DEFAULT_TENANT,
        DEFAULT_ENVIRONMENT,
        ping.kind,
        0,
        ping.run_id,
        exit_code=ping.exit_code,
        message=text or None,
    )


def encode(outcome: Receipt | Refused) -> Answer:
    if isinstance(outcome, Refused):
        return refused(outcome)
    limit = (b"ping-body-limit", str(MESSAGE_BYTES).encode())
    status, text = (201, b"Created") if outcome.has_made_job else (200, b"OK")
    return Answer(status, [*_HEADERS, *_CORS, limit], text)


def refused(refusal: Refused) -> Answer:
    """Not there is one sentence, whatever was not there; else what our own API would say."""
    if refusal.status == 404:
        return not_found()
    answer = _text(refusal.status, refusal.message)
    if refusal.retry_after is not None:
        answer.headers.append((b"retry-after", str(refusal.retry_after).encode()))
    return answer


def not_found() -> Answer:
    return _text(404, "not found")


def malformed(problem: str) -> Answer:
    return _text(400, problem)


def preflight() -> Answer:
    """What a browser asks before it pings: no ping."""
    allowed = [(b"access-control-allow-methods", b"GET, HEAD, POST"), (b"access-control-allow-headers", b"*")]
    return Answer(204, [*_CORS, *allowed], b"")


def _text(status: int, text: str) -> Answer:
    return Answer(status, list(_HEADERS), text.encode())

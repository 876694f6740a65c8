"""PingGuard: monitors as its clients write and read them, and pings to `/p/{slug}`."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple
from urllib.parse import parse_qs

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import to_json

from tocsin import strict_json
from tocsin.api.sentences import sentence
from tocsin.application.errors import ErrorCode, Refused
from tocsin.domain.ids import from_uuid, to_uuid
from tocsin.domain.model import DEFAULT_ENVIRONMENT, DEFAULT_TENANT, SECOND, CheckIn, CheckInKind
from tocsin.ingest.guests import ONE_IS_ENOUGH, message_of, printable
from tocsin.store.views_monitors import Monitor, Pings
from tocsin.store.views_monitors import Ping as ShownPing
from tocsin.wire_time import iso, iso_or_none

#: The most bytes of a monitor's JSON, and of what a ping says.
BODY_LIMIT = 100 * 1024
PING_BODY_LIMIT = 2_621_440
PAGE_SIZE, LAST_PAGE = 30, 1_000_000
_LONGEST = 366 * 86_400
_SLUG = r"[a-z0-9]+(?:-[a-z0-9]+)*"
_PING = re.compile(rf"(?P<slug>{_SLUG})(?:/(?P<action>start|fail|log))?/?", re.ASCII)
_LONGEST_SLUG = 120
_PAGE = re.compile(r"[0-9]{1,18}", re.ASCII)
_KINDS = {None: CheckInKind.SUCCESS, "start": CheckInKind.START, "fail": CheckInKind.FAILURE, "log": CheckInKind.LOG}
_STATUSES = {"ok": "ok", "error": "failed", "timeout": "failed", "missed": "missed"}
_BAD_REQUEST = "bad_request"
_CODES = {
    ErrorCode.UNAUTHORIZED: "unauthorized",
    ErrorCode.FORBIDDEN: "forbidden",
    ErrorCode.NOT_FOUND: "not_found",
    ErrorCode.CONFLICT: "conflict",
    ErrorCode.RATE_LIMITED: "rate_limited",
    ErrorCode.PAYLOAD_TOO_LARGE: "payload_too_large",
    ErrorCode.SERVER_ERROR: "server_error",
    ErrorCode.UNAVAILABLE: "unavailable",
}
#: What a monitor has that its maker does not say: one miss or one failure is enough.
_DEFAULTS: Mapping[str, Any] = {
    "protocol": "pingguard",
    "grace": 60 * SECOND,
    **ONE_IS_ENOUGH,
}


Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(printable)]
Interval = Annotated[int, Field(ge=1, le=_LONGEST)]
Grace = Annotated[int, Field(ge=0, le=_LONGEST)]


class NewMonitor(BaseModel):
    """`POST /api/monitors`; unknown fields are ignored."""

    model_config = ConfigDict(strict=True)

    name: Name
    interval_seconds: Interval
    grace_seconds: Grace = 60


class MonitorChanges(BaseModel):
    """`PATCH /api/monitors/{id}`: any of the fields."""

    model_config = ConfigDict(strict=True)

    name: Name = ""
    interval_seconds: Interval = 1
    grace_seconds: Grace = 60


class Ping(NamedTuple):
    """A ping of the job with this slug. `duration` in microseconds; `problem`: what is wrong with it beyond its
    address, told only once the slug is known to exist."""

    slug: str
    kind: CheckInKind
    duration: int | None
    problem: str | None


# --- monitors ---------------------------------------------------------------------------------------------------------


def decode_new(body: bytes) -> dict[str, Any]:
    """The columns of a new job but its key; raises `Refused` with a sentence that names the field."""
    return {**_DEFAULTS, **_columns(_read(NewMonitor, body))}


def decode_changes(body: bytes) -> dict[str, Any]:
    """The columns that a PATCH sets."""
    return _columns(_read(MonitorChanges, body))


def _read(model: type[BaseModel], body: bytes) -> BaseModel:
    try:
        fields = strict_json.load(body)
        return model.model_validate(fields)
    except (strict_json.NotJsonError, strict_json.UnacceptableJsonError) as error:
        raise wrong(str(error)) from None
    except ValidationError as error:
        first: Any = error.errors(include_url=False)[0]
        raise wrong(sentence({**first, "loc": ("body", *first["loc"])})) from None


def _columns(monitor: BaseModel) -> dict[str, Any]:
    given: dict[str, Any] = {name: getattr(monitor, name) for name in monitor.model_fields_set}
    columns: dict[str, Any] = {}
    if "name" in given:
        columns["name"] = given["name"]
    if "interval_seconds" in given:
        columns |= {"schedule_type": "interval", "schedule_interval": given["interval_seconds"] * SECOND}
        columns |= {"schedule_value": None, "schedule_zone": None}
    if "grace_seconds" in given:
        columns["grace"] = given["grace_seconds"] * SECOND
    return columns


def names_of(body: bytes) -> list[str]:
    """The names of the fields that were given."""
    fields = strict_json.load(body) if body else {}
    return list(fields) if isinstance(fields, dict) else []


def monitor_id(text: str) -> int | None:
    """The job behind `monitor_…`; None where it can be none."""
    return _number(text, "monitor_")


def page_number(query: str) -> int:
    """Which page is asked for; raises `Refused`."""
    asked = parse_qs(query, keep_blank_values=True).get("page", ["1"])
    if len(asked) == 1 and _PAGE.fullmatch(asked[0]) and 1 <= int(asked[0]) <= LAST_PAGE:
        return int(asked[0])
    raise wrong(f"page must be a whole number from 1 to {LAST_PAGE}.")


def encode_list(monitors: list[Monitor], public_url: str) -> bytes:
    return to_json({"monitors": [_monitor(one, public_url) for one in monitors]})


def encode(monitor: Monitor, public_url: str) -> bytes:
    return to_json({"monitor": _monitor(monitor, public_url)})


def encode_pings(pings: Pings, page: int) -> bytes:
    return to_json({"pings": [_ping(one) for one in pings.pings], "total": pings.total, "page": page})


def _monitor(monitor: Monitor, public_url: str) -> dict[str, Any]:
    return {
        "id": _text(monitor.id, "monitor_"),
        "name": monitor.name,
        "slug": monitor.slug,
        "ping_url": f"{public_url}/p/{monitor.slug}" if monitor.slug else None,
        "interval_seconds": _seconds(monitor.every),
        "grace_seconds": _seconds(monitor.grace),
        "status": monitor.status,
        "last_ping_at": iso_or_none(monitor.last_ping_at),
        "created_at": iso(monitor.created_at),
    }


def _ping(ping: ShownPing) -> dict[str, Any]:
    told = {"id": _text(ping.id, "ping_"), "received_at": iso_or_none(ping.received_at)}
    status = _STATUSES.get(ping.outcome, "started")
    if status == "missed":
        return {**told, "status": status, "expected_at": iso_or_none(ping.expected_at)}
    return {**told, "status": status, "duration_ms": None if ping.duration is None else ping.duration // 1000}


def _seconds(length: int | None) -> int | None:
    return None if length is None else length // SECOND


def _text(number: int, prefix: str) -> str:
    return prefix + to_uuid(number).replace("-", "")


def _number(text: str, prefix: str) -> int | None:
    number = from_uuid(text.removeprefix(prefix))
    return number if number is not None and _text(number, prefix) == text else None


# --- pings ------------------------------------------------------------------------------------------------------------


def decode_ping(path: str, query: str) -> Ping | None:
    """The ping that the part of the address behind `/p/` asks for; None where there can be none."""
    found = _PING.fullmatch(path)
    if found is None or len(found["slug"]) > _LONGEST_SLUG:
        return None
    asked = parse_qs(query, keep_blank_values=True).get("duration_ms", [None])[-1]
    is_number = asked is None or (re.fullmatch(r"[0-9]{1,11}", asked, re.ASCII) and int(asked) <= _LONGEST * 1000)
    problem = None if is_number else f"duration_ms must be a whole number from 0 to {_LONGEST * 1000}."
    duration = int(asked) * 1000 if asked is not None and is_number else None
    return Ping(found["slug"], _KINDS[found["action"]], duration, problem)


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
        duration=ping.duration if ping.kind is not CheckInKind.START else None,
        message=text or None,
    )


# --- refusals ---------------------------------------------------------------------------------------------------------


def wrong(message: str) -> Refused:
    return Refused(400, ErrorCode.VALIDATION, message)


def refused(refusal: Refused) -> tuple[int, bytes]:
    """Status and body: what our own API would call 415 or 422 is a bad request here."""
    status = 400 if refusal.status in {415, 422} else refusal.status
    code = "method_not_allowed" if status == 405 else _CODES.get(refusal.error_code, _BAD_REQUEST)
    return status, to_json({"error": {"code": code, "message": refusal.message}})

"""Sentry's cron check-ins: a payload to a check-in and the job it wants, or to the reason why it is dropped."""

import re
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from math import isfinite
from typing import Any, NamedTuple
from uuid import UUID

from tocsin import strict_json
from tocsin.application.terms import JobWish, Rejected, Terms
from tocsin.domain import calendar_time, crontab, zones
from tocsin.domain.attribution import Attribution
from tocsin.domain.model import (
    DEFAULT_ENVIRONMENT,
    DEFAULT_TENANT,
    SECOND,
    CheckIn,
    CheckInKind,
)
from tocsin.domain.reason import Reason

SOURCE = "sentry"
_MINUTE = 60 * SECOND
_KINDS = {"in_progress": CheckInKind.START, "ok": CheckInKind.SUCCESS, "error": CheckInKind.FAILURE}
_LONGEST_SECONDS = ((1 << 31) - 1) / 1000
_ENVIRONMENT_CHARACTERS = 64
_SLUG_CHARACTERS = 50
_TEXT_CHARACTERS = 200
_NAMED = re.compile(r"sentry_key\s*=\s*([0-9A-Za-z]+)")
_IN_QUERY = ("status", "check_in_id", "environment", "release", "duration")
_SHOWN = 200
#: Longer than this nobody waits; and a date must exist at the end of it.
_LONGEST_INTERVAL = 100 * 366 * calendar_time.ABOUT["day"]
#: What a job has that a check-in made, where its config does not say otherwise.
_DEFAULTS: Mapping[str, Any] = {
    "protocol": SOURCE,
    "grace": _MINUTE,
    "threshold_mode": "all",  # one tenant is enough, once it has missed enough runs
    "impact_threshold": 1,
    "miss_threshold": 1,
    "failure_threshold": 1,
    "recovery_threshold": 1,
    "max_runtime": 30 * _MINUTE,
    "tenant_scope": "seen",
    "schedule_zone": zones.UTC,
}


class Decoded(NamedTuple):
    """What a payload comes to. `check_in.received_at` is not known yet."""

    check_in: CheckIn
    terms: Terms


def public_key(header: str, query_key: str | None) -> str | None:
    """The DSN's public key, of the header `X-Sentry-Auth` or of the query."""
    found = _NAMED.search(header)
    return found[1] if found else query_key or None


def decode(payload: bytes, workspace_id: int, dsn_key: str, slug: str | None = None) -> Decoded:
    """The payload of a `check_in` item; `slug`: of the address, which wins."""
    try:
        fields = strict_json.load(payload)
    except (strict_json.NotJsonError, strict_json.UnacceptableJsonError) as error:
        return _dropped(workspace_id, dsn_key, {}, Rejected(Reason.INVALID_CHECK_IN, str(error)))
    if not isinstance(fields, dict):
        wrong = Rejected(Reason.INVALID_CHECK_IN, "The payload of a check_in must be a JSON object.")
        return _dropped(workspace_id, dsn_key, {}, wrong)
    return decode_fields(fields if slug is None else {**fields, "monitor_slug": slug}, workspace_id, dsn_key)


def decode_fields(fields: Mapping[str, Any], workspace_id: int, dsn_key: str) -> Decoded:
    """The fields of a check-in, of whatever they were read from."""
    try:
        check_in = _check_in(fields, workspace_id)
    except Rejected as rejected:
        return _dropped(workspace_id, dsn_key, fields, rejected)
    config = fields.get("monitor_config")
    wish, fault = None, None
    if config:
        try:
            wish = JobWish(_DEFAULTS, _columns(config))
        except Rejected as rejected:
            fault = rejected
    return Decoded(check_in, Terms(wish, SOURCE, dsn_key, None, fault))


def decode_query(query: Mapping[str, str], workspace_id: int, dsn_key: str, slug: str) -> Decoded:
    """A check-in as the query of the cron endpoint says it: numbers are texts there."""
    asked = {name: query.get(name, "").replace("\0", "\N{REPLACEMENT CHARACTER}") for name in _IN_QUERY}
    fields: dict[str, Any] = {**asked, "monitor_slug": slug}
    with suppress(ValueError):  # then it is dropped, for being a text
        fields["duration"] = float(asked["duration"]) if asked["duration"] else None
    return decode_fields(fields, workspace_id, dsn_key)


def slug_of(text: str) -> str:
    """The slug as Sentry makes it; empty where nothing is left."""
    ascii_only = unicodedata.normalize("NFKD", text[:_TEXT_CHARACTERS]).encode("ascii", "ignore").decode()
    words = re.sub(r"[^\w\s-]", "", ascii_only.lower())
    return re.sub(r"[-\s]+", "-", words).strip("-_")[:_SLUG_CHARACTERS].strip("-")


# --- the check-in -----------------------------------------------------------------------------------------------------


def _check_in(fields: Mapping[str, Any], workspace_id: int) -> CheckIn:
    kind = _KINDS.get(str(fields.get("status")))
    if kind is None:
        raise _invalid("status", fields.get("status"), "in_progress, ok or error")
    return CheckIn(
        workspace_id,
        _slug(fields),
        DEFAULT_TENANT,
        _environment(fields),
        kind,
        0,
        _run_id(fields.get("check_in_id")),
        None,
        _duration(fields.get("duration")) if kind is not CheckInKind.START else None,
        attribution=_attribution(fields),
        is_step=True,
    )


def _slug(fields: Mapping[str, Any]) -> str:
    text = fields.get("monitor_slug")
    slug = slug_of(text) if isinstance(text, str) else ""
    if not slug:
        raise _invalid("monitor_slug", text, "a text with letters or digits in it")
    return slug


def _environment(fields: Mapping[str, Any]) -> str:
    text = fields.get("environment") or DEFAULT_ENVIRONMENT
    if not isinstance(text, str) or len(text) > _ENVIRONMENT_CHARACTERS or not text.isprintable():
        raise _invalid("environment", text, f"a text of at most {_ENVIRONMENT_CHARACTERS} printable characters")
    return text


def _run_id(value: Any) -> str | None:
    """The check_in_id as 32 hexadecimal digits; None where it is absent or nil."""
    if value is None or value == "":
        return None
    try:
        uuid = UUID(value) if isinstance(value, str) else None
    except ValueError:
        uuid = None
    if uuid is None:
        raise _invalid("check_in_id", value, "a UUID")
    return uuid.hex if uuid.int else None


def _duration(value: Any) -> int | None:
    """In microseconds."""
    if value is None:
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not isfinite(value) or not 0 <= value <= _LONGEST_SECONDS:
        raise _invalid("duration", value, "a number of seconds, not negative")
    return round(float(value) * SECOND)


def _attribution(fields: Mapping[str, Any]) -> Attribution | None:
    release, host = _text(fields.get("release")), _text(fields.get("server_name"))
    return Attribution(host=host, release=release) if release or host else None


def _text(value: Any) -> str:
    return value[:_TEXT_CHARACTERS] if isinstance(value, str) else ""


def _dropped(workspace_id: int, dsn_key: str, fields: Mapping[str, Any], rejected: Rejected) -> Decoded:
    slug, environment = fields.get("monitor_slug"), fields.get("environment")
    shown = slug_of(slug) if isinstance(slug, str) else ""
    place = environment[:_ENVIRONMENT_CHARACTERS] if isinstance(environment, str) else DEFAULT_ENVIRONMENT
    nothing = CheckIn(workspace_id, shown, DEFAULT_TENANT, place, CheckInKind.LOG, 0)
    return Decoded(nothing, Terms(None, SOURCE, dsn_key, rejected))


def _invalid(field: str, value: Any, expected: str) -> Rejected:
    return Rejected(Reason.INVALID_CHECK_IN, f"{field} must be {expected}, not {_shown(value)}.")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


# --- the job that it wants --------------------------------------------------------------------------------------------


def _columns(config: Any) -> dict[str, Any]:
    """The columns of `jobs` that a monitor_config sets: exactly those of the keys it carries."""
    if not isinstance(config, dict):
        raise _bad_config("monitor_config", config, "an object")
    columns = _schedule(config)
    if config.get("checkin_margin") is not None:
        columns["grace"] = max(_whole(config, "checkin_margin", 0, 40_320), 1) * _MINUTE
    if config.get("max_runtime") is not None:
        columns["max_runtime"] = _whole(config, "max_runtime", 1, 40_320) * _MINUTE
    if config.get("failure_issue_threshold") is not None:
        threshold = _whole(config, "failure_issue_threshold", 1, 720)
        columns |= {"failure_threshold": threshold, "miss_threshold": threshold}
    if config.get("recovery_threshold") is not None:
        columns["recovery_threshold"] = _whole(config, "recovery_threshold", 1, 720)
    return columns


def _schedule(config: Mapping[str, Any]) -> dict[str, Any]:
    schedule, zone = config.get("schedule"), _zone(config)
    if not isinstance(schedule, dict):
        raise _bad_config("monitor_config.schedule", schedule, "an object with type and value")
    kind, value = schedule.get("type"), schedule.get("value")
    if kind == "crontab":
        columns: dict[str, Any] = {"schedule_type": "crontab", "schedule_value": _crontab(value)}
        columns["schedule_interval"] = None
    elif kind == "interval":
        count, unit = _interval(value, schedule.get("unit"))
        columns = {"schedule_type": "calendar", "schedule_interval": count, "schedule_value": unit}
    else:
        raise _bad_config("monitor_config.schedule.type", kind, "crontab or interval")
    return columns | {"schedule_zone": zone} if zone else columns


def _zone(config: Mapping[str, Any]) -> str | None:
    """The zone that the config carries, if any; one that is blank is none."""
    name = config.get("timezone")
    if name is None or name == "":
        return None
    if not isinstance(name, str) or name not in zones.names():
        raise _bad_config("monitor_config.timezone", name, "a time zone of the IANA database")
    return name


def _crontab(value: Any) -> str:
    text = " ".join(value.split()) if isinstance(value, str) and len(value) <= 256 else ""
    why = _why_no_crontab(text)
    if why is not None:
        raise Rejected(Reason.INVALID_CONFIG, f"monitor_config.schedule.value {why} It is {_shown(value)}.")
    return text


@lru_cache(maxsize=4_096)
def _why_no_crontab(text: str) -> str | None:
    """An SDK sends its config with every check-in; reading an expression takes 30 µs."""
    try:
        crontab.check(text, zones.UTC)
    except crontab.BadCrontab as error:
        return str(error)
    return None


def _interval(value: Any, unit: Any) -> tuple[int, str]:
    if not isinstance(unit, str) or unit not in calendar_time.ABOUT:
        units = "year, month, week, day, hour or minute"
        raise _bad_config("monitor_config.schedule.unit", unit, units)
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if not is_whole or not 0 < value * calendar_time.ABOUT[unit] <= _LONGEST_INTERVAL:
        raise _bad_config("monitor_config.schedule.value", value, "a whole number of units, at least 1")
    return value, unit


def _whole(config: Mapping[str, Any], field: str, least: int, most: int) -> int:
    value = config[field]
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise _bad_config(f"monitor_config.{field}", value, f"a whole number from {least} to {most}")
    return value


def _bad_config(field: str, value: Any, expected: str) -> Rejected:
    return Rejected(Reason.INVALID_CONFIG, f"{field} must be {expected}, not {_shown(value)}.")

"""Hexcovery heartbeats: start, log, end and ping, by either of the documented shapes, to a check-in and its answer."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import to_json

from tocsin import strict_json
from tocsin.api.sentences import sentence
from tocsin.application.errors import ErrorCode, Refused
from tocsin.application.record_check_ins import Receipt
from tocsin.application.terms import JobWish, Terms
from tocsin.domain.attribution import Attribution
from tocsin.domain.message import tail
from tocsin.domain.model import DEFAULT_ENVIRONMENT, DEFAULT_TENANT, CheckIn, CheckInKind
from tocsin.ingest.guests import ONE_IS_ENOUGH, printable

EVENTS = ("start", "log", "end", "ping")
_KEY = re.compile(r"[A-Za-z0-9._-]{1,100}")
_LONGEST_MS = 366 * 86_400 * 1000
_HEADER_CHARACTERS = 200
_KINDS = {"start": CheckInKind.START, "log": CheckInKind.LOG, "ping": CheckInKind.SUCCESS}
_WELL = {"success", "ok"}
#: What a job has that its first heartbeat makes.
_DEFAULTS: Mapping[str, Any] = {
    "protocol": "hexcovery",
    "schedule_type": "learned",
    "grace": None,
    **ONE_IS_ENOUGH,
}


def _number(value: Any) -> Any:
    """Numbers come as texts in a query."""
    return int(value) if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value) else value


Word = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(printable)]


class Heartbeat(BaseModel):
    """The fields of a heartbeat; unknown ones are ignored."""

    model_config = ConfigDict(strict=True)

    name: Word
    status: Literal["success", "ok", "failure", "fail"] = "ok"
    exit_code: Annotated[int | None, BeforeValidator(_number), Field(ge=0, le=255)] = None
    duration_ms: Annotated[int | None, BeforeValidator(_number), Field(ge=0, le=_LONGEST_MS)] = None
    run_id: Word | None = None
    tenant: Word | None = None
    environment: Annotated[str | None, Field(min_length=1, max_length=64), AfterValidator(printable)] = None
    message: str | None = None


class Decoded(NamedTuple):
    check_in: CheckIn
    terms: Terms


def decode_body(body: bytes) -> dict[str, Any]:
    """The JSON object of a heartbeat's body; raises `Refused`."""
    try:
        fields = strict_json.load(body) if body else {}
    except (strict_json.NotJsonError, strict_json.UnacceptableJsonError) as error:
        raise wrong(str(error)) from None
    if not isinstance(fields, dict):
        raise wrong('The body must be a JSON object, as {"name": "nightly-backup"} is.')
    return fields


def decode(event: str, fields: Mapping[str, Any], where: Attribution | None, workspace_id: int) -> Decoded:
    """A heartbeat to a check-in and the job it is of; raises `Refused` with a sentence that names the field."""
    try:
        beat = Heartbeat.model_validate({name: value for name, value in fields.items() if value is not None})
    except ValidationError as error:
        first: Any = error.errors(include_url=False)[0]
        raise wrong(sentence({**first, "loc": ("body", *first["loc"])})) from None
    if event == "log" and not beat.message:
        raise wrong("message is required.")
    kind = _KINDS.get(event) or (CheckInKind.SUCCESS if beat.status in _WELL else CheckInKind.FAILURE)
    check_in = CheckIn(
        workspace_id,
        job_key_of(beat.name),
        beat.tenant or DEFAULT_TENANT,
        beat.environment or DEFAULT_ENVIRONMENT,
        kind,
        0,
        beat.run_id,
        None,
        None if beat.duration_ms is None else beat.duration_ms * 1000,
        beat.exit_code,
        None if beat.message is None else tail(beat.message),
        attribution=where,
    )
    return Decoded(check_in, Terms(JobWish({**_DEFAULTS, "name": beat.name}, {})))


def job_key_of(name: str) -> str:
    """The name itself where it can be a jobKey, else what is left of it in one."""
    if _KEY.fullmatch(name) and name not in {".", ".."}:
        return name
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    key = re.sub(r"[^a-z0-9._]+", "-", ascii_only.lower()).strip("-.")[:100]
    if not key:
        raise wrong("name must have some letters a-z or digits in it.")
    return key


def attribution(headers: Mapping[str, str]) -> Attribution | None:
    """Where the run belongs, as its headers say; raises `Refused`. Names of headers are lower-case."""
    said = {}
    for part in ("project", "service", "host"):
        text = headers.get(f"x-hexcovery-{part}") or headers.get(f"x-tocsin-{part}") or ""
        if len(text) > _HEADER_CHARACTERS or not text.isprintable():
            raise wrong(f"X-Hexcovery-{part.title()} must be a text of at most {_HEADER_CHARACTERS} characters.")
        said[part] = text.strip()
    return Attribution(**said) if any(said.values()) else None


def encode(check_in: CheckIn, receipt: Receipt) -> bytes:
    return to_json({"ok": True, "job": check_in.job_key, "run_id": receipt.run_id})


def refused(refusal: Refused) -> bytes:
    return to_json({"ok": False, "error": refusal.message})


def wrong(message: str) -> Refused:
    """What is not as this protocol has it is 400."""
    return Refused(400, ErrorCode.VALIDATION, message)

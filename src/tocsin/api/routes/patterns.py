"""/patterns: how events are classified."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import AfterValidator, Field
from starlette.responses import Response

from tocsin.api import answers
from tocsin.api.calls import Call, Reading, Writing
from tocsin.api.wire import Name, Wire
from tocsin.application import manage_patterns
from tocsin.application.errors import invalid
from tocsin.domain.model import SECOND
from tocsin.domain.pattern import Pattern, Rulebook, built_in
from tocsin.store import Connection
from tocsin.store import patterns as rows

router = APIRouter(prefix="/patterns", tags=["patterns"])
_WEEK = 7 * 86_400
_MOST_EVENTS = 1_000


def _bare(word: str) -> str:
    if word != word.strip() or not word.isprintable():
        raise ValueError("must hold no control characters, and no blanks around it.")
    return word


Word = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_bare)]
Words = Annotated[list[Word], Field(max_length=100)]
Priority = Annotated[int, Field(ge=0, le=10_000)]
EventCount = Annotated[int, Field(ge=1, le=_MOST_EVENTS)]
Seconds = Annotated[int, Field(ge=1, le=_WEEK)]


class _Threshold(Wire):
    """Both or none; a count of 1 means none, and needs no window."""

    threshold_count: EventCount | None = None
    threshold_window_seconds: Seconds | None = None

    def threshold_columns(self) -> dict[str, Any]:
        """The columns it is kept in; raises `Refused` where one is missing."""
        seconds = self.threshold_window_seconds
        if self.threshold_count is None and seconds is not None:
            raise invalid("thresholdCount is required beside thresholdWindowSeconds.")
        if self.threshold_count not in {None, 1} and seconds is None:
            raise invalid("thresholdWindowSeconds is required beside thresholdCount.")
        return {
            "threshold_count": self.threshold_count,
            "threshold_window": None if seconds is None else seconds * SECOND,
        }


class NewPattern(_Threshold):
    id: Annotated[str, Field(pattern="^[a-z0-9_]{1,64}$")] | None = None
    name: Name
    priority: Priority = 100
    event_types: Words = Field(default_factory=list)
    error_codes: Words = Field(default_factory=list)
    is_enabled: bool = True


class PatternChanges(_Threshold):
    name: Name = ""
    priority: Priority = 100
    event_types: Words = Field(default_factory=list)
    error_codes: Words = Field(default_factory=list)
    is_enabled: bool = True


class Sample(Wire):
    """An event as far as patterns look at it."""

    event_type: Annotated[str, Field(min_length=1, max_length=200)]
    error_code: Annotated[str, Field(max_length=200)] | None = None


@router.get("", response_model=answers.Answer[answers.Items[answers.Pattern]])
def list_patterns(call: Reading) -> Response:
    """All patterns, in the order in which they are tried."""

    def work(connection: Connection) -> object:
        items = [_pattern(one) for one in rows.rulebook(connection, call.workspace_id).patterns]
        return {"items": items, "page": 1, "pageSize": len(items), "total": len(items)}

    return call.read(work)


@router.post("", response_model=answers.Answer[answers.Pattern], status_code=201)
def create_pattern(call: Writing, body: NewPattern) -> Response:
    """Make a pattern of your own."""
    fields = {
        "pattern_id": body.id,
        "name": body.name,
        "priority": body.priority,
        "event_types": body.event_types,
        "error_codes": body.error_codes,
        "is_enabled": body.is_enabled,
        **body.threshold_columns(),
    }

    def work(connection: Connection) -> object:
        pattern_id = manage_patterns.create_pattern(connection, call.now, call.workspace_id, fields)
        return _one(call, connection, pattern_id)

    return call.write(work, 201, "Pattern created.")


@router.post("/test", response_model=answers.Answer[answers.Classification])
def test_pattern(call: Reading, body: Sample) -> Response:
    """How an event would be classified, and why no earlier pattern would take it. Nothing is recorded."""
    return call.read(
        lambda connection: _tried(rows.rulebook(connection, call.workspace_id), body.event_type, body.error_code)
    )


@router.patch("/{pattern}", response_model=answers.Answer[answers.Pattern])
def change_pattern(call: Writing, pattern: str, body: PatternChanges) -> Response:
    """Switch a pattern, or set its threshold; null restores the built-in one. Your own can be changed altogether."""
    given = body.given()
    changes = {name: value for name, value in given.items() if not name.startswith("threshold_")}
    if len(changes) < len(given):
        changes |= body.threshold_columns()

    def work(connection: Connection) -> object:
        manage_patterns.change_pattern(connection, call.now, call.workspace_id, pattern, changes)
        return _one(call, connection, pattern)

    return call.write(work, message="Pattern changed.")


@router.delete("/{pattern}", response_model=answers.Nothing)
def delete_pattern(call: Writing, pattern: str) -> Response:
    """Delete a pattern of your own."""
    return call.write(
        lambda connection: manage_patterns.delete_pattern(connection, call.workspace_id, pattern),
        message="Pattern deleted.",
    )


def _one(call: Call, connection: Connection, pattern_id: str) -> object:
    pattern = rows.rulebook(connection, call.workspace_id).get(pattern_id)
    return None if pattern is None else _pattern(pattern)


def _pattern(pattern: Pattern) -> dict[str, Any]:
    known = built_in(pattern.id)
    threshold, original = pattern.threshold, known.threshold if known else None
    return {
        "id": pattern.id,
        "name": pattern.name,
        "priority": pattern.priority,
        "eventTypes": sorted(pattern.event_types),
        "errorCodes": sorted(pattern.error_codes),
        "isBuiltIn": pattern.is_built_in,
        "isEnabled": pattern.is_enabled,
        "thresholdCount": threshold.events if threshold else None,
        "thresholdWindowSeconds": threshold.window // SECOND if threshold else None,
        "hasOwnThreshold": threshold != original,
    }


def _tried(rulebook: Rulebook, event_type: str, error_code: str | None) -> dict[str, Any]:
    match = rulebook.classify(event_type, error_code)
    passed = rulebook.passed_over(event_type, error_code)
    return {
        "matched": match is not None,
        "patternId": match.pattern.id if match else None,
        "confidence": match.confidence if match else None,
        "pattern": _pattern(match.pattern) if match else None,
        "passedOver": [{"patternId": pattern.id, "reason": reason} for pattern, reason in passed],
    }

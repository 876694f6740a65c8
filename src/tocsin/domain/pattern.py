"""Patterns: what kind of trouble an event tells of, and how much of it is worth an alert. Pure.

The built-in ones are tried in order, those of a workspace's own among them by priority; the first that matches wins.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tocsin.domain.event import Confidence
from tocsin.domain.model import SECOND

#: So many moments are kept at most: more are there only where a window is tiny beside how late events may come.
_KEPT = 10_000


class Threshold(NamedTuple):
    """So many events within `window` microseconds, both ends included."""

    events: int
    window: int


class Pattern(NamedTuple):
    """A rule that classifies events; types and codes in lower case. `threshold`: the one in force, None for none."""

    id: str
    name: str
    priority: int
    event_types: frozenset[str]
    error_codes: frozenset[str]
    threshold: Threshold | None = None
    is_enabled: bool = True
    is_built_in: bool = False


class PatternSettings(NamedTuple):
    """What a workspace set: for a built-in pattern whether it is on and its threshold; for one of its own everything.

    `threshold_count` None: the built-in threshold, or none; 1: none.
    """

    workspace_id: int
    pattern_id: str
    name: str | None
    priority: int | None
    event_types: tuple[str, ...]
    error_codes: tuple[str, ...]
    is_enabled: bool
    threshold_count: int | None
    threshold_window: int | None


class Classification(NamedTuple):
    """The pattern an event falls under, and how sure we are."""

    pattern: Pattern
    confidence: Confidence


def _built_in(
    priority: int, pattern_id: str, name: str, types: str, codes: str, threshold: tuple[int, int] | None = None
) -> Pattern:
    met = None if threshold is None else Threshold(threshold[0], threshold[1] * SECOND)
    return Pattern(
        pattern_id, name, priority, frozenset(types.split()), frozenset(codes.split()), met, is_built_in=True
    )


BUILT_IN = (
    _built_in(
        1, "auth_failure", "Auth Failure", "token_refresh_failed auth_failed", "401 403 invalid_grant token_expired"
    ),
    _built_in(
        2,
        "webhook_failure_spike",
        "Webhook Failure Spike",
        "webhook_failed webhook_timeout webhook_undeliverable",
        "",
        (10, 300),
    ),
    _built_in(
        3,
        "rate_limit_exceeded",
        "Rate Limit Exceeded",
        "rate_limit_exceeded throttled",
        "429 rate_limit too_many_requests",
    ),
    _built_in(4, "timeout_spike", "Timeout Spike", "request_timeout connection_timeout gateway_timeout", "", (5, 180)),
    _built_in(
        5,
        "task_canceled_spike",
        "Task Canceled Spike",
        "task_canceled operation_canceled request_canceled",
        "",
        (5, 180),
    ),
    _built_in(
        6,
        "validation_failure_spike",
        "Validation Failure Spike",
        "validation_failed schema_validation_failed payload_invalid",
        "400 422",
    ),
    _built_in(
        7,
        "server_error_spike",
        "Server Error Spike",
        "server_error bad_gateway service_unavailable",
        "500 502 503 504",
    ),
    _built_in(
        8,
        "connection_failure",
        "Connection Failure",
        "connection_failed connection_refused connection_reset host_unreachable",
        "econnrefused econnreset",
        (3, 120),
    ),
    _built_in(
        9,
        "service_unavailable",
        "Service Unavailable",
        "service_unavailable dependency_failed circuit_open upstream_unavailable",
        "503 circuit_open",
    ),
    _built_in(
        10,
        "data_sync_failure",
        "Data Sync Failure",
        "sync_failed sync_error data_sync_failed record_sync_failed batch_sync_failed",
        "sync_error data_mismatch mapping_error duplicate_record",
    ),
    _built_in(
        11,
        "ssl_certificate_error",
        "SSL Certificate Error",
        "ssl_error tls_error certificate_error tls_handshake_failed certificate_expired",
        "ssl_error certificate_expired hostname_mismatch",
    ),
    _built_in(
        12,
        "quota_exceeded",
        "Quota Exceeded",
        "quota_exceeded limit_reached storage_full seats_exhausted resource_exhausted",
        "quota_exceeded storage_full over_quota account_limit",
    ),
)
_BUILT_IN_BY_ID = {pattern.id: pattern for pattern in BUILT_IN}


def built_in(pattern_id: str) -> Pattern | None:
    """The built-in pattern of this id, as it comes."""
    return _BUILT_IN_BY_ID.get(pattern_id)


def is_spike(pattern: Pattern) -> bool:
    """Whether many of them in a short time are what it is about: that is evidence by itself."""
    known = built_in(pattern.id)
    return pattern.id.endswith("_spike") or (known is not None and known.threshold is not None)


class Rulebook:
    """The patterns of one workspace, in the order in which they are tried."""

    def __init__(self, settings: Iterable[PatternSettings] = ()) -> None:
        found = dict(_BUILT_IN_BY_ID)
        for one in settings:
            found[one.pattern_id] = _as_set(one)
        # Of equal priority, a workspace's own goes first: it was made in the knowledge of the built-in one.
        self.patterns = sorted(found.values(), key=lambda p: (p.priority, p.is_built_in, p.id))
        self._by_type: dict[str, int] = {}
        self._by_code: dict[str, int] = {}
        for i, pattern in enumerate(self.patterns):
            if pattern.is_enabled:
                self._by_type |= {name: i for name in pattern.event_types if name not in self._by_type}
                self._by_code |= {code: i for code in pattern.error_codes if code not in self._by_code}

    def get(self, pattern_id: str) -> Pattern | None:
        return next((pattern for pattern in self.patterns if pattern.id == pattern_id), None)

    def classify(self, event_type: str, error_code: str | None) -> Classification | None:
        """The first enabled pattern that knows the type or the code; None where none does."""
        name, code = event_type.lower(), (error_code or "").lower()
        nowhere = len(self.patterns)
        first = min(self._by_type.get(name, nowhere), self._by_code.get(code, nowhere))
        if first == nowhere:
            return None
        pattern = self.patterns[first]
        both = name in pattern.event_types and code in pattern.error_codes
        return Classification(pattern, Confidence.HIGH if both or is_spike(pattern) else Confidence.MEDIUM)

    def passed_over(self, event_type: str, error_code: str | None) -> list[tuple[Pattern, str]]:
        """Every pattern tried before the one that matches (all, where none does), and why it was not that one."""
        match = self.classify(event_type, error_code)
        until = len(self.patterns) if match is None else self.patterns.index(match.pattern)
        return [(pattern, _why_not(pattern, event_type, error_code)) for pattern in self.patterns[:until]]


def _as_set(one: PatternSettings) -> Pattern:
    known = built_in(one.pattern_id)
    if known is None:
        base = Pattern(
            one.pattern_id,
            one.name or one.pattern_id,
            one.priority or 0,
            frozenset(name.lower() for name in one.event_types),
            frozenset(code.lower() for code in one.error_codes),
        )
    else:
        base = known
    threshold = base.threshold
    if one.threshold_count is not None:
        has_any = one.threshold_count > 1 and one.threshold_window is not None
        threshold = Threshold(one.threshold_count, one.threshold_window or 0) if has_any else None
    return base._replace(is_enabled=one.is_enabled, threshold=threshold)


def _why_not(pattern: Pattern, event_type: str, error_code: str | None) -> str:
    code = f'error code "{error_code}"' if error_code else "missing error code"
    if not pattern.is_enabled:
        return "It is disabled."
    if not pattern.error_codes:
        return f'Event type "{event_type}" is none of its types, and it knows no error codes.'
    if not pattern.event_types:
        return f"The {code} is none of its codes, and it knows no event types."
    return f'Event type "{event_type}" is none of its types, and the {code} none of its codes.'


def count(moments: Sequence[int], moment: int, threshold: Threshold) -> tuple[list[int], bool]:
    """The counted moments (sorted) with one more, and whether some window that holds it holds enough.

    Events may come in any order: what counts is when they happened, so every window around the new one is looked at.
    """
    counted = list(moments)
    insort(counted, moment)
    least, here = threshold.events - 1, bisect_left(counted, moment)
    firsts = range(max(here - least, 0), min(here, len(counted) - 1 - least) + 1)
    return counted, any(counted[i + least] - counted[i] <= threshold.window for i in firsts)


def still_counting(moments: Sequence[int], threshold: Threshold, earliest: int) -> list[int]:
    """The moments that a window may still hold together with one not before `earliest`."""
    kept = moments[bisect_left(moments, earliest - threshold.window) :]
    return list(kept[-_KEPT:])

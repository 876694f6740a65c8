"""Patterns: the table of the built-in ones, what goes first, and the sliding window against a plain count."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain import pattern as patterns
from tocsin.domain.model import SECOND
from tocsin.domain.pattern import PatternSettings, Rulebook, Threshold

BUILT_IN = Rulebook()


def _settings(pattern_id: str, **fields: Any) -> PatternSettings:
    plain = PatternSettings(1, pattern_id, None, None, (), (), True, None, None)
    return plain._replace(**fields)


def _own(pattern_id: str, priority: int, types: tuple[str, ...] = (), codes: tuple[str, ...] = ()) -> PatternSettings:
    return _settings(pattern_id, name=pattern_id, priority=priority, event_types=types, error_codes=codes)


def _classified(rules: Rulebook, event_type: str, error_code: str | None = None) -> tuple[str, str] | None:
    found = rules.classify(event_type, error_code)
    return None if found is None else (found.pattern.id, found.confidence.value)


@pytest.mark.parametrize(
    ("event_type", "error_code", "expected"),
    [
        ("token_refresh_failed", "401", ("auth_failure", "High")),
        ("auth_failed", "500", ("auth_failure", "Medium")),
        ("auth_failed", None, ("auth_failure", "Medium")),
        ("whatever", "invalid_grant", ("auth_failure", "Medium")),
        ("webhook_failed", "503", ("webhook_failure_spike", "High")),
        ("webhook_failed", "401", ("auth_failure", "Medium")),  # the code is enough for an earlier one
        ("throttled", "429", ("rate_limit_exceeded", "High")),
        ("gateway_timeout", None, ("timeout_spike", "High")),
        ("request_canceled", None, ("task_canceled_spike", "High")),
        ("whatever", "422", ("validation_failure_spike", "High")),
        ("bad_gateway", None, ("server_error_spike", "High")),
        ("service_unavailable", "503", ("server_error_spike", "High")),
        ("dependency_failed", "503", ("server_error_spike", "High")),
        ("dependency_failed", None, ("service_unavailable", "Medium")),
        ("circuit_open", "circuit_open", ("service_unavailable", "High")),
        ("connection_reset", None, ("connection_failure", "High")),  # it has a threshold: a spike too
        ("whatever", "econnrefused", ("connection_failure", "High")),
        ("sync_error", "sync_error", ("data_sync_failure", "High")),
        ("record_sync_failed", None, ("data_sync_failure", "Medium")),
        ("tls_error", "hostname_mismatch", ("ssl_certificate_error", "High")),
        ("storage_full", None, ("quota_exceeded", "Medium")),
        ("whatever", "account_limit", ("quota_exceeded", "Medium")),
        ("AUTH_Failed", "INVALID_grant", ("auth_failure", "High")),
        ("Whatever", "ECONNREFUSED", ("connection_failure", "High")),
        ("auth_failed ", None, None),
        ("auth", "40", None),
        ("whatever", None, None),
        ("whatever", "", None),
        ("401", None, None),  # a code is no type
        ("whatever", "auth_failed", None),
    ],
)
def test_classification(event_type: str, error_code: str | None, expected: tuple[str, str] | None) -> None:
    assert _classified(BUILT_IN, event_type, error_code) == expected


def test_there_are_twelve_in_order() -> None:
    assert [p.priority for p in BUILT_IN.patterns] == list(range(1, 13))
    assert BUILT_IN.patterns == list(patterns.BUILT_IN)
    thresholds = {p.id: (p.threshold.events, p.threshold.window // SECOND) for p in BUILT_IN.patterns if p.threshold}
    assert thresholds == {
        "webhook_failure_spike": (10, 300),
        "timeout_spike": (5, 180),
        "task_canceled_spike": (5, 180),
        "connection_failure": (3, 120),
    }


def test_a_disabled_pattern_is_skipped() -> None:
    rules = Rulebook([_settings("server_error_spike", is_enabled=False)])
    assert _classified(rules, "bad_gateway", "503") == ("service_unavailable", "Medium")
    assert _classified(rules, "service_unavailable", "503") == ("service_unavailable", "High")


@pytest.mark.parametrize(
    ("count", "window", "expected"),
    [(None, None, Threshold(10, 300 * SECOND)), (1, None, None), (1, 60, None), (20, 60, Threshold(20, 60))],
)
def test_thresholds_of_a_built_in_pattern(count: int | None, window: int | None, expected: Threshold | None) -> None:
    rules = Rulebook([_settings("webhook_failure_spike", threshold_count=count, threshold_window=window)])
    pattern = rules.get("webhook_failure_spike")
    assert pattern is not None
    assert pattern.threshold == expected
    assert _classified(rules, "webhook_failed") == ("webhook_failure_spike", "High")


def test_own_patterns_take_their_place_by_priority() -> None:
    early = _own("early", 1, ("auth_failed", "mine"))
    late = _own("late_spike", 100, ("auth_failed", "mine"), ("E1",))
    rules = Rulebook([late, early])
    assert [p.id for p in rules.patterns][:2] == ["early", "auth_failure"]
    assert rules.patterns[-1].id == "late_spike"
    assert _classified(rules, "auth_failed") == ("early", "Medium")
    assert _classified(rules, "nothing", "e1") == ("late_spike", "High")  # by its name


def test_why_the_others_were_passed_over() -> None:
    rules = Rulebook([_settings("auth_failure", is_enabled=False), _own("codes", 3, codes=("77",))])
    told = {pattern.id: reason for pattern, reason in rules.passed_over("throttled", "401")}
    assert told == {
        "auth_failure": "It is disabled.",
        "webhook_failure_spike": 'Event type "throttled" is none of its types, and it knows no error codes.',
        "codes": 'The error code "401" is none of its codes, and it knows no event types.',
    }
    assert len(rules.passed_over("nothing", None)) == len(rules.patterns)


@given(st.sampled_from(sorted({t for p in patterns.BUILT_IN for t in (*p.event_types, *p.error_codes)})), st.data())
def test_it_is_the_first_that_matches(word: str, data: st.DataObject) -> None:
    code = data.draw(st.sampled_from(sorted({c for p in patterns.BUILT_IN for c in p.error_codes})) | st.none())
    first = next((p for p in patterns.BUILT_IN if word in p.event_types or code in p.error_codes), None)
    found = BUILT_IN.classify(word.upper(), code)
    assert (found and found.pattern) == first


MOMENTS = st.lists(st.integers(0, 1000), min_size=1, max_size=40)
THRESHOLDS = st.builds(Threshold, st.integers(2, 6), st.integers(1, 200))


def _is_reached(moments: list[int], threshold: Threshold) -> bool:
    """The plain way: look at the window that ends with each event."""
    return any(
        sum(end - threshold.window <= moment <= end for moment in moments) >= threshold.events for end in moments
    )


@given(MOMENTS, THRESHOLDS)
def test_the_sliding_window_is_a_plain_count(moments: list[int], threshold: Threshold) -> None:
    counted: list[int] = []
    for n, moment in enumerate(moments, 1):
        counted, is_enough = patterns.count(counted, moment, threshold)
        assert is_enough is _is_reached(moments[:n], threshold)
        if is_enough:
            return
        assert all(before <= after for before, after in pairwise(counted))


@given(MOMENTS, THRESHOLDS, st.randoms())
def test_whether_there_are_enough_does_not_hang_on_the_order(
    moments: list[int], threshold: Threshold, random: Any
) -> None:
    def is_reached(order: list[int]) -> bool:
        counted: list[int] = []
        for moment in order:
            counted, is_enough = patterns.count(counted, moment, threshold)
            if is_enough:
                return True
        return False

    other = list(moments)
    random.shuffle(other)
    assert is_reached(moments) is is_reached(other)


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 50)), min_size=1, max_size=60), THRESHOLDS)
def test_what_is_forgotten_would_not_have_counted(told: list[tuple[int, int]], threshold: Threshold) -> None:
    """Events come in the order of receipt, each up to 50 late: forgetting changes nothing."""
    kept: list[int] = []
    everything: list[int] = []
    for received, late in sorted(told):
        kept, is_enough = patterns.count(kept, received - late, threshold)
        everything, truth = patterns.count(everything, received - late, threshold)
        assert is_enough is truth
        if truth:
            return
        kept = patterns.still_counting(kept, threshold, received - 50)

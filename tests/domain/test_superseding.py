"""`o`pened, `x` expanded, `a`gain (reopened), `r`esolved; capital: still pending; `!`: may have arrived."""

import pytest

from tocsin.domain.superseding import Passage, superseded

_KINDS = {"o": "opened", "x": "blastRadiusExpanded", "a": "reopened", "r": "resolved"}


def _passages(story: str) -> list[Passage]:
    return [
        Passage(number, _KINDS[word[0].lower()], word[0].isupper(), word.endswith("!"))
        for number, word in enumerate(story.split())
    ]


@pytest.mark.parametrize(
    ("story", "dropped"),
    [
        ("", []),
        ("O", []),  # nothing supersedes it yet
        ("O R", [0, 1]),
        ("O! R", []),  # it may have arrived: the pager may have an open alert
        ("o! R", []),  # it did arrive
        ("o R", [1]),  # refused for good: there is nothing to close
        ("O X R", [0, 1, 2]),
        ("o! X R", []),
        ("o X! R", []),
        ("O R A", [0, 1]),  # the incident is open again: the pager must hear of that
        ("O R A R", [0, 1, 2, 3]),
        ("o! r! A R", [2, 3]),  # what arrived in an earlier cycle was closed in it
        ("o! R A R", [2, 3]),
        ("o! r A! R", []),
        ("O R! A", []),  # a resolve that may have arrived is no reason to forget the rest
    ],
)
def test_a_trigger_and_its_resolve_are_dropped_together_or_not_at_all(story: str, dropped: list[int]) -> None:
    assert superseded(_passages(story)) == dropped

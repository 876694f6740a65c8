"""Strips: slots or days in a row as states, and the same in words."""

from collections import Counter
from collections.abc import Sequence

from tocsin.dashboard import charts, words

NOTHING = "none"


def padded(outcomes: Sequence[str], length: int) -> list[str]:
    """States of the outcomes, with nothing before the first of them."""
    states = [words.state_of(outcome) for outcome in outcomes][-length:]
    return [NOTHING] * (length - len(states)) + states


def told(states: Sequence[str], empty: str = "empty") -> str:
    """`25 ok, 4 missed, 1 unknown; newest 4 missed`. `empty`: what slots are called in which nothing was."""
    names = [empty if state == NOTHING else words.state_word(state).lower() for state in states]
    counts = ", ".join(f"{number} {name}" for name, number in Counter(names).most_common())
    newest = charts.runs(names)[-1] if names else None
    if newest is None or newest.length == len(names) or newest.state == "ok":
        return counts
    return f"{counts}; newest {newest.length} {newest.state}"

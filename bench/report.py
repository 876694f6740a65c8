"""Tables and gates, printed."""

from collections.abc import Sequence
from typing import NamedTuple

_FIRST, _OTHER = 22, 11


class Gate(NamedTuple):
    """Something that must be reached; `is_met` says whether it was."""

    what: str
    is_met: bool


def print_row(first: str, cells: Sequence[str]) -> None:
    print(f"{first:<{_FIRST}}" + "".join(f"{cell:>{_OTHER}}" for cell in cells), flush=True)


def at_least(what: str, figure: float, least: float) -> Gate:
    return Gate(f"{what}: {figure:,.2f}, at least {least:,g}", figure >= least)


def at_most(what: str, figure: float, most: float) -> Gate:
    return Gate(f"{what}: {figure:,.2f}, at most {most:,g}", figure <= most)


def print_gates(gates: Sequence[Gate]) -> bool:
    """Whether all are met."""
    for gate in gates:
        print(f"  {'met   ' if gate.is_met else 'MISSED'}  {gate.what}")
    print(flush=True)
    return all(gate.is_met for gate in gates)

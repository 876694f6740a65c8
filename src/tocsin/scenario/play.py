"""Play a scenario and find the first thing that came out otherwise than it says.

A scenario is an object: `job` (as in `POST /jobs`, without key and name), or `integration` with the `pattern` its
events fall under (as in `PATCH /patterns`); `workspace` (its windows), `tenants`, `steps`, `until`, and what to
`expect`. Times are seconds from the scenario's 0, or ISO 8601 with a zone.
"""

from typing import Any

from pydantic import ValidationError

from tocsin.application.errors import Refused
from tocsin.domain.model import SECOND, Windows
from tocsin.scenario.world import World
from tocsin.store.views_scenario import Told
from tocsin.wire_time import iso, parse_iso

#: The moment that scenarios in seconds count from: 2026-01-01T00:00:00Z.
ZERO = 1_767_225_600 * SECOND

Scenario = dict[str, Any]


class Unplayable(ValueError):  # noqa: N818 -- says what is wrong with the scenario, not with us
    """The scenario cannot be played; the message says why."""


def play(scenario: Scenario) -> str | None:
    """None if everything came out as the scenario expects, else its first difference in a sentence."""
    if "job" not in scenario and "integration" not in scenario:
        raise Unplayable("the scenario is neither of a `job` nor of an `integration`")
    steps = sorted(scenario["steps"], key=lambda step: _moment(step["at"]))
    began_at = min([_moment(step["at"]) for step in steps] + [ZERO] * isinstance(scenario["until"], int | float))
    world = World(began_at, _windows(scenario.get("workspace", {})))
    try:
        for tenant in scenario.get("tenants", []):
            world.add_tenant(tenant)
        if "job" in scenario:
            world.make_job(scenario["job"])
        if "parent" in scenario:
            world.make_parent(scenario["parent"])
        if "pattern" in scenario:
            world.set_pattern(scenario["pattern"])
        for step in steps:
            _take(world, step)
        world.pass_time(_moment(scenario["until"]))
        return _first_difference(scenario["expect"], world.outcome())
    except (Refused, ValidationError, KeyError, ValueError) as error:
        raise Unplayable(str(error)) from error
    finally:
        world.close()


def _take(world: World, step: dict[str, Any]) -> None:
    moment = _moment(step["at"])
    world.pass_time(moment - 1)  # a check-in at the very moment of a deadline is in time
    world.now = max(world.now, moment)
    if "checkin" in step:
        occurred = step["checkin"].get("occurredAt")
        world.check_in(step["checkin"], None if occurred is None else _moment(occurred))
    elif "event" in step:
        occurred = step["event"].get("occurredAt")
        world.report(step["event"], None if occurred is None else _moment(occurred))
    elif "away" in step:
        world.be_away(_moment(step["away"][1]))
    else:
        world.act(step["do"], step)


def _moment(value: Any) -> int:
    return parse_iso(value) if isinstance(value, str) else ZERO + round(value * SECOND)


def _windows(fields: dict[str, Any]) -> Windows:
    default = Windows()
    return Windows(
        *(
            fields[name] * SECOND if name in fields else kept
            for name, kept in zip(
                ("recoveryWindowSeconds", "closeWindowSeconds", "cooldownWindowSeconds"), default, strict=True
            )
        )
    )


def _first_difference(expect: dict[str, Any], told: Told) -> str | None:
    for what, wanted, got in (
        ("runs", *_runs(expect, told)),
        ("stream", *_streams(expect, told)),
        ("incidents", *_incidents(expect, told)),
        ("alerts", *_alerts(expect, told)),
        ("held", *_held(expect, told)),
    ):
        for i in range(max(len(wanted), len(got))):
            left = wanted[i] if i < len(wanted) else "nothing"
            right = got[i] if i < len(got) else "nothing"
            if left != right:
                return f"{what}: expected {left}, got {right}"
    return None


def _runs(expect: dict[str, Any], told: Told) -> tuple[list[str], list[str]]:
    omits_ok = expect.get("runsOmitOk", False)
    wanted = sorted(expect["runs"], key=lambda r: (_moment(r["at"]), r["tenant"], r["outcome"]))
    got = sorted(
        (r for r in told.runs if not (omits_ok and r.outcome == "ok")), key=lambda r: (r.at, r.tenant, r.outcome)
    )
    shows_slot = [("slot" in run) for run in wanted] + [False] * len(got)
    return (
        [
            _run(r["tenant"], r["outcome"], _moment(r["at"]), _moment(r["slot"]) if "slot" in r else None)
            for r in wanted
        ],
        [
            _run(r.tenant, r.outcome, r.at, r.expected_at if shows else None)
            for r, shows in zip(got, shows_slot, strict=False)
        ],
    )


def _run(tenant: str, outcome: str, at: int, slot: int | None) -> str:
    return f"{tenant} {outcome} at {iso(at)}" + ("" if slot is None else f" for the slot {iso(slot)}")


def _streams(expect: dict[str, Any], told: Told) -> tuple[list[str], list[str]]:
    wanted = sorted(expect["stream"].items())
    names = [name for name, _ in wanted]
    return (
        [f"{name} with {missed} missed runs" for name, missed in wanted],
        [f"{name} with {told.missed_runs.get(name, 'no')} missed runs" for name in names],
    )


def _incidents(expect: dict[str, Any], told: Told) -> tuple[list[str], list[str]]:
    return (
        [
            _incident([(_moment(at), was, now) for at, was, now in i["transitions"]], i["tenants"], i["reopenCount"])
            for i in expect["incidents"]
        ],
        [_incident(i.transitions, i.tenants, i.reopen_count) for i in told.incidents],
    )


def _incident(transitions: list[tuple[int, str | None, str]], tenants: list[str], reopen_count: int) -> str:
    steps = ", ".join(f"{was or '–'} → {now} at {iso(at)}" for at, was, now in transitions)
    return f"[{steps}] of {sorted(tenants)}, reopened {reopen_count} times"


def _alerts(expect: dict[str, Any], told: Told) -> tuple[list[str], list[str]]:
    return (
        [_alert(_moment(at), kind, tenants) for at, kind, tenants in expect["alerts"]],
        [_alert(*alert) for alert in told.alerts],
    )


def _held(expect: dict[str, Any], told: Told) -> tuple[list[str], list[str]]:
    return (
        [f"{kind} at {iso(_moment(at))}: {why}" for at, kind, why in expect.get("held", [])],
        [f"{kind} at {iso(at)}: {why}" for at, kind, why in told.held],
    )


def _alert(at: int, kind: str, tenants: list[str]) -> str:
    return f"{kind} at {iso(at)} of {sorted(tenants)}"

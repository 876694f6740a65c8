"""The tenant grid: every tenant of a job, and its last slots in columns that stand below each other."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Sequence
from functools import cache
from itertools import groupby
from typing import NamedTuple

from tocsin.dashboard import words
from tocsin.domain import crontab
from tocsin.domain.ids import to_uuid
from tocsin.domain.model import FAILING, SECOND
from tocsin.domain.schedule import Crontab, Schedule
from tocsin.store.views_stats_strips import SLOTS, GridRow, Slot

_CELL = 16
_TALLEST = 40.0
#: So few failures draw no tall column.
_LEAST_SCALE = 4
#: What failed, from the foot of a column up.
_STACKED = ("missed", "error", "timeout")
_FAILING = frozenset(_STACKED)
_state_of = cache(words.state_of)


class Rect(NamedTuple):
    x: int
    width: int
    state: str


class Line(NamedTuple):
    """A tenant; `id` is ours. `now`: state, and its word (empty: the state's own); `since`: of a run in progress. Of a
    thousand tenants a few dozen are drawn: what only drawing needs is made then."""

    tenant_id: int
    external_id: str
    name: str
    now: str
    word: str
    since: int | None
    last_success_at: int | None
    cells: Sequence[Slot | None]
    states: Sequence[str]

    @property
    def id(self) -> str:
        return to_uuid(self.tenant_id)

    @property
    def failed(self) -> bool:
        return not _FAILING.isdisjoint(self.states)

    @property
    def rects(self) -> list[Rect]:
        rects, x = [], 0
        for state, same in groupby(self.states):
            width = len(list(same)) * _CELL
            rects.append(Rect(x, width, state))
            x += width
        return rects

    @property
    def label(self) -> str:
        """`Last 30 slots: 25 ok, 4 missed, 1 unknown; newest 4 missed`."""
        counts = Counter(state for state in self.states if state != "none")
        if not counts:
            return "Nothing heard yet"
        said = ", ".join(f"{count} {words.state_word(state).lower()}" for state, count in counts.most_common())
        newest, same = next((state, len(list(same))) for state, same in groupby(reversed(self.states)))
        tail = f"; newest {same} {words.state_word(newest).lower()}" if newest in _FAILING else ""
        return f"Last {sum(counts.values())} slots: {said}{tail}"

    @property
    def moments(self) -> str:
        """What the script reads to tell of a cell: seconds since 1970 and then differences, empty where nothing was."""
        told, before = [], 0
        for cell in self.cells:
            if cell is None:
                told.append("")
                continue
            seconds = cell.at // SECOND
            told.append(str(seconds - before))
            before = seconds
        return ",".join(told)


class Bar(NamedTuple):
    """A piece of a column: what failed in that slot."""

    x: int
    y: float
    height: float
    state: str


class Columns(NamedTuple):
    """`times`: when the first, the middle and the last slot was; None where nobody knows."""

    bars: list[Bar]
    times: list[int | None]
    label: str


class Grid(NamedTuple):
    columns: Columns
    affected: list[Line]
    busy: list[Line]
    failed: list[Line]
    calm: list[Line]

    @property
    def total(self) -> int:
        return sum(map(len, self[1:]))

    @property
    def lines(self) -> list[Line]:
        return [*self.affected, *self.busy, *self.failed, *self.calm]


def draw_grid(rows: Sequence[GridRow], schedule: Schedule, now: int, late: Collection[int] = ()) -> Grid:
    """`late`: streams whose run is overdue."""
    times = _slot_times(schedule, now) if isinstance(schedule, Crontab) else []
    groups: dict[str, list[Line]] = {"affected": [], "busy": [], "failed": [], "calm": []}
    for row in rows:
        line = _line(row, _placed(row.slots, times), row.stream_id in late)
        groups[_group(row, line)].append(line)
    return Grid(_columns([line for group in groups.values() for line in group], times), **groups)


def _slot_times(schedule: Crontab, now: int) -> list[int]:
    """The latest slots on the clock, oldest first: in them tenants stand below each other."""
    table = crontab.timetable(*schedule)
    times = [table.at_or_before(now)]
    while len(times) < SLOTS:
        times.append(table.before(times[-1]))
    return times[::-1]


def _placed(slots: Sequence[Slot], times: Sequence[int]) -> list[Slot | None]:
    """The cells of a tenant, oldest first. Without times the newest stand at the right."""
    if not times:
        return [*[None] * (SLOTS - len(slots)), *slots[-SLOTS:]]
    cells: list[Slot | None] = [None] * SLOTS
    for _, same in groupby(slots, key=id):
        # A long silence is one run that stands for the slots after it, too.
        for further, slot in enumerate(same):
            column = bisect_right(times, slot.at if slot.expected_at is None else slot.expected_at) - 1 + further
            if 0 <= column < SLOTS:
                cells[column] = slot
    return cells


def _line(row: GridRow, cells: Sequence[Slot | None], is_late: bool) -> Line:
    now, word = _now(row, is_late)
    since = row.slots[-1].at if now == "progress" else None
    states = ["none" if cell is None else _state_of(cell.state) for cell in cells]
    return Line(row.tenant_id, row.external_id, row.name, now, word, since, row.last_success_at, cells, states)


def _now(row: GridRow, is_late: bool) -> tuple[str, str]:
    """The state that a tenant is in, with its word."""
    latest = row.slots[-1].state if row.slots else ""
    if row.missed_runs:
        return "missed", f"{words.number(row.missed_runs)} missed"
    if row.is_affected:
        return (latest, "") if latest in FAILING else ("error", "Down")
    if latest == "in_progress":
        return "progress", ""
    if is_late:
        return "late", ""
    return ("up", "") if row.slots else ("new", "")


def _group(row: GridRow, line: Line) -> str:
    if row.is_affected:
        return "affected"
    if line.now in {"progress", "late", "missed"}:
        return "busy"
    return "failed" if line.failed else "calm"


def _columns(lines: Sequence[Line], times: Sequence[int]) -> Columns:
    counts = [Counter(states) for states in zip(*(line.states for line in lines), strict=True)] or [Counter()] * SLOTS
    failing = [sum(count[state] for state in _FAILING) for count in counts]
    scale = _TALLEST / max([_LEAST_SCALE, *failing])
    bars = [bar for column, count in enumerate(counts) for bar in _bars(column, count, scale)]
    shown = [times[column] if times else _latest(lines, column) for column in (0, SLOTS // 2, SLOTS - 1)]
    ends = ", ".join(
        f"{count} in the newest but {SLOTS - 1 - at}" if at < SLOTS - 1 else f"{count} in the newest"
        for at, count in enumerate(failing)
        if count
    )
    return Columns(bars, shown, f"Tenants that failed in each slot: {ends or 'none'}")


def _bars(column: int, count: Counter[str], scale: float) -> list[Bar]:
    x, top, bars = column * _CELL + 1, 44.0, []
    for state in _STACKED:
        if count[state]:
            height = max(count[state] * scale, 1.4)
            top -= height
            bars.append(Bar(x, round(top, 1), round(height, 1), state))
    if not bars and count["ok"]:
        bars.append(Bar(x, 42, 2, "ok"))
    return bars


def _latest(lines: Sequence[Line], column: int) -> int | None:
    """When a column was, for tenants that are counted each from their own last success."""
    known = sorted(cell.at for line in lines if (cell := line.cells[column]) is not None)
    return known[len(known) // 2] if known else None

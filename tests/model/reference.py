"""A naive Tocsin for one interval job: every second is lived through, nothing is clever. Written from the contract."""

from dataclasses import dataclass, field

INTERVAL, GRACE = 60, 20
WINDOW, MARGIN = INTERVAL + GRACE, 6
MAX_RUNTIME = 100
RECOVERY, CLOSE, COOLDOWN = 30, 60, 90
#: A success so soon after another one is its duplicate.
DUPLICATE = 6


@dataclass(frozen=True)
class Rules:
    mode: str
    misses: int
    tenants: int
    failures: int | None
    recovery: int


@dataclass
class Stream:
    since: int
    is_watched: bool = True
    anchor: int = 0
    is_fresh: bool = True  # the anchor is the moment expectation began, not a success
    missed: int = 0
    not_counted: int = 0
    failures: int = 0
    failures_not_counted: int = 0
    successes: int = 0
    is_affected: bool = False
    unknown_by: int | None = None
    was_timeout_forgiven: bool = False
    begun: list[int] = field(default_factory=list)
    open: list[int] = field(default_factory=list)
    rows: list[tuple[int, str]] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)  # outcomes of the silent slots in a row
    last_success: int | None = None
    repeatable_until: int = -1

    def __post_init__(self) -> None:
        self.anchor = self.since


@dataclass
class Incident:
    timeline: list[tuple[int, str]]
    reopened: int = 0
    ever: set[str] = field(default_factory=set)
    cycle: set[str] = field(default_factory=set)
    told: int = 0
    told_at: int = 0
    expansions: int = 0
    clock: int | None = None  # seconds that its clock has run; None: nothing runs
    is_announced: bool = False

    @property
    def status(self) -> str:
        return self.timeline[-1][1]


class Reference:
    """What must be true after everything that happened; moments in whole seconds."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.now = 0
        self.is_active = True
        self.streams: dict[str, Stream] = {}
        self.inactive: set[str] = set()
        self.incidents: list[Incident] = []
        self.alerts: list[tuple[int, str]] = []
        self.absences: list[tuple[int, int]] = []

    # --- time -----------------------------------------------------------------------------------------------------

    def pass_time(self, until: int) -> None:
        while self.now < until:
            self._judge_deadlines()
            self._judge_timeouts()
            self.now += 1
            self._run_clock()

    def be_away(self, until: int) -> None:
        self.absences.append((self.now, until))

    def _judge_deadlines(self) -> None:
        worse = set()
        for name, stream in self.streams.items():
            passed = self.now - stream.anchor
            is_due = self.is_active and stream.is_watched and passed > 0 and passed % WINDOW == 0
            if is_due and self._judge_slot(stream):
                worse.add(name)
        self._got_worse(worse)

    def _judge_slot(self, stream: Stream) -> bool:
        first = stream.is_fresh and self.now - stream.anchor == WINDOW
        was_reported = any(self.now - WINDOW < at <= self.now or (first and at == stream.anchor) for at in stream.begun)
        forgiver = self._forgiver(stream)
        outcome = "missed" if forgiver is None else "unknown"
        if was_reported:
            stream.silent = []
        else:
            same = stream.silent and stream.silent[-1] == outcome
            stream.silent = [*stream.silent, outcome] if same else [outcome]
            if len(stream.silent) <= 9:
                stream.rows.append((self.now, outcome))
        stream.unknown_by = forgiver
        if forgiver is not None:
            stream.anchor, stream.is_fresh = self.now - GRACE, False
            return False
        stream.missed += 1
        stream.failures += not was_reported
        stream.successes = 0
        return True

    def _forgiver(self, stream: Stream) -> int | None:
        start, end = self.now - GRACE - MARGIN, self.now
        touching = [i for i, (left, back) in enumerate(self.absences) if left < end and back > start]
        is_inside = all(self._is_away(second) for second in range(start, end))
        if not touching:
            return None
        if stream.unknown_by is None or is_inside:
            return touching[-1]
        return stream.unknown_by if stream.unknown_by in touching else None

    def _is_away(self, second: int) -> bool:
        return any(left <= second < back for left, back in self.absences)

    def _judge_timeouts(self) -> None:
        worse = set()
        for name, stream in self.streams.items():
            for start in [s for s in stream.open if s + MAX_RUNTIME == self.now]:
                stream.open.remove(start)
                was_away = any(self._is_away(second) for second in range(start, self.now))
                if not self.is_active:
                    stream.rows.append((self.now, "unknown"))
                elif was_away and not stream.was_timeout_forgiven:
                    stream.was_timeout_forgiven = True
                    stream.rows.append((self.now, "unknown"))
                else:
                    stream.was_timeout_forgiven = False
                    stream.rows.append((self.now, "timeout"))
                    stream.failures += 1
                    stream.successes = 0
                    worse.add(name)
        self._got_worse(worse)

    # --- what people and jobs do ----------------------------------------------------------------------------------

    def check_in(self, name: str, kind: str) -> bool:
        """False: the tenant is deactivated."""
        if name in self.inactive:
            return False
        stream = self.streams.setdefault(name, Stream(self.now))
        if not stream.is_watched:
            self._expect_anew(stream)
        is_red = stream.missed or stream.failures
        if kind == "success" and self.now < stream.repeatable_until and not stream.open and not is_red:
            stream.last_success = stream.anchor = self.now
            return True
        stream.repeatable_until = self.now + DUPLICATE if kind == "success" else -1
        if kind == "start":
            stream.open.append(self.now)
            stream.begun.append(self.now)
            return True
        if stream.open:
            stream.open.pop()
        else:
            stream.begun.append(self.now)
        stream.was_timeout_forgiven = False
        if kind == "success":
            self._succeed(name, stream)
        else:
            stream.rows.append((self.now, "error"))
            stream.failures += 1
            stream.successes = 0
            self._got_worse({name})
        return True

    def _succeed(self, name: str, stream: Stream) -> None:
        stream.rows.append((self.now, "ok"))
        stream.last_success = stream.anchor = self.now
        stream.is_fresh = False
        stream.missed = stream.not_counted = stream.failures = stream.failures_not_counted = 0
        stream.silent, stream.unknown_by = [], None
        stream.successes += 1
        if stream.is_affected and stream.successes >= self.rules.recovery:
            stream.is_affected = False
            self._calm_down()

    def _expect_anew(self, stream: Stream) -> None:
        stream.is_watched = stream.is_fresh = True
        stream.since = stream.anchor = self.now
        stream.missed = stream.not_counted = 0
        stream.silent, stream.unknown_by = [], None

    def pause(self) -> None:
        self.is_active = False
        self._close_live()
        self._count_from_zero()

    def resume(self) -> None:
        self.is_active = True
        for stream in self.streams.values():
            if stream.is_watched:
                self._expect_anew(stream)

    def resolve(self) -> None:
        self._close_live()
        self._count_from_zero()

    def deactivate(self, name: str) -> None:
        self.inactive.add(name)
        stream = self.streams.get(name)
        if stream is not None and stream.is_watched:
            stream.is_watched = False
            was_affected, stream.is_affected = stream.is_affected, False
            if was_affected and not self._affected():
                self._close_live()

    def activate(self, name: str) -> None:
        self.inactive.discard(name)
        if name in self.streams:
            self._expect_anew(self.streams[name])

    def _count_from_zero(self) -> None:
        for stream in self.streams.values():
            stream.not_counted, stream.failures_not_counted = stream.missed, stream.failures
            stream.is_affected = False

    # --- incidents ------------------------------------------------------------------------------------------------

    def live(self) -> Incident | None:
        return self.incidents[-1] if self.incidents and self.incidents[-1].status != "Closed" else None

    def counts(self, stream: Stream) -> bool:
        least = 1 if self.rules.mode == "any" else self.rules.misses
        return stream.is_watched and stream.missed - stream.not_counted >= least

    def _fails(self, stream: Stream) -> bool:
        limit = self.rules.failures
        return limit is not None and stream.failures - stream.failures_not_counted >= limit

    def _affected(self) -> set[str]:
        return {name for name, stream in self.streams.items() if stream.is_affected}

    def _got_worse(self, names: set[str]) -> None:
        bad = {n for n in names if self.is_active and self._is_bad(self.streams[n])}
        if not bad:
            return
        newly = {name for name in bad if not self.streams[name].is_affected}
        for name in bad:
            self.streams[name].is_affected = True
        incident = self.live()
        if incident is None:
            if any(self._opens(self.streams[name]) for name in bad):
                self._open()
        elif incident.status == "Recovering":
            self._reopen(incident)
        elif newly:
            self._join(incident, newly)

    def _is_bad(self, stream: Stream) -> bool:
        return stream.is_watched and (self.counts(stream) or self._fails(stream))

    def _opens(self, stream: Stream) -> bool:
        late = sum(self.counts(other) for other in self.streams.values())
        is_long = self.rules.mode == "any" and stream.missed - stream.not_counted >= self.rules.misses
        return self._fails(stream) or is_long or late >= self.rules.tenants

    def _open(self) -> None:
        last = self.incidents[-1] if self.incidents else None
        cooldown = max(COOLDOWN, (self.rules.misses + 1) * WINDOW)
        if last is not None and self._ran_since(last.timeline[-1][0]) <= cooldown:
            self._reopen(last)
            return
        self.incidents.append(Incident([(self.now, "Open")]))
        self._begin_cycle(self.incidents[-1], "opened")

    def _reopen(self, incident: Incident) -> None:
        incident.timeline.append((self.now, "Open"))
        incident.reopened += 1
        self._begin_cycle(incident, "reopened")

    def _begin_cycle(self, incident: Incident, kind: str) -> None:
        incident.clock, incident.expansions, incident.is_announced = None, 0, True
        incident.cycle = self._affected()
        incident.ever |= incident.cycle
        self._tell(incident, kind)

    def _join(self, incident: Incident, names: set[str]) -> None:
        incident.clock = None
        incident.cycle |= names
        incident.ever |= names
        if incident.told_at == self.now:
            incident.told = len(incident.cycle)
        else:
            self._expand(incident)

    def _expand(self, incident: Incident) -> None:
        if incident.status != "Open" or len(incident.cycle) <= incident.told:
            return
        waited = self.now - incident.told_at
        has_doubled = waited >= 30 and len(incident.cycle) >= 2 * incident.told
        if incident.expansions == 0 or has_doubled or waited >= 3600:
            incident.expansions += 1
            self._tell(incident, "blastRadiusExpanded")

    def _tell(self, incident: Incident, kind: str) -> None:
        self.alerts.append((self.now, kind))
        incident.told, incident.told_at = len(incident.cycle), self.now

    def _calm_down(self) -> None:
        incident = self.live()
        if incident is not None and incident.status == "Open" and not self._affected() and incident.clock is None:
            incident.clock = 0

    def _run_clock(self) -> None:
        incident = self.live()
        if incident is None:
            return
        self._expand(incident)
        if incident.clock is None or self._is_away(self.now - 1):
            return
        incident.clock += 1
        if incident.status == "Open" and incident.clock == RECOVERY:
            incident.timeline.append((self.now, "Recovering"))
            incident.clock = 0
        elif incident.status == "Recovering" and incident.clock == CLOSE:
            self._close_live()

    def _close_live(self) -> None:
        incident = self.live()
        if incident is not None:
            incident.timeline.append((self.now, "Closed"))
            incident.clock = None
            self.alerts.append((self.now, "resolved"))

    def _ran_since(self, moment: int) -> int:
        return sum(not self._is_away(second) for second in range(moment, self.now))

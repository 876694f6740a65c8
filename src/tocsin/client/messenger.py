"""Reports a run while it runs. Whatever the server, the network or the disk does, the run is not held up by it."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from tocsin.clock import Clock, stopwatch

if TYPE_CHECKING:  # loaded while the command runs already
    from tocsin.client.courier import Courier
    from tocsin.client.destination import Post, Verdict
    from tocsin.client.report import Report
    from tocsin.client.spool import Entry, Spool

_SECOND = 1_000_000
#: How long one request may take while the command runs.
_UNHURRIED = 5.0
#: Seconds between tries when the command has ended, and answers for which there is no second.
_PAUSE, _HOPELESS = 0.5, (401, 403)
#: Seconds for which a report is fresh: if its moment is refused then, this machine's clock is wrong.
_FRESH = 60
#: Seconds for what needs no server: to load, to read the key, to write the start down. It takes some milliseconds.
_LOCAL = 10


class Means(NamedTuple):
    """What it takes to deliver: how to reach the server, and where reports wait."""

    post: "Post"
    spool: "Spool"


class _Own:
    """A report of this run. `entry` is None where the spool cannot be used: `problem` says why."""

    def __init__(self, report: "Report", entry: "Entry | None", problem: str) -> None:
        self.report = report
        self.entry = entry
        self.problem = problem
        self.is_settled = False


class Messenger:
    """One run's two reports. All that can hang is done by a thread that nobody has to wait for.

    `means` is called in that thread, and raises ValueError with a sentence where nothing can be reported.
    `patience`: seconds for which the end of the run may wait for the server.
    """

    def __init__(self, means: Callable[[], Means], clock: Clock, patience: float) -> None:
        self._find_means = means
        self._means: Means | None = None
        self._clock = clock
        self._patience = patience
        self._lines: dict[str, None] = {}  # each sentence once, in order
        self._own: list[_Own] = []
        self._guard = threading.Lock()
        self._watch = stopwatch()
        self._ends_at: float | None = None  # seconds on that watch: when nobody waits any more
        self._has_given_up = False
        self._is_ready, self._has_result, self._is_done = threading.Event(), threading.Event(), threading.Event()

    def begin(self, start: "Report") -> None:
        """The command was started. Returns at once."""
        try:
            threading.Thread(target=self._work, args=(start,), name="messenger", daemon=True).start()
        except RuntimeError as error:  # this machine has no thread left
            self.say(f"nothing was reported: {error}")
            self._is_ready.set()

    def finish(self, result: "Report") -> list[str]:
        """The command has ended. Returns with what should be said: when all is delivered, or after `patience`."""
        self._ends_at = self._now() + self._patience
        self._is_ready.wait(_LOCAL)
        if self._means is None:  # which was said
            return list(self._lines)
        self._keep(self._means.spool, result)
        self._has_result.set()
        self._is_done.wait(max(self._ends_at - self._now(), 0))
        self._conclude(self._means.spool)
        return list(self._lines)

    def say(self, sentence: str) -> None:
        self._lines.setdefault(sentence)

    # --- in the thread ------------------------------------------------------------------------------------------------

    def _work(self, start: "Report") -> None:
        try:
            self._means = self._find_means()
            self._report(self._means, start)
        except ValueError as error:
            self.say(f"nothing was reported: {error}")
        except Exception as error:  # noqa: BLE001 -- whatever it is, it must not touch the command
            self.say(f"reporting failed: {type(error).__name__}: {error}")
        finally:
            self._is_ready.set()
            self._is_done.set()

    def _report(self, means: Means, start: "Report") -> None:
        from tocsin.client.courier import Courier

        self._keep(means.spool, start)
        self._is_ready.set()
        courier = Courier(means.post, self.say, self._seconds)
        if self._drain(courier, means.spool):
            self._bring(courier)
        self._has_result.wait()
        while not self._bring(courier) and self._may_try_again():
            threading.Event().wait(min(_PAUSE, self._seconds()))
        if all(own.is_settled for own in self._own):
            self._drain(courier, means.spool)

    def _may_try_again(self) -> bool:
        """A server that is just being restarted is worth the patience: the next run may be a day away."""
        return self._status not in _HOPELESS and self._seconds() > _PAUSE

    def _drain(self, courier: "Courier", spool: "Spool") -> bool:
        """Brings what waited before, the oldest first; False where the server cannot be reached."""
        return courier.drain(spool, self._clock.now()).verdict is None

    def _bring(self, courier: "Courier") -> bool:
        """Brings this run's reports in order, before all that waited: silence would be taken for a missed run."""
        for own in [own for own in self._own if not own.is_settled]:
            is_fresh = self._now() < _FRESH or own is not self._own[0]
            verdict = courier.bring_fresh(own.report) if is_fresh else courier.bring(own.report)
            if not self._settle(own, verdict):
                return False
        return True

    def _settle(self, own: _Own, verdict: "Verdict") -> bool:
        from tocsin.client.destination import Fate

        if verdict.fate is Fate.WAITS:
            self._reason, self._status = verdict.sentence, verdict.status
            return False
        with self._guard:
            own.is_settled = True
            if own.entry is not None and not self._has_given_up:
                own.entry.done()
        return True

    # --- in either ----------------------------------------------------------------------------------------------------

    _reason, _status = "did not answer in time", 0

    def _keep(self, spool: "Spool", report: "Report") -> None:
        """Writes the report down before it is sent, so that it outlives this process."""
        from tocsin.client.spool import SpoolError

        try:
            self._own.append(_Own(report, spool.put(report), ""))
        except SpoolError as error:
            self._own.append(_Own(report, None, str(error)))

    def _conclude(self, spool: "Spool") -> None:
        with self._guard:
            self._has_given_up = True
            left = [own for own in self._own if not own.is_settled]
        for own in left:
            if own.entry is not None:
                own.entry.leave()
        if not left:
            return
        self.say(f"{spool.url} {self._reason}")
        lost = [own for own in left if own.entry is None]
        for own in lost[-1:]:
            self.say(f"what this run reported is lost, as the spool cannot be used: {own.problem}")
        if len(left) > len(lost):
            self.say(
                f"what this run reported waits in {spool.folder} for the next `tocsin exec` or `tocsin spool send`"
            )

    def _seconds(self) -> float:
        """How long the next request may take."""
        return _UNHURRIED if self._ends_at is None else max(self._ends_at - self._now(), 0)

    def _now(self) -> float:
        return self._watch() / _SECOND

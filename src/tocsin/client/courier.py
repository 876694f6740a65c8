"""Brings reports to the server: one, or all that wait."""

from collections.abc import Callable
from typing import NamedTuple

from tocsin.client.destination import Fate, Post, Verdict, send
from tocsin.client.report import Report
from tocsin.client.spool import OLDEST, Entry, Spool
from tocsin.wire_time import iso

_STATUS_OF_WRONG_FIELD = 422


class Drained(NamedTuple):
    """How many reports were delivered, and were dropped; `verdict` is the one that stopped it, if any did."""

    delivered: int = 0
    dropped: int = 0
    verdict: Verdict | None = None


class Courier:
    """`say` takes a sentence for people; `seconds` tells how long the next request may take, and is 0 when it is time
    to stop."""

    def __init__(self, post: Post, say: Callable[[str], None], seconds: Callable[[], float]) -> None:
        self._post = post
        self._say = say
        self._seconds = seconds

    def bring(self, report: Report) -> Verdict:
        """One report. If it is refused, that is said: it will not be sent again."""
        seconds = self._seconds()
        if seconds <= 0:
            return Verdict(Fate.WAITS, "there was no time left")
        verdict = send(self._post, report, seconds)
        if verdict.fate is Fate.REFUSED:
            self._say(
                f"the {report.status} of {report.job} at {iso(report.occurred_at)} was refused: {verdict.sentence}"
            )
        return verdict

    def bring_fresh(self, report: Report) -> Verdict:
        """A report of just now: if its moment is refused, this machine's clock is wrong, and the server's counts."""
        refusals: list[str] = []
        verdict = Courier(self._post, refusals.append, self._seconds).bring(report)
        if verdict.status == _STATUS_OF_WRONG_FIELD and "occurredAt" in verdict.sentence:
            self._say("this machine's clock is wrong: the server's time was taken instead")
            return self.bring(report.as_of_now())
        for sentence in refusals:
            self._say(sentence)
        return verdict

    def drain(self, spool: Spool, now: int) -> Drained:
        """Everything that waits, the oldest first, until one has to go on waiting. Does nothing while somebody else is
        at it: they deliver it all."""
        with spool.alone() as is_alone:
            return self._drain(spool, now) if is_alone else Drained()

    def _drain(self, spool: Spool, now: int) -> Drained:
        delivered = 0
        dropped = self._tidy(spool)
        for name in spool.waiting():
            entry = self._take(spool, name)
            if entry is None:
                continue
            verdict = self._verdict(entry, now)
            if verdict.fate is Fate.WAITS:
                entry.leave()
                return Drained(delivered, dropped, verdict)
            entry.done()
            delivered += verdict.fate is Fate.DELIVERED
            dropped += verdict.fate is Fate.REFUSED
        return Drained(delivered, dropped)

    def _verdict(self, entry: Entry, now: int) -> Verdict:
        report = entry.report
        if report.occurred_at >= now - OLDEST:
            return self.bring(report)
        self._say(
            f"the {report.status} of {report.job} at {iso(report.occurred_at)} waited for a week, and was dropped"
        )
        return Verdict(Fate.REFUSED)

    def _take(self, spool: Spool, name: str) -> Entry | None:
        try:
            return spool.take(name)
        except ValueError:
            self._say(f"{name} in the spool was no report, and was dropped")
            return None

    def _tidy(self, spool: Spool) -> int:
        dropped = spool.make_room()
        if dropped:
            self._say(f"too many reports were waiting: the oldest {dropped} were dropped")
        return dropped

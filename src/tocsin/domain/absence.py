"""While we ourselves are away, nobody is silent: what absences do to spans and clocks."""

from collections.abc import Sequence

from tocsin.domain.model import Absence


def overlapping(absences: Sequence[Absence], from_at: int, until_at: int) -> list[Absence]:
    """Those absences that share time with the span, in order."""
    return [a for a in absences if a.from_at < until_at and a.until_at > from_at] if absences else []


def covers(absences: Sequence[Absence], from_at: int, until_at: int) -> bool:
    """Whether the span lies wholly inside absences."""
    reached = from_at
    for absence in sorted(absences, key=lambda a: a.from_at):
        if absence.from_at > reached:
            break
        reached = max(reached, absence.until_at)
    return reached >= until_at


def forgiving(absences: Sequence[Absence], from_at: int, until_at: int, forgiven_before: int | None) -> int | None:
    """The id of the absence that makes a run expected within the span unknown, or None.

    `forgiven_before` is the absence that made the slot before unknown: another one that merely touches this span does
    not forgive again, so that a nightly restart cannot forgive a dead job for ever.
    """
    touching = overlapping(absences, from_at, until_at)
    if not touching:
        return None
    if forgiven_before is None or covers(touching, from_at, until_at):
        return touching[-1].id
    return forgiven_before if any(a.id == forgiven_before for a in touching) else None


def due_at(start_at: int, duration: int, absences: Sequence[Absence]) -> int:
    """When a clock started at `start_at` has run for `duration`; it stands still during absences."""
    due = start_at + duration
    for absence in sorted(absences, key=lambda a: a.from_at):
        if absence.until_at <= start_at:
            continue
        if absence.from_at >= due:
            break
        due += absence.until_at - max(absence.from_at, start_at)
    return due

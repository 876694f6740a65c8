"""A month of the simulated year, as CI runs it; `make simulate` lives through all of it."""

from tests.simulate.play import simulate


def test_every_planted_silence_is_told_and_nothing_else() -> None:
    report = simulate(jobs=400, days=30)
    assert (report.false_alarms, report.overlooked) == ([], [])
    assert report.planted == report.told > 500

"""`make simulate`: a year of 2,000 jobs; exit code 1 if anything was told without cause, or not told."""

import argparse
import sys

from tests.simulate.play import simulate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2_000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    report = simulate(options.jobs, options.days, options.seed)
    print(f"{report.jobs} jobs, {options.days} days, {report.check_ins} check-ins, 2 outages of ours")  # noqa: T201
    print(f"planted: {report.planted}, told at their deadlines: {report.told}")  # noqa: T201
    print(f"false alarms: {len(report.false_alarms)}, overlooked: {len(report.overlooked)}")  # noqa: T201
    for line in [*report.false_alarms[:20], *report.overlooked[:20]]:
        print(line)  # noqa: T201
    sys.exit(bool(report.false_alarms or report.overlooked))


if __name__ == "__main__":
    main()

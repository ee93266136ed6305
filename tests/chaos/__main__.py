"""The crash test: `python -m tests.chaos --seconds 45 --seed 7`; exits non-zero where a promise was broken."""

import argparse
import logging
import sys

import structlog

from tests.chaos.run import run


def main() -> None:
    """Run and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=45, help="for which plugs are pulled")
    parser.add_argument("--seed", type=int, default=1, help="by which they are drawn")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    report = run(given.seed, given.seconds)
    print(report)
    sys.exit(bool(report.violations))


if __name__ == "__main__":
    main()

"""Pulling any plug loses nothing; and where something would be lost, the crash test finds it."""

import os

import pytest

from tests.chaos import moments
from tests.chaos.entries import EFFECTS_ONCE, ONCE
from tests.chaos.installation import COMMITTED_LATE, ENQUEUED_OUTSIDE, UNFENCED
from tests.chaos.run import run

SECONDS = 20
# Each takes a minute of a processor: by hand one is enough, and for more there is `just chaos`.
SEEDS = [1, 2] if os.environ.get("CI") else [1]
# Together, for each shows at its own moment, in what was written there.
FAULTS = (*ENQUEUED_OUTSIDE, *COMMITTED_LATE, *UNFENCED)
FOUND = {
    (EFFECTS_ONCE, f"('{moments.ENQUEUING}', 'booked', 0)"),
    (ONCE, f"('{moments.UNFLUSHED} {moments.FLUSHED - 1}', 0)"),
    (EFFECTS_ONCE, f"('{moments.LOST}', 'booked', 2)"),
}


@pytest.mark.long(45)
@pytest.mark.timeout(400)
@pytest.mark.parametrize("seed", SEEDS, ids="seed {}".format)
def test_pulling_any_plug_loses_nothing(seed: int):
    report = run(seed, SECONDS)
    assert not report.violations, str(report)
    assert report.acknowledged > 30, str(report)


@pytest.mark.long(25)
@pytest.mark.timeout(400)
def test_faults_are_found_each_at_its_moment():
    report = run(seed=1, seconds=0, faults=FAULTS, drained=5)
    assert set(report.violations) >= FOUND, str(report)

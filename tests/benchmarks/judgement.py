"""What the figures say: which promise is missed, and what got slower."""

from collections.abc import Iterator, Sequence
from dataclasses import fields

from tests.benchmarks.results import Results
from tests.benchmarks.workloads import TOTAL_OF_LIST, WORKLOADS, Promise, Workload

TOLERANCE = 0.15  # what a ratio varies by from run to run on a machine that does nothing else
NAMES = {"floor": "the floor", "django_drf": "Django + DRF", "fastapi_orm": "FastAPI + ORM"}


def missed(results: Results, workloads: Sequence[Workload] = WORKLOADS) -> list[str]:
    """A line for each promise of these workloads that does not hold, or that nothing was measured for."""
    lines = [
        line for workload in workloads if workload.promise for line in _missed(results, workload, workload.promise)
    ]
    return lines + [
        line for workload in workloads if workload.name == "list" for line in _missed_total(results, workload)
    ]


def _missed(results: Results, workload: Workload, promise: Promise) -> Iterator[str]:
    for peer in (field.name for field in fields(Promise)):
        ours, theirs = results.ours(workload), results.theirs(workload, peer)
        what = f"{workload.title}, beside {NAMES[peer]}"
        limit = getattr(promise, peer)
        if ours is None or theirs is None:
            yield f"{what}: not measured"
        elif peer == "floor" and ours.app > limit * theirs.app:
            yield f"{what}: {ours.app / theirs.app:.2f} times its CPU, promised are {limit:g}"
        elif peer != "floor" and ours.app * limit > theirs.app:
            yield f"{what}: 1/{theirs.app / ours.app:.2f} of its CPU, promised is 1/{limit:g}"


def _missed_total(results: Results, workload: Workload) -> Iterator[str]:
    ours, theirs = results.ours(workload), results.theirs(workload, "django_drf")
    what = f"{workload.title}, app and PostgreSQL, beside {NAMES['django_drf']}"
    if ours is None or theirs is None:
        yield f"{what}: not measured"
    elif ours.total * TOTAL_OF_LIST > theirs.total:
        yield f"{what}: 1/{theirs.total / ours.total:.2f} of its CPU, promised is 1/{TOTAL_OF_LIST:g}"


def slower(now: Results, before: Results) -> list[str]:
    """A line for each workload whose CPU, as a ratio to the floor's, has grown by more than TOLERANCE."""
    lines = []
    for workload in WORKLOADS:
        for part, name in (("app", "app CPU"), ("postgres", "PostgreSQL CPU")):
            ratio, former = _ratio(now, workload, part), _ratio(before, workload, part)
            if ratio and former and ratio > former * (1 + TOLERANCE):
                lines.append(f"{workload.title}: {name} {ratio:.2f} times the floor's, was {former:.2f}")
    return lines


def _ratio(results: Results, workload: Workload, part: str) -> float | None:
    ours, floor = results.ours(workload), results.theirs(workload, "floor")
    if ours is None or floor is None or floor.postgres < 1:  # no query: nothing to compare but noise
        return None if part == "postgres" or not (ours and floor) else ours.app / floor.app
    return getattr(ours, part) / getattr(floor, part)

"""The four golden signals for Prometheus: traffic, errors, latency, saturation; no label that a client can choose."""

import os
from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from app.platform.observability.multiprocess import VARIABLE, forget_dead_workers

disable_created_metrics()  # one more series for each counter and histogram, which no rule reads

METHODS = {name: name for name in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")}
SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)

REQUESTS = Counter(
    "http_requests_total", "Requests answered; status 499: nobody was left to answer", ["method", "route", "status"]
)
DURATIONS = Histogram(
    "http_request_seconds", "From the request to the end of its answer", ["method", "route"], buckets=SECONDS
)
IN_PROGRESS = Gauge("http_requests_in_progress", "Requests not yet answered", multiprocess_mode="livesum")
LAG = Gauge(
    "event_loop_lag_seconds",
    "The latest that the event loop was in the last ten seconds or somewhat more",
    multiprocess_mode="livemax",
)
BLOCKED = Counter("event_loop_blocked_total", "Times that the event loop was blocked for longer than is allowed")


class Spread:
    """Durations on their way to a histogram, together: `observe` takes one at a time, and 5 µs for it."""

    __slots__ = ("_bounds", "_counts", "_histogram", "_seconds")

    def __init__(self, histogram: Any, bounds: Sequence[float]) -> None:
        self._histogram = histogram
        self._bounds = bounds
        self._begin()

    def _begin(self) -> None:
        self._counts, self._seconds = [0] * (len(self._bounds) + 1), 0.0

    def add(self, seconds: float) -> None:
        """One more."""
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._seconds += seconds

    def publish(self) -> int:
        """Show those that were added since the last time; returns how many they were."""
        counts, seconds = self._counts, self._seconds
        if not any(counts):
            return 0
        self._begin()
        self._histogram._sum.inc(seconds)  # noqa: SLF001  # it has no public name
        for number, count in enumerate(counts):
            if count:
                self._histogram._buckets[number].inc(count)  # noqa: SLF001
        return sum(counts)


class Tally:
    """What was answered in one way since it was last published."""

    __slots__ = ("_requests", "spread")

    def __init__(self, method: str, route: str, status: int) -> None:
        self._requests = REQUESTS.labels(method, route, status)
        self.spread = Spread(DURATIONS.labels(method, route), SECONDS)

    def publish(self) -> None:
        """Add it to the series."""
        answers = self.spread.publish()
        if answers:
            self._requests.inc(answers)


class Traffic:
    """What this process has answered and is answering; to be used on the event loop alone."""

    __slots__ = ("_tallies", "in_progress")

    def __init__(self) -> None:
        self.in_progress = 0
        self._tallies: dict[tuple[str, str, int], Tally] = {}

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """One answer. `route` is the template, never the path: ten thousand ids must stay one series."""
        key = (METHODS.get(method, "OTHER"), route, status)
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._tallies[key] = Tally(*key)
        tally.spread.add(seconds)

    def publish(self) -> None:
        """Show what was counted; on the loop's heartbeat: at each request it would cost too much."""
        IN_PROGRESS.set(self.in_progress)
        for tally in self._tallies.values():
            tally.publish()


TRAFFIC = Traffic()


def metrics_page() -> tuple[bytes, str]:
    """Body and content type of the answer to a scrape, over all workers.

    Where there are several it reads their files: call it in a thread.
    """
    folder = os.environ.get(VARIABLE)
    if folder is None:
        return generate_latest(), CONTENT_TYPE_LATEST
    forget_dead_workers(Path(folder))
    registry = CollectorRegistry()
    MultiProcessCollector(registry, folder)
    return generate_latest(registry), CONTENT_TYPE_LATEST

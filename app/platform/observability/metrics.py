"""The four golden signals for Prometheus: traffic, errors, latency, saturation; no label that a client can choose."""

import os
from collections.abc import Callable
from pathlib import Path

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


class Traffic:
    """What this process has answered and is answering; to be used on the event loop alone."""

    __slots__ = ("_series", "in_progress")

    def __init__(self) -> None:
        self.in_progress = 0
        self._series: dict[tuple[str, str, int], tuple[Callable[[], None], Callable[[float], None]]] = {}

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """One answer. `route` is the template, never the path: ten thousand ids must stay one series."""
        key = (METHODS.get(method, "OTHER"), route, status)
        series = self._series.get(key)
        if series is None:
            method, route, status = key
            series = REQUESTS.labels(method, route, status).inc, DURATIONS.labels(method, route).observe
            self._series[key] = series
        inc, observe = series
        inc()
        observe(seconds)

    def publish(self) -> None:
        """Show how many requests are in progress; on the loop's heartbeat: at each request it would cost too much."""
        IN_PROGRESS.set(self.in_progress)


TRAFFIC = Traffic()


def metrics_page() -> tuple[bytes, str]:
    """Body and content type of the answer to a scrape, over all workers.

    Where there are several it reads their files: call it in a thread.
    """
    TRAFFIC.publish()
    folder = os.environ.get(VARIABLE)
    if folder is None:
        return generate_latest(), CONTENT_TYPE_LATEST
    forget_dead_workers(Path(folder))
    registry = CollectorRegistry()
    MultiProcessCollector(registry, folder)
    return generate_latest(registry), CONTENT_TYPE_LATEST

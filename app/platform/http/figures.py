"""How upstreams answer, for Prometheus: their names are those that modules declare, the outcomes a handful."""

from prometheus_client import Counter, Histogram

from app.platform.observability.metrics import SECONDS

REQUESTS = Counter(
    "upstream_requests_total",
    "Attempts at asking another server; outcome: 2xx to 5xx, timeout, unreachable, refused (by the circuit breaker)",
    ["upstream", "outcome"],
)
DURATIONS = Histogram(
    "upstream_request_seconds",
    "How long an attempt took, with the wait for a place and in vain too",
    ["upstream"],
    buckets=(*SECONDS, 20, 30),
)

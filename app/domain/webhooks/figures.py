"""The state of webhooks for a scrape: asked of the database, which every process would tell alike."""

from collections.abc import Iterator

import msgspec
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.platform.database.pools import Database

# What waits for an endpoint that is disabled is not late.
LOOK = """
SELECT enabled, disabled, waiting, seconds, given_up FROM (
    SELECT count(*) FILTER (WHERE disabled_at IS NULL) AS enabled, count(disabled_at) AS disabled
    FROM webhooks_endpoint WHERE deleted_at IS NULL
) AS endpoints, (
    SELECT count(*) AS waiting, greatest(
        0, extract(epoch FROM now() - min(greatest(d.due_at, p.rests_until)))
    )::float8 AS seconds
    FROM webhooks_delivery d JOIN webhooks_endpoint p ON p.id = d.endpoint_id
    WHERE d.state = 'pending' AND p.disabled_at IS NULL
) AS present, (
    SELECT count(*) AS given_up FROM webhooks_delivery d JOIN webhooks_endpoint p ON p.id = d.endpoint_id
    WHERE d.state = 'failed' AND p.deleted_at IS NULL
) AS past
"""


class State(msgspec.Struct, frozen=True):
    """How many endpoints and messages there are, and for how many seconds the first that waits has been due."""

    enabled: int
    disabled: int
    waiting: int
    seconds: float
    given_up: int


class Figures(Collector):
    """What was asked, as Prometheus wants it."""

    def __init__(self, state: State) -> None:
        self._state = state

    def collect(self) -> Iterator[Metric]:
        """All of it, also where there is no endpoint."""
        endpoints = GaugeMetricFamily("webhooks_endpoints", "Endpoints, by whether they are told", labels=["state"])
        endpoints.add_metric(["enabled"], self._state.enabled)
        endpoints.add_metric(["disabled"], self._state.disabled)
        yield endpoints
        yield GaugeMetricFamily("webhooks_waiting", "Messages to enabled endpoints not taken yet", self._state.waiting)
        yield GaugeMetricFamily("webhooks_oldest_due_seconds", "How long the first is due for", self._state.seconds)
        yield GaugeMetricFamily("webhooks_given_up", "Messages that were given up", self._state.given_up)


async def webhook_figures(database: Database) -> Figures:
    """How webhooks go. Raises what tells that the database cannot be reached."""
    [row] = await database.reader().fetch(LOOK, ())
    return Figures(State(*row))

"""The jobs' state for a scrape: asked of the database, which every process would tell alike."""

from collections.abc import Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.platform.database.pools import Database
from app.platform.jobs import admin
from app.platform.jobs.declaration import QUEUES
from app.platform.jobs.outcomes import Total, totals


class Figures(Collector):
    """What was asked, as Prometheus wants it."""

    def __init__(self, counts: Sequence[admin.Count], outcomes: Sequence[Total]) -> None:
        self._counts = {(one.queue, one.state): one for one in counts}
        self._outcomes = outcomes

    def collect(self) -> Iterator[Metric]:
        """Each queue has its figures, whether there is anything in it or not."""
        depth = GaugeMetricFamily("jobs_depth", "Jobs that are not over, or were given up", labels=["queue", "state"])
        late = GaugeMetricFamily("jobs_oldest_waiting_seconds", "How long the first is due for", labels=["queue"])
        for queue in QUEUES:
            for state in admin.PRESENT:
                found = self._counts.get((queue, state))
                depth.add_metric([queue, state], found.count if found else 0)
            waiting = self._counts.get((queue, "waiting"))
            late.add_metric([queue], max(waiting.seconds, 0.0) if waiting else 0.0)
        yield depth
        yield late
        ended = CounterMetricFamily("jobs_attempts", "Attempts that ended, by how", labels=["name", "outcome"])
        spent = CounterMetricFamily("jobs_attempt_seconds", "How long those took", labels=["name", "outcome"])
        for one in self._outcomes:
            ended.add_metric([one.name, one.outcome], one.count)
            spent.add_metric([one.name, one.outcome], one.milliseconds / 1000)
        yield ended
        yield spent


async def job_figures(database: Database) -> Figures:
    """What the queues say of themselves. Raises what tells that the database cannot be reached."""
    reader = database.reader()
    return Figures(await admin.counts(reader), await totals(reader))

"""How the house is doing: whether it is ready, the database, and this process's loop, pools and caches."""

import os
import socket
from collections.abc import Iterator, Sequence
from typing import Any

import psutil
from adminsite.i18n import gettext as _
from msgspec import Struct
from prometheus_client.metrics import MetricWrapperBase
from starlette.requests import Request

from app.domain.admin.permissions import SEE_MACHINERY
from app.platform.admin.page import Concern, Page
from app.platform.cache import cache, memory
from app.platform.database.pools import Database
from app.platform.database.work import Source
from app.platform.observability import metrics

# The sessions of this database alone: what its other databases do is not ours to show.
DATABASE = """
SELECT current_setting('server_version'), pg_postmaster_start_time(), pg_database_size(current_database()),
    current_setting('max_connections')::int, pg_is_in_recovery(), current_database()
"""
CONNECTIONS = """
SELECT application_name, count(*), count(*) FILTER (WHERE state = 'active'),
    coalesce(extract(epoch FROM max(clock_timestamp() - xact_start)), 0)::float8
FROM pg_stat_activity WHERE datname = current_database() GROUP BY 1 ORDER BY 1
"""
FAMILIES: Sequence[MetricWrapperBase] = (memory.BYTES, cache.LOOKUPS, cache.MADE)


class Server(Struct, frozen=True):
    """The database's server; `size` in bytes."""

    version: str
    since: Any
    size: int
    max_connections: int
    is_standby: bool
    name: str


class Connections(Struct, frozen=True):
    """Connections by what they call themselves; `seconds`: how long the oldest of their transactions is open."""

    name: str
    count: int
    active: int
    seconds: float


class Figure(Struct, frozen=True):
    """A figure of this process, as a scrape names it."""

    name: str
    labels: str
    value: float


class HealthPage(Page):
    """Whether all is well, and how much room is left; the process's figures are of the one that answers."""

    title = "Health"
    permission = SEE_MACHINERY
    template = "health.html"

    async def get_context(self, request: Request) -> dict[str, Any]:
        """The database's figures by two statements, and the process's own."""
        reader, process = self.reader(request), psutil.Process()
        return {
            "server": await server(reader),
            "connections": await connections(reader),
            "pools": pools(self.house.database),
            "is_draining": self.house.readiness.draining,
            "blocked": self.house.watch.blocked,
            "lag": _own_value(metrics.LAG),
            "in_progress": metrics.TRAFFIC.in_progress,
            "memory": process.memory_info().rss / 1_000_000,
            "process": f"{socket.gethostname()} · {os.getpid()}",
            "workers": self.house.settings.server.workers,
            "figures": [figure for family in FAMILIES for figure in _own(family)],
        }

    async def concerns(self, request: Request) -> Sequence[Concern]:  # noqa: ARG002
        """What this process knows of itself, without a statement."""
        found = []
        if self.house.readiness.draining:
            found.append(Concern(_("This process is being drained: it gets no more requests"), "-/health"))
        for name, gauges in pools(self.house.database):
            if gauges["waiting"]:
                text = _("Requests wait for a connection of the pool {name}", name=name)
                found.append(Concern(text, "-/health"))
        return found


async def server(source: Source) -> Server:
    """What the database says of itself."""
    return Server(*(await source.fetch(DATABASE, ()))[0])


async def connections(source: Source) -> list[Connections]:
    """Who is connected to it."""
    return [Connections(*row) for row in await source.fetch(CONNECTIONS, ())]


def pools(database: Database) -> list[tuple[str, dict[str, int]]]:
    """The pools of slots of this process, as they are now."""
    return [(pool.name, pool.gauges()) for pool in (database.write, database.read)]


def _own(family: MetricWrapperBase) -> Iterator[Figure]:
    """What this process has counted: its own object knows that, the files of all of them would tell the sum."""
    for metric in family.collect():
        for sample in metric.samples:
            labels = ", ".join(f"{name}={value}" for name, value in sample.labels.items())
            yield Figure(sample.name, labels, sample.value)


def _own_value(family: MetricWrapperBase) -> float:
    return next((figure.value for figure in _own(family)), 0.0)

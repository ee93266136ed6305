"""What a scrape asks of the database, which every process would tell alike."""

from collections.abc import Awaitable, Callable

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.registry import Collector

from app.kit.errors import AppError
from app.platform.database.pools import Database
from app.platform.database.slots import UNREACHABLE

log = structlog.get_logger()


Figures = Callable[[Database], Awaitable[Collector]]
"""Asks by a statement or two, for a scrape comes every few seconds. Raises what tells that the database is away."""


async def figures_page(database: Database, *asked: Figures) -> bytes:
    """The lines of it; none while the database is away, for the other figures are wanted all the more then."""
    registry = CollectorRegistry()
    try:
        for ask in asked:
            registry.register(await ask(database))
    except (AppError, *UNREACHABLE) as error:
        log.warning("the database's figures are missing", reason=str(error))
    return generate_latest(registry)

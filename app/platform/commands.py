"""How a command meets the database: in a loop of its own, with errors told in words."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn, TypeVar

import click

from app.platform.database.caller import ORIGIN
from app.platform.database.pools import Database
from app.platform.database.refusals import translate
from app.platform.database.work import Service
from config.settings import Settings

T = TypeVar("T")
ServiceT = TypeVar("ServiceT", bound=Service)

Work = Callable[[Database, Settings], Awaitable[T]]


def run(work: Work[T]) -> T:
    """Do it with a database that is open meanwhile; the context's `obj` is the Settings, with a database's URL.

    Raises ClickException, with every violation on a line, for what the work or the database refuses.
    """
    settings = click.get_current_context().obj
    try:
        return asyncio.run(_with_database(settings, work, str(click.get_current_context().info_name)))
    except Exception as error:
        refusal = translate(error)
        if refusal is None:
            raise
        lines = [f"{violation.field}: {violation.text}" for violation in refusal.violations]
        raise click.ClickException("\n".join(lines) or refusal.detail) from error


def commit(make: Callable[[Database, Settings], ServiceT], verb: Callable[[ServiceT], Awaitable[T]]) -> T:
    """Run a verb of the service that this makes, and commit. Raises as `run` does."""

    async def work(database: Database, settings: Settings) -> T:
        service = make(database, settings)
        return await service.work.run(lambda: verb(service))

    return run(work)


async def _with_database(settings: Settings, work: Work[T], name: str) -> T:
    ORIGIN.set(f"command:{name}")
    database = Database(settings, on_oversized=_refuse)
    async with database.lifespan():
        return await work(database, settings)


def _refuse(reason: str) -> NoReturn:
    raise click.ClickException(reason)

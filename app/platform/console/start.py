"""What comes before the first worker: migrations, demo content, a look at the database's limits and at the routes."""

import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import click
import structlog

from app.kit.errors import Busy
from app.platform.commands import run
from app.platform.console.beside import worker_beside
from app.platform.console.port import require_free
from app.platform.console.schema import address, plainly, subscribe_all
from app.platform.database.pools import Database
from app.platform.mail.mailer import mail_faults
from app.platform.migrations import upgrade
from app.platform.module import installed
from app.platform.observability.logging import configure_logging
from app.platform.observability.multiprocess import VARIABLE, prepare_metrics_folder
from app.platform.serving import compose, serve
from config.modules import MODULES
from config.settings import Settings

log = structlog.get_logger()


def start_everything(settings: Settings, *, reload: bool) -> None:
    """Migrate, fill an empty database with the demo content, say where things are, and serve."""
    with plainly():
        upgrade(address(settings), tell=click.echo)
    configure_logging(settings.logging.log_level)  # not before: Alembic tells much that nobody asked for
    for line in [*run(_subscribe_and_fill), *_places(settings)]:
        click.echo(line)
    start_server(settings, worker_beside(reload=reload), reload=reload)


async def _subscribe_and_fill(database: Database, settings: Settings) -> list[str]:
    await subscribe_all(database, settings)
    offers = [module.demo for module in installed(MODULES) if module.demo]
    return [line for line in [await fill(database, settings) for fill in offers] if line]


def _places(settings: Settings) -> list[str]:
    """Where to look first."""
    host = f"[{settings.server.host}]" if ":" in settings.server.host else settings.server.host
    origin = f"http://{host}:{settings.server.port}"
    places = [
        (f"{origin}{router.path}", module.summary)
        for module in installed(MODULES)
        for router in module.routers
        if router.include_in_schema is not False  # pages that only links lead to
    ]
    if settings.http.docs_enabled:
        places.append((f"{origin}/docs", "The OpenAPI pages: read it all, sign in, call it"))
    if settings.http.admin_enabled:
        places.append((f"{origin}/admin", "The admin site, for staff: `just createsuperuser` makes the first"))
    if settings.shows_mail:
        places.append((f"{origin}/mail", "The mail that is sent from here: it goes no further"))
    width = max(len(place) for place, _ in places)
    return [*(f"{place:{width}}  {what}" for place, what in places), "Ctrl-C stops it."]


def start_server(
    settings: Settings, beside: AbstractContextManager[None] | None = None, *, reload: bool = False
) -> None:
    """Serve until a signal ends it. Raises ClickException for pools too large, or a port that was taken meanwhile."""
    configure_logging(settings.logging.log_level)
    run(_look_at_limits)
    for fault in mail_faults(settings.mail):
        log.warning("no mail is sent", reason=fault)
    # What no worker could serve is refused once, here.
    application = None if reload else compose(settings)
    if folder := os.environ.get(VARIABLE):
        prepare_metrics_folder(Path(folder))  # what this process counted until now is not traffic
    require_free(settings.server.host, settings.server.port)
    with beside or nullcontext():  # not before: its start keeps a processor busy for a second, which ours can use
        serve(settings, application)


async def _look_at_limits(database: Database, _: Settings) -> None:
    """Open one connection: at the first, the pools are compared with what the server allows."""
    try:
        await database.reader().fetch("SELECT 1", ())
    except Busy as error:
        log.warning("serving without a database, until it answers", reason=error.detail)

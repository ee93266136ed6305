"""The commands that serve: `up` for a newcomer, `dev` while developing, `serve` in production."""

import gc
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from app.platform.console.port import require_free
from app.platform.console.reach import usable_settings, with_database
from app.platform.observability.multiprocess import prepare_metrics_folder
from config.settings import Settings


@click.command()
def up() -> None:
    """Start everything: database, migrations, demo content, server."""
    with _prepared(for_development=True) as settings:
        _start_everything(settings)


@click.command()
def dev() -> None:
    """Start everything, and start the workers anew whenever a file of the code changes."""
    if find_spec("watchfiles") is None:
        raise click.ClickException("watchfiles is not installed: `uv sync` brings what development needs")
    with _prepared(for_development=True) as settings:
        _start_everything(settings, reload=True)


@click.command()
def serve() -> None:
    """Serve as in production: what is there, without a wait for a database that is down."""
    with _prepared() as settings:
        _start_server(settings)


@contextmanager
def _prepared(*, for_development: bool = False) -> Generator[Settings]:
    """The settings, when the port is free and the database, if it is the embedded one, runs."""
    gc.disable()  # what imports and composition make stays: to look through it again and again takes a quarter second
    settings = usable_settings()
    if for_development and settings.production:
        raise click.ClickException("this is for development; in production, `migrate` and then `serve`")
    require_free(settings.server.host, settings.server.port)
    with ExitStack() as stack:
        if settings.server.workers > 1:
            prepare_metrics_folder(Path(stack.enter_context(TemporaryDirectory(prefix="litehouse-metrics-"))))
        # While PostgreSQL starts; what fails to be imported fails again, and is told, where it is wanted.
        aside = ThreadPoolExecutor(1)
        aside.submit(import_module, "app.platform.console.start")
        aside.shutdown(wait=False)  # nobody waits for it, and it is gone before the workers are forked
        click.get_current_context().obj = stack.enter_context(with_database(settings))
        yield click.get_current_context().obj


def _start_everything(settings: Settings, *, reload: bool = False) -> None:
    # Imported here: prometheus_client, which comes with it, has to find the metrics' folder named.
    from app.platform.console.start import start_everything  # noqa: PLC0415

    start_everything(settings, reload=reload)


def _start_server(settings: Settings) -> None:
    from app.platform.console.start import start_server  # noqa: PLC0415

    start_server(settings)

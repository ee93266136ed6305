"""What a command needs before it can begin: settings that are right, and a database that is there."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from functools import wraps
from typing import ParamSpec, TypeVar

import click

from app.platform.postgres.errors import PostgresUnavailable
from app.platform.postgres.sharing import share
from config.settings import DatabaseUrl, Settings, SettingsError, load

P = ParamSpec("P")
R = TypeVar("R")


class UnusableSettings(click.ClickException):
    """The settings are wrong: told in one message, with an exit code of its own."""

    exit_code = 2


def usable_settings() -> Settings:
    """The settings. Raises UnusableSettings with every fault."""
    try:
        return load()
    except SettingsError as error:
        raise UnusableSettings(str(error)) from error


@contextmanager
def with_database(settings: Settings) -> Generator[Settings]:
    """The settings with a database's address in them: the embedded server's, kept running meanwhile, where none is set.

    Raises ClickException when that cannot run.
    """
    if settings.database.url is not None:
        yield settings
        return
    with _plainly(), share(settings.database.data_folder) as server:
        yield at(settings, server.url)


@contextmanager
def _plainly() -> Generator[None]:
    try:
        yield
    except PostgresUnavailable as error:
        raise click.ClickException(str(error)) from error


def at(settings: Settings, url: str) -> Settings:
    """The settings with this address in the place of theirs."""
    return replace(settings, database=settings.database.model_copy(update={"url": DatabaseUrl(url)}))


def connected(callback: Callable[P, R]) -> Callable[P, R]:
    """Give a command, as its context's `obj`, settings with a database's address, which holds until it ends."""

    @wraps(callback)
    def run(*args: P.args, **given: P.kwargs) -> R:
        context = click.get_current_context()
        context.obj = context.with_resource(with_database(usable_settings()))
        return callback(*args, **given)

    return run

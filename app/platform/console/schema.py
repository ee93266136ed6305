"""The commands about the database's schema: migrations applied, undone, shown and written."""

from collections.abc import Generator
from contextlib import contextmanager

import click

from app.platform import migrations
from app.platform.commands import run
from app.platform.console.reach import connected
from app.platform.database.pools import Database
from app.platform.events.delivery import subscribe
from app.platform.migration_writing import make
from app.platform.module import installed, offered
from app.platform.revisions import MigrationError, Revisions
from config.modules import MODULES
from config.settings import ROOT, Settings


@contextmanager
def plainly() -> Generator[None]:
    """Say in words what stands in a migration's way."""
    try:
        yield
    except MigrationError as error:
        raise click.ClickException(str(error)) from error


def address(settings: Settings) -> str:
    """The database's address, which `connected` has filled in."""
    if settings.database.url is None:
        raise LookupError("this command needs a database: decorate it with `connected`")
    return settings.database.url.get_secret_value()


@click.command()
@click.argument("target", default="heads")
@connected
@click.pass_obj
def migrate(settings: Settings, target: str) -> None:
    """Apply the migrations that the database lacks: all of them, or those of TARGET, a module or a revision."""
    with plainly():
        applied = migrations.upgrade(address(settings), target, tell=click.echo)
    if not applied:
        click.echo("Nothing to apply.")
    if target == "heads":
        run(subscribe_all)


async def subscribe_all(database: Database, _: Settings) -> None:
    """Note down who subscribes, before anything is published that they would miss."""
    await subscribe(database, offered(installed(MODULES)))


@click.command()
@click.argument("target")
@connected
@click.pass_obj
def downgrade(settings: Settings, target: str) -> None:
    """Undo migrations: MODULE@-1 the last of a module, MODULE@base all of it, a revision what follows it."""
    with plainly():
        undone = migrations.downgrade(address(settings), target, tell=click.echo)
    if not undone:
        click.echo("Nothing to undo.")


@click.command()
@click.argument("module")
@click.argument("message")
@click.option("--empty", is_flag=True, help="Write a revision without operations, to be filled in by hand.")
@connected
@click.pass_obj
def makemigrations(settings: Settings, module: str, message: str, empty: bool) -> None:
    """Write MODULE's next migration: what its models have and the database has not. MESSAGE is its title."""
    with plainly():
        path = make(module, message, address(settings), empty=empty)
    click.echo(f"{path.relative_to(ROOT)}: read it before you apply it" if path else f"{module} has not changed.")


@click.command()
@connected
@click.pass_obj
def showmigrations(settings: Settings) -> None:
    """List every migration, by module; those that the database has are marked."""
    with plainly():
        found = migrations.history(address(settings))
    module = None
    for migration in found:
        if migration.module != module:
            module = migration.module
            click.echo(module)
        click.echo(f"  [{'x' if migration.applied else ' '}] {migration.revision}  {migration.title}")


@click.command()
@click.argument("target", default="")
def sqlmigrate(target: str) -> None:
    """Print the SQL that TARGET, a revision or all those of a module, would run; without TARGET, that of all."""
    with plainly():
        for each in [target] if target else Revisions().branches:
            click.echo(migrations.sql(each), nl=False)

"""The commands about the event log: who is how far, what failed, and what is to become of it."""

import click

from app.platform.commands import commit, run
from app.platform.console.reach import connected
from app.platform.database.pools import Database
from app.platform.database.work import Service
from app.platform.events import admin
from app.platform.module import installed, offered
from config.modules import MODULES
from config.settings import Settings


@click.command()
@connected
def events() -> None:
    """Show how far each subscriber is, and what each failed at."""
    for line in run(_told):
        click.echo(line)


async def _told(database: Database, _: Settings) -> list[str]:
    count, seconds = await admin.outbox(database), await admin.waiting(database)
    return [
        f"{count} published and not in the log yet, the first for {seconds:.1f} s",
        *map(_line, await admin.subscriptions(database)),
        *map(_failure, await admin.held(database)),
    ]


def _line(one: admin.Subscription) -> str:
    return f"{one.name}: {one.behind} behind, {one.held} held, {one.dead} dead"


def _failure(one: admin.Held) -> str:
    state = "dead" if one.is_dead else "to be tried again"
    where = f"{one.subscriber} {one.position} {one.name} {one.subject}"
    return f"{where}: {state}, failed {one.attempts} times, at last by {one.error}"


@click.command("events-retry")
@click.argument("subscriber")
@click.argument("position", type=int, required=False)
@connected
def events_retry(subscriber: str, position: int | None) -> None:
    """Have what SUBSCRIBER failed at tried again: the event at POSITION, or all."""
    count = commit(_plain, lambda plain: admin.retry(plain.work, subscriber, position))
    click.echo(f"{count} will be tried again.")


@click.command("events-skip")
@click.argument("subscriber")
@click.argument("position", type=int)
@connected
def events_skip(subscriber: str, position: int) -> None:
    """Have SUBSCRIBER do without the event at POSITION; what is about the same subject then goes on."""
    commit(_plain, lambda plain: admin.skip(plain.work, subscriber, position))
    click.echo("Skipped.")


@click.command("events-unsubscribe")
@click.argument("subscriber")
@connected
def events_unsubscribe(subscriber: str) -> None:
    """Forget SUBSCRIBER, which no module offers any more, and what it holds: the old events it kept may then go."""
    if subscriber in offered(installed(MODULES)):
        raise click.ClickException(f"{subscriber} is offered by its module: take it out of `subscribers` there first")
    commit(_plain, lambda plain: admin.unsubscribe(plain.work, subscriber))
    click.echo(f"{subscriber} is forgotten.")


def _plain(database: Database, _: Settings) -> Service:
    return Service(database.unit_of_work())

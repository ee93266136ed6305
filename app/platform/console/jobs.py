"""The commands about jobs: what waits and for how long, what was given up, and what is to become of it."""

from uuid import UUID

import click

from app.platform.commands import commit, run
from app.platform.console.reach import connected
from app.platform.database.pools import Database
from app.platform.database.work import Service
from app.platform.jobs import admin
from app.platform.jobs.table import STATES
from config.settings import Settings


@click.command()
@connected
def jobs() -> None:
    """Show how many jobs there are, by queue and state, and for how long the first of them waits."""

    async def look(database: Database, _: Settings) -> list[admin.Count]:
        return await admin.counts(database.reader(), STATES)

    counts = run(look)
    for one in counts:
        waits = f", the first due for {max(one.seconds, 0):.0f} s" if one.state == "waiting" else ""
        click.echo(f"{one.queue}: {one.count} {one.state}{waits}")
    if not counts:
        click.echo("No jobs.")


@click.command("jobs-dead")
@connected
def jobs_dead() -> None:
    """List the jobs that were given up, and why."""

    async def look(database: Database, _: Settings) -> tuple[list[admin.Dead], int]:
        reader = database.reader()
        return await admin.dead(reader), sum(one.count for one in await admin.counts(reader, ("dead",)))

    oldest, count = run(look)
    for one in oldest:
        click.echo(f"{one.id} {one.name} at {one.ended_at:%Y-%m-%d %H:%M} UTC, after {one.attempts}: {one.reason}")
    if count > len(oldest):
        click.echo(f"And {count - len(oldest)} more, of later.")
    if not oldest:
        click.echo("No job was given up.")


@click.command("jobs-retry")
@click.argument("which", metavar="ID-or-NAME", required=False)
@click.option("--all-dead", is_flag=True, help="All that were given up.")
@connected
def jobs_retry(which: str | None, all_dead: bool) -> None:
    """Have a job that was given up tried anew: by its id, all of a name, or all."""
    if (which is None) is not all_dead:
        raise click.UsageError("name a job by its id, or jobs by their name; or say --all-dead")
    job = _as_id(which)
    count = commit(_plain, lambda plain: admin.retry(plain.work, job, None if job else which))
    click.echo(f"{count} will be tried again.")


@click.command("jobs-cancel")
@click.argument("job", type=click.UUID, metavar="ID")
@connected
def jobs_cancel(job: UUID) -> None:
    """Have a job not done; one that runs is cut off, and leaves nothing in the database."""
    commit(_plain, lambda plain: admin.cancel(plain.work, job))
    click.echo("Cancelled.")


def _as_id(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def _plain(database: Database, _: Settings) -> Service:
    return Service(database.unit_of_work())

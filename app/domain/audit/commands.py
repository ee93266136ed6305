"""What admins do about the trail on the command line: they take it elsewhere, and see whether it is whole."""

from datetime import UTC, datetime

import click

from app.domain.audit.beginning import begin_anew
from app.domain.audit.exporting import lines
from app.domain.audit.services import ALWAYS, NEVER
from app.domain.audit.verifying import Progress, faults
from app.platform.commands import run
from app.platform.database.pools import Database
from app.platform.sealing import Sealing
from config.settings import Settings


@click.command("audit-export")
@click.option("--since", type=click.DateTime(), help="Only what was changed at this moment or after it, in UTC.")
@click.option("--until", type=click.DateTime(), help="Only what was changed before this moment, in UTC.")
@click.option("--table", help="Only changes of this table.")
def audit_export(since: datetime | None, until: datetime | None, table: str | None) -> None:
    """Print the trail as NDJSON: a line an entry, exactly as it is hashed, and a line a seal.

    An entry's hash is the SHA-256 of a zero byte and its line, without the newline. Personal values stay encrypted.
    """

    async def work(database: Database, _: Settings) -> None:
        connection = await database.connect_aside("litehouse audit-export")
        try:
            span = since.replace(tzinfo=UTC) if since else ALWAYS, until.replace(tzinfo=UTC) if until else NEVER
            async for line in lines(connection, *span, table):
                click.echo(line)
        finally:
            await connection.close()

    run(work)


@click.command("audit-verify")
@click.option("--head", help="NUMBER:HASH of a seal, as it was told before: whether it is still among them.")
def audit_verify(head: str | None) -> None:
    """See whether the trail is what was sealed; exit code 1, and each fault by name, where it is not.

    It ends with number and hash of the last seal: noted elsewhere, they show later whether seals were taken back.
    """

    async def work(database: Database, settings: Settings) -> tuple[Progress, int]:
        seal, progress, count = await Sealing(settings).seal(), Progress(), 0
        connection = await database.connect_aside("litehouse audit-verify")
        try:
            async for fault in faults(connection, seal, progress, head):
                click.echo(fault)
                count += 1
        finally:
            await connection.close()
        return progress, count

    progress, count = run(work)
    click.echo(
        f"{progress.entries} entries under {progress.seals} seals, {progress.pruned} dropped for their age, "
        f"{progress.unsealed} not sealed yet; the last seal is {progress.head}"
    )
    if count:
        raise click.ClickException(f"{count} faults: the trail is not what was sealed")


@click.command("audit-begin-anew")
def audit_begin_anew() -> None:
    """Go on with a trail that was restored from another server, which counted transactions by itself.

    What that one left unsealed is sealed, as it is here: see before that it is what it was. Nothing is dropped.
    """

    async def work(database: Database, settings: Settings) -> int:
        seal, unit = await Sealing(settings).seal(), database.unit_of_work()
        return await unit.run(lambda: begin_anew(unit, seal))

    left = run(work)
    click.echo(f"{left} entries of the former server sealed; from here on the trail goes by this one's transactions")

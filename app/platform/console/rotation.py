"""Encrypting the secrets at rest anew, after a new key was put before the others."""

from collections.abc import Iterator
from uuid import UUID

import click

from app.platform.commands import run
from app.platform.console.reach import connected
from app.platform.database.pools import Database
from app.platform.database.work import UnitOfWork
from app.platform.mail.table import CONTENT
from app.platform.module import installed
from app.platform.sealing import MARK, Seal, SealBroken, SealedColumn, lost, present_keys
from config.modules import MODULES
from config.settings import Settings

AT_ONCE = 500
NEXT = """
SELECT {key}, {column} FROM {table} WHERE {key} > $1 AND substring({column} FROM 1 FOR {mark}) <> $2
ORDER BY {key} LIMIT {count} FOR NO KEY UPDATE
"""
WRITE = """
UPDATE {table} SET {column} = renewed.sealed FROM unnest($1::uuid[], $2::bytea[]) AS renewed (id, sealed)
WHERE {table}.{key} = renewed.id
"""


@click.command("rotate-secrets")
@connected
def rotate_secrets() -> None:
    """Encrypt all secrets anew by the first of LITEHOUSE_SECRET_KEYS; then the others may be taken out.

    It commits every 500, and may be ended and begun again at any time.
    """
    renewed, broken = run(_rotate)
    if not (renewed or broken or present_keys(click.get_current_context().obj)):
        click.echo("There is no key here yet, and so nothing that was encrypted by one.")
        return
    click.echo(f"{renewed} secrets were encrypted anew.")
    if broken:
        raise click.ClickException("\n".join(["These could not be read, and stay as they are:", *broken]))


async def _rotate(database: Database, settings: Settings) -> tuple[int, list[str]]:
    keys = present_keys(settings)
    if not keys:
        return 0, [fault async for fault in lost(database.reader(), settings, _columns())]
    seal = Seal(keys)
    renewed, broken = 0, []
    for column in _columns():
        last, after = UUID(int=0), None
        while last != after:
            work, after = database.unit_of_work(), last
            last, count, faults = await work.run(lambda: _renew(work, seal, column, after))  # noqa: B023 - run at once
            renewed += count
            broken += faults
    return renewed, broken


def _columns() -> Iterator[SealedColumn]:
    yield CONTENT
    for module in installed(MODULES):
        yield from module.sealed


async def _renew(work: UnitOfWork, seal: Seal, column: SealedColumn, after: UUID) -> tuple[UUID, int, list[str]]:
    """The next rows: the last of them, or `after`; how many were renewed, and what was wrong with the others."""
    names = {**column._asdict(), "mark": MARK, "count": AT_ONCE}
    rows = await work.fetch(NEXT.format(**names), (after, seal.mark))
    sealed, faults = {}, []
    for key, old in rows:
        place = column.place(key)
        try:
            sealed[key] = seal.close(seal.open(old, place), place)
        except SealBroken as error:
            faults.append(f"{place}: {error}")
    await work.fetch(WRITE.format(**names), (list(sealed), list(sealed.values())))
    return rows[-1][0] if rows else after, len(sealed), faults

"""Who gets no mail: addresses that a server said are nobody's, and those that an admin was told of, by a bounce say."""

from datetime import datetime

import msgspec

from app.kit.errors import NotFound
from app.platform.database.work import Source, UnitOfWork
from app.platform.mail.message import as_address

# The first reason stays.
SUPPRESS = """
INSERT INTO platform_mail_suppression (address, reason) VALUES (lower($1), $2) ON CONFLICT DO NOTHING
"""
UNSUPPRESS = "DELETE FROM platform_mail_suppression WHERE address = lower($1) RETURNING address"
SUPPRESSED = "SELECT address, reason, since FROM platform_mail_suppression ORDER BY since, address LIMIT $1"


class Suppressed(msgspec.Struct, frozen=True):
    """An address in lower case, and why and since when nothing is sent to it."""

    address: str
    reason: str
    since: datetime


async def suppress(work: UnitOfWork, address: str, reason: str) -> None:
    """Send nothing to this address from now on. Raises ValueError for what is none."""
    await work.fetch(SUPPRESS, (as_address(address).addr_spec, reason))


async def unsuppress(work: UnitOfWork, address: str) -> None:
    """Send to it again. Raises NotFound, ValueError."""
    if not await work.fetch(UNSUPPRESS, (as_address(address).addr_spec,)):
        raise NotFound("address")


async def suppressed(source: Source, limit: int | None = None) -> list[Suppressed]:
    """All of them, or so many, the longest suppressed first."""
    return [Suppressed(*row) for row in await source.fetch(SUPPRESSED, (limit,))]

"""The trail as NDJSON: entries exactly as they were hashed, and the seals over them, so that others can verify them."""

from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import datetime

import asyncpg
import msgspec

from app.domain.audit.seals import CANONICAL, ENTRIES

AT_ONCE = 500  # rows in memory
EXPORT = f"""
SELECT {CANONICAL} {ENTRIES.format(part="audit_trail")}
WHERE e.at >= $1 AND e.at < $2 AND ($3::text IS NULL OR e.relation = $3) ORDER BY e.xid, e.position
"""
SEALED = """
SELECT number, id, at, part, to_xid, to_position, count, is_pruning, leaves, root, head FROM audit_seal ORDER BY number
"""


async def lines(
    connection: asyncpg.Connection, since: datetime, until: datetime, table: str | None
) -> AsyncIterator[str]:
    """A line for each entry, in the order in which they are sealed, then one for each seal; all of one moment."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        async for row in connection.cursor(EXPORT, since, until, table, prefetch=AT_ONCE):
            yield row[0]
        async for row in connection.cursor(SEALED, prefetch=1):
            told = dict(row) | {name: b64encode(row[name]).decode() for name in ("leaves", "root", "head")}
            yield msgspec.json.encode({"seal": told}).decode()

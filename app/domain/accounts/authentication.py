"""Whose a token is, and that it was used: known in memory, and written aside once a minute."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import islice
from uuid import UUID

import structlog

from app.domain.accounts.queries import bearer
from app.domain.accounts.tokens import digest_of, idle_since, is_session, is_token
from app.kit.identity import Viewer
from app.platform.database.pools import Database
from app.platform.database.work import Reader
from config.settings import Settings

log = structlog.get_logger()

WRITTEN_EVERY = 60.0  # seconds
WRITTEN_AT_ONCE = 5_000  # tokens

# Locked in one order: two workers that write the same tokens, each in its own order, would wait for each other.
WRITE = """
WITH used AS (
    SELECT token.id, use.at FROM unnest($1::uuid[], $2::timestamptz[]) AS use (id, at)
    JOIN accounts_token AS token ON token.id = use.id
    WHERE token.last_used_at < use.at ORDER BY token.id FOR NO KEY UPDATE OF token
)
UPDATE accounts_token SET last_used_at = used.at FROM used WHERE accounts_token.id = used.id
"""


class Authentication:
    """The house's authenticator, one in each process."""

    def __init__(self, settings: Settings) -> None:
        self._security = settings.security
        self._proof_lasts = timedelta(minutes=self._security.proof_minutes)
        self._uses: dict[UUID, datetime] = {}

    async def __call__(self, reader: Reader, credential: str) -> Viewer | None:
        """The viewer whose token it is, by one statement and no write; None when it is nobody's (any more)."""
        is_cookie, idle = is_session(credential), idle_since(self._security)
        if not (is_cookie or is_token(credential)):
            return None
        used_after = idle.sessions if is_cookie else idle.tokens
        known = await bearer.one(reader, digest=digest_of(credential), used_after=used_after)
        if known is None:
            return None
        # Who goes on asking is known for a second, and then comes by here again: often enough for a last use.
        self._uses[known.id] = datetime.now(UTC)
        scopes = None if known.scopes is None else frozenset(known.scopes)
        return Viewer(
            known.user_id,
            known.id,
            frozenset(known.permissions),
            known.is_superuser,
            scopes,
            is_session=known.is_session,
            is_guarded=known.is_guarded,
            fresh_until=known.proved_at and known.proved_at + self._proof_lasts,
        )

    @asynccontextmanager
    async def lifespan(self, database: Database) -> AsyncGenerator[None]:
        """Write the last uses while the process lives, and what is left of them at its end."""
        writing = asyncio.create_task(self._write_on(database), name="last uses of tokens")
        try:
            yield
        finally:
            writing.cancel()
            with suppress(asyncio.CancelledError):
                await writing
            await self._write_or_warn(database)

    async def _write_on(self, database: Database) -> None:
        while True:
            await asyncio.sleep(WRITTEN_EVERY)
            await self._write_or_warn(database)

    async def _write_or_warn(self, database: Database) -> None:
        try:
            await self.write(database)
        except Exception as error:  # noqa: BLE001 - the next time will do
            log.warning("last uses of tokens were not written", reason=str(error))

    async def write(self, database: Database) -> None:
        """Write the last uses that were noted since. Raises what a write raises, and then keeps them."""
        uses, self._uses = self._uses, {}
        try:
            for batch in _batches(uses):
                await _write(database, batch)
        except BaseException:
            self._uses = uses | self._uses
            raise


def _batches(uses: dict[UUID, datetime]) -> Iterator[dict[UUID, datetime]]:
    rest = iter(uses.items())
    while batch := dict(islice(rest, WRITTEN_AT_ONCE)):
        yield batch


async def _write(database: Database, uses: dict[UUID, datetime]) -> None:
    work = database.unit_of_work()
    await work.run(lambda: work.fetch(WRITE, (list(uses), list(uses.values()))))

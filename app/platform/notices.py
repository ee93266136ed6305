"""A word from process to process that there is something to look at: quick, and never relied upon.

Who tells does so after its commit, many tellings as one: NOTIFY inside a transaction lets one of these commit at a
time, which left 25 % of the pace of sixteen writers. Who listens looks now and then without being told.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import structlog

from app.platform.database.pools import Database

log = structlog.get_logger()

COALESCED = 0.01  # seconds: more is not told by one process than once in this time
AGAIN = 1.0  # seconds until the next try of a listener that lost its connection
CHECKED_EVERY = 10.0  # seconds between questions to an idle connection whether it lives


class Notices:
    """One of a process: it tells others, and rings the bells of its own process for what others tell."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._untold: set[str] = set()
        self._telling: asyncio.Task[None] | None = None
        self._bells: dict[str, list[asyncio.Event]] = {}

    def tell(self, channel: str) -> None:
        """Have all who listen look, this process too; for use after a commit."""
        self._untold.add(channel)
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._tell(), name="notices")

    async def _tell(self) -> None:
        while self._untold:
            channels, self._untold = sorted(self._untold), set()
            try:
                await self._database.reader().fetch("SELECT pg_notify(c, '') FROM unnest($1::text[]) AS c", (channels,))
            except Exception as error:  # noqa: BLE001 - whoever listens looks without being told, a moment later
                log.warning("a notice was not sent", channels=channels, reason=str(error))
            await asyncio.sleep(COALESCED)

    def bell(self, channel: str) -> asyncio.Event:
        """An event that is set when there may be something to look at; asked for before `listening` begins."""
        bell = asyncio.Event()
        self._bells.setdefault(channel, []).append(bell)
        return bell

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None]:
        """Tell what is still untold before the process ends."""
        try:
            yield
        finally:
            if self._telling is not None:
                await self._telling

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[None]:
        """Hear what others tell, by a connection of its own that is made anew when it is lost."""
        listener = asyncio.create_task(self._listen_on(), name="listener")
        try:
            yield
        finally:
            listener.cancel()
            with suppress(asyncio.CancelledError):
                await listener

    async def _listen_on(self) -> None:
        while True:
            try:
                await self._listen()
            except Exception as error:  # noqa: BLE001 - whatever it is, a new connection may hear again
                log.warning("nothing is heard until the database answers again", reason=str(error))
            await asyncio.sleep(AGAIN)

    async def _listen(self) -> None:
        connection = await self._database.connect_aside("litehouse notices")
        try:
            for channel in self._bells:
                await connection.add_listener(channel, self._heard)
            self.ring(*self._bells)  # for what was told while nobody listened
            while True:
                await asyncio.sleep(CHECKED_EVERY)
                await connection.execute("SELECT 1", timeout=CHECKED_EVERY)
        finally:
            connection.terminate()

    def _heard(self, _connection: object, _pid: int, channel: str, _payload: object) -> None:
        self.ring(channel)

    def ring(self, *channels: str) -> None:
        """Ring the bells of this process alone."""
        for channel in channels:
            for bell in self._bells.get(channel, ()):
                bell.set()

"""A file that is sent while it is made: who makes it does not wait for who reads it."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Self

IN_MEMORY = 1 << 20  # bytes
MOST = 512 << 20  # bytes of it that the disk holds; more is written once all of that was read
PATIENCE = 30.0  # seconds that whoever makes it waits for that
AT_A_TIME = 1 << 17  # bytes


class ReadTooSlowly(Exception):
    """The disk holds as much as it may, and nobody reads it."""


class Spool:
    """Bytes in a file without a name, written by one task and read by another; it goes with the block.

    The disk is asked in threads, by one of the two at a time.
    """

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - it is closed with the block
        self._turn = asyncio.Condition()
        self._written = self._read = 0
        self._is_whole = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        async with self._turn:
            await asyncio.to_thread(self._file.close)

    async def write(self, part: bytes) -> None:
        """Add to it. Raises ReadTooSlowly where its reader is far too slow for something so large."""
        async with self._turn:
            if self._written >= MOST:
                await self._all_read()
            await self._do(lambda: self._append(part))

    async def finish(self) -> None:
        """That was all."""
        async with self._turn:
            self._is_whole = True
            self._turn.notify_all()

    async def parts(self) -> AsyncGenerator[bytes]:
        """All of it, as it comes."""
        while True:
            async with self._turn:
                await self._turn.wait_for(lambda: self._is_whole or self._read < self._written)
                part = await self._do(self._take)
            if not part:
                return
            yield part

    async def _all_read(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                await self._turn.wait_for(lambda: self._read == self._written)
        except TimeoutError as error:
            raise ReadTooSlowly from error

    async def _do(self, act: Callable[[], bytes]) -> bytes:
        done = await asyncio.to_thread(act)
        self._turn.notify_all()
        return done

    def _append(self, part: bytes) -> bytes:
        if self._read == self._written:  # the disk gets back what was read
            self._read = self._written = 0
            self._file.seek(0)
            self._file.truncate()
        self._file.seek(self._written)
        self._written += self._file.write(part)
        return part

    def _take(self) -> bytes:
        self._file.seek(self._read)
        part = self._file.read(min(AT_A_TIME, self._written - self._read))
        self._read += len(part)
        return part

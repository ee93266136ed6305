"""Computed values in a server that all processes share, Valkey or Redis.

Each tag has a version there, a random one, and a value begins with the versions that its tags had before it was
computed: it is good as long as they are the same. To forget a tag is to delete its version; one that the server itself
drops, for want of memory, does no harm either. While the server is away, values are computed.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from os import urandom
from random import uniform
from time import monotonic
from typing import Any

import structlog
from valkey.asyncio import BlockingConnectionPool
from valkey.asyncio import Valkey as Client
from valkey.exceptions import ValkeyError

from app.platform.cache.seldom import Seldom
from app.platform.database.changes import EVERYTHING

log = structlog.get_logger()

PATIENCE = 0.5  # seconds for the server's answer; one that takes longer is away
AGAIN = 1.0  # seconds until one that is away is asked again
CONNECTIONS = 20
LOCKED = 10.0  # seconds: a computation that takes longer may be begun by one more process
POLLED_EVERY = 0.05  # seconds, by a process that waits for what another computes
TAG_SECONDS = 86_400  # that a version lives at least, else twice as long as the value
MOST_HEARD = 10_000  # tags that wait to be forgotten; more stand for all

VERSION = 8  # bytes
PREFIX = "litehouse:"
RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


class Away(Exception):
    """The server did not answer, now or a moment ago."""


class Valkey:
    """By its URL; it is connected to when somebody first asks for a value."""

    def __init__(self, url: str) -> None:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS,
            timeout=PATIENCE,
            socket_timeout=PATIENCE,
            socket_connect_timeout=PATIENCE,
        )
        self._client: Any = Client.from_pool(pool)
        self._again_at = float("-inf")
        self._warned = Seldom(log, "values are computed, for the cache's server is away")
        self._heard: set[str] = set()
        self._letting_go = asyncio.Lock()

    async def read(self, key: str, tags: Collection[str]) -> bytes | None:
        """The value, if it is there and of its tags' present versions."""
        if not await self.has_let_go():
            return None
        try:
            body, *versions = await self._ask(partial(self._client.mget, [_value(key), *map(_tag, tags)]))
        except Away:
            return None
        return _good(body, versions)

    @asynccontextmanager
    async def turn(
        self, key: str, tags: Collection[str]
    ) -> AsyncGenerator[tuple[bytes | None, Callable[[bytes, float], Awaitable[None]]]]:
        """One process has it, at most for ten seconds; the others look whether it has made the value."""
        body, versions, own = None, (), urandom(VERSION)
        try:
            with suppress(Away):
                body = await self._wait(key, tags, own)
                if body is None:
                    body, versions = await self._versions(key, tags)
            yield body, partial(self._keep, key, tags, versions)
        finally:
            with suppress(Away):
                await self._ask(partial(self._client.eval, RELEASE, 1, _lock(key), own))

    async def _wait(self, key: str, tags: Collection[str], own: bytes) -> bytes | None:
        lock = partial(self._client.set, _lock(key), own, nx=True, px=int(LOCKED * 1000))
        while not await self._ask(lock):
            await asyncio.sleep(POLLED_EVERY * uniform(0.5, 1.5))  # noqa: S311 - no secret
            if (body := await self.read(key, tags)) is not None:
                return body
        return None

    async def _versions(self, key: str, tags: Collection[str]) -> tuple[bytes | None, Sequence[bytes]]:
        """The value, if somebody has just made it; the versions of its tags, which are made where there is none."""
        names = [_tag(tag) for tag in tags]
        body, *found = await self._ask(partial(self._client.mget, [_value(key), *names]))
        if None in found:
            made = self._client.pipeline(transaction=False)
            for name in names:
                made.set(name, urandom(VERSION), nx=True, ex=TAG_SECONDS)
            *_, found = await self._ask(made.mget(names).execute)
        return _good(body, found), () if None in found else found

    async def _keep(
        self, key: str, tags: Collection[str], versions: Sequence[bytes], body: bytes, seconds: float
    ) -> None:
        if not versions:
            return
        kept = self._client.pipeline(transaction=False)
        kept.set(_value(key), b"".join(versions) + body, px=max(1, int(seconds * 1000)))
        for tag in tags:
            kept.expire(_tag(tag), max(TAG_SECONDS, int(2 * seconds)))
        with suppress(Away):
            await self._ask(kept.execute)

    def hear(self, tags: Collection[str], *, missed: bool) -> None:  # noqa: ARG002
        """They are forgotten before a value is next read.

        What this process has missed was heard by another: whoever clears marks away has had them forgotten.
        """
        self._heard.update(tags)
        if len(self._heard) > MOST_HEARD:
            self._heard = {EVERYTHING}

    async def has_let_go(self) -> bool:
        """Forget what was heard of. One after the other: nobody reads while another is still about to forget."""
        if not self._heard and not self._letting_go.locked():
            return True
        async with self._letting_go:
            tags, self._heard = self._heard, set()
            try:
                if tags:
                    await self._ask(partial(self._client.delete, *map(_tag, tags)))
                    tags = set()
            except Away:
                return False
            finally:
                self._heard |= tags
        return True

    async def _ask(self, question: Callable[[], Awaitable[Any]]) -> Any:
        """Raises Away."""
        if monotonic() < self._again_at:
            raise Away
        try:
            return await question()
        except (ValkeyError, OSError, TimeoutError) as error:
            self._again_at = monotonic() + AGAIN
            self._warned.warn(error)
            raise Away from error

    @property
    def must_look(self) -> bool:
        """Whoever clears marks away has them forgotten here before."""
        return False

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def _value(key: str) -> str:
    return f"{PREFIX}value:{key}"


def _tag(tag: str) -> str:
    return f"{PREFIX}tag:{tag}"


def _lock(key: str) -> str:
    return f"{PREFIX}lock:{key}"


def _good(body: bytes | None, versions: Sequence[bytes | None]) -> bytes | None:
    """What follows the versions, if these are they."""
    present = b"".join(version for version in versions if version is not None)
    if body is None or len(present) < VERSION * len(versions) or not body.startswith(present):
        return None
    return body[len(present) :]

"""How often: limits counted in PostgreSQL, so that they hold across workers, and exactly.

A window begins with the first attempt and ends by itself; within it a limit of 20 lets 20 through, never 21. A generic
cell rate algorithm would refill meanwhile: no fewer in the worst window, and no number that a client can be told.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from ipaddress import IPv6Address, IPv6Network
from itertools import chain
from math import ceil
from typing import Any

import structlog
from sqlalchemy import Column, DateTime, Integer, LargeBinary, Table

from app.kit.errors import TooMany
from app.platform.database.model import Base
from app.platform.database.pools import Database
from app.platform.database.work import Reader, Source
from app.platform.forwarding import address_of
from config.rates import Rate

log = structlog.get_logger()

SWEEP_SECONDS = 60.0
SWEPT_AT_ONCE = 10_000
DEEPEST = 64  # bytes that a key has more than the one it is within
RATE_HEADERS = "rate_headers"  # where the scope holds what its answer tells of limits
NONE: Mapping[str, str] = {}

# UNLOGGED: a commit that waits for no disk. What a crash forgets is that some had to wait.
counts = Table(
    "platform_throttle",
    Base.metadata,
    Column("key", LargeBinary, primary_key=True),  # a digest: neither addresses nor names are kept
    Column("count", Integer, nullable=False),  # attempts that were let through, the limit at most
    Column("expires_at", DateTime(timezone=True), nullable=False, index=True),
    prefixes=["UNLOGGED"],
)

# Each limit counts what the one before it let through: who is stopped at a narrow one cannot use up a wide one. In
# this order all take their locks as well, so that they never wait for each other.
STEP = """
step{n} AS (
    INSERT INTO platform_throttle AS kept (key, count, expires_at)
    SELECT ${key}::bytea, 1, now() + make_interval(secs => ${seconds}::float8)
    {after} NOT EXISTS (SELECT FROM platform_throttle WHERE key = ${unless}::bytea AND expires_at > now())
    ON CONFLICT (key) DO UPDATE SET
        count = CASE WHEN kept.expires_at > now() THEN LEAST(kept.count + 1, ${times}::int) ELSE 1 END,
        expires_at = CASE WHEN kept.expires_at > now() THEN kept.expires_at ELSE excluded.expires_at END
    RETURNING {n} AS step, count, extract(epoch FROM expires_at - now())::float8 AS seconds,
        old.count IS NULL OR old.expires_at <= now() OR old.count < ${times}::int AS passed
)"""
GIVE_BACK = """
WITH given AS (
    UPDATE platform_throttle SET count = count - 1
    FROM (
        SELECT key AS mine FROM platform_throttle WHERE key = ANY($1::bytea[]) AND count > 0 AND expires_at > now()
        ORDER BY array_position($1::bytea[], key) FOR UPDATE
    ) AS locked
    WHERE key = mine
)
INSERT INTO platform_throttle (key, count, expires_at) VALUES ($2, 0, now() + make_interval(secs => $3::float8))
ON CONFLICT (key) DO UPDATE SET expires_at = excluded.expires_at
"""
SWEEP = """
DELETE FROM platform_throttle WHERE key IN (
    SELECT key FROM platform_throttle WHERE expires_at <= now() ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
)
RETURNING 1
"""
FORGET = """
DELETE FROM platform_throttle WHERE key IN (
    SELECT key FROM platform_throttle WHERE key BETWEEN $1::bytea AND $2::bytea
    ORDER BY length(key) DESC, key FOR UPDATE
)
RETURNING 1
"""


@cache
def _statement(limits: int) -> str:
    steps = []
    for n in range(limits):
        after = f"FROM step{n - 1} WHERE passed AND" if n else "WHERE"
        key, times, seconds, unless = range(4 * n + 1, 4 * n + 5)
        steps.append(STEP.format(n=n, after=after, key=key, times=times, seconds=seconds, unless=unless))
    rows = " UNION ALL ".join(f"SELECT * FROM step{n}" for n in range(limits))  # noqa: S608 - of numbers
    return f"WITH {','.join(steps)} {rows} ORDER BY step"


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so often for one key. Clients are told its name.

    With `unless`, a key that `remember` wrote, it does not hold while that is remembered; only the last limit of an
    attempt may have one. Clients are not told of it: that it holds would tell them that nothing is remembered.
    """

    name: str
    rate: Rate
    key: bytes
    unless: bytes | None = None


def key_of(*parts: str, within: bytes = b"") -> bytes:
    """The key of what these texts name, whole: none of them can be read from it.

    It begins with the one that it is `within`, and is forgotten with it.
    """
    digest = blake2b(digest_size=16)
    for part in parts:
        text = part.encode(errors="surrogatepass")
        digest.update(b"%d:" % len(text) + text)
    return within + digest.digest()


def network_of(scope: Any) -> str:
    """What limits take for one address: an IPv4 address, or the /64 that an IPv6 client chooses its addresses from."""
    client = scope.get("client")
    host = client[0] if client else ""
    address = address_of(host)
    if isinstance(address, IPv6Address):
        return str(IPv6Network((int(address), 64), strict=False))
    return host if address is None else str(address)


class Throttle:
    """The limits, as the request of one scope meets them."""

    __slots__ = ("_database", "_scope", "network")

    def __init__(self, database: Database, scope: Any) -> None:
        self._database = database
        self._scope = scope
        self.network = network_of(scope)

    async def take(self, *limits: Limit) -> None:
        """Count an attempt, the narrowest limit first, and tell the client. Raises TooMany at the first that is full.

        One statement, which commits by itself: what is counted stays counted, whatever becomes of the request.
        """
        asked = chain.from_iterable((one.key, one.rate.times, one.rate.seconds, one.unless) for one in limits)
        rows = await self.source.fetch(_statement(len(limits)), tuple(asked))
        met: list[tuple[Limit, Any]] = [(limits[row["step"]], row) for row in rows]
        self._scope[RATE_HEADERS] = rate_headers(met)
        if met and not met[-1][1]["passed"]:
            last, row = met[-1]
            log.warning("throttled", limit=last.name)
            raise TooMany(retry_after=max(1, ceil(row["seconds"])))

    async def give_back(self, *limits: Limit, remember: bytes, seconds: int, source: Source | None = None) -> None:
        """Uncount an attempt, the limits in the order in which it was counted, and remember the key for so long.

        Who holds a transaction gives it as `source`: it must not wait for a second connection.
        """
        parameters = ([one.key for one in limits], remember, seconds)
        await (source or self.source).fetch(GIVE_BACK, parameters)

    @property
    def source(self) -> Source:
        """Where a statement commits by itself, off the unit of work, and before that has a slot.

        Who held one and waited for a second could wait for ever.
        """
        return Reader(self._database.write)


def rate_headers(met: Sequence[tuple[Limit, Mapping[str, Any]]]) -> dict[str, str]:
    """RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-11) of the limits that clients are told of.

    q: times, w: seconds of the window, r: times left, t: seconds to its end.
    """
    shown = [(limit, row) for limit, row in met if limit.unless is None]
    if not shown:
        return {}
    policy = (f'"{limit.name}";q={limit.rate.times};w={limit.rate.seconds}' for limit, _ in shown)
    state = (
        f'"{limit.name}";r={max(0, limit.rate.times - row["count"])};t={max(0, ceil(row["seconds"]))}'
        for limit, row in shown
    )
    return {"RateLimit-Policy": ", ".join(policy), "RateLimit": ", ".join(state)}


@asynccontextmanager
async def sweeping(database: Database) -> AsyncGenerator[None]:
    """Clear windows that have ended away while the process lives."""
    task = asyncio.create_task(_sweep(database), name="old counters of attempts")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _sweep(database: Database) -> None:
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        try:
            while await sweep(database) == SWEPT_AT_ONCE:
                pass
        except Exception as error:  # noqa: BLE001 - the next time will do
            log.warning("old counters of attempts were not cleared away", reason=str(error))


async def sweep(database: Database) -> int:
    """Clear ended windows away, ten thousand at most; how many."""
    return len(await Reader(database.write).fetch(SWEEP, (SWEPT_AT_ONCE,)))


async def forget(source: Source, key: bytes) -> int:
    """Forget what was counted for this key, and for those within it; how many there were."""
    return len(await source.fetch(FORGET, (key, key + b"\xff" * DEEPEST)))

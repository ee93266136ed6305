"""Idempotency-Key: a write that a client names is done once, and each repetition gets the answer of the first.

The key is claimed by the first statement of the transaction that does the work, and the answer is a row of it: a
repetition at the same time waits for that transaction's end, a later one finds the answer, and what was refused or
rolled back has left nothing, so that the same key may try again. Whoever repeats is answered before the work begins.

Neither keys nor bodies can be read from the table. Of a key there is a digest; of a request there is one that is keyed
by the key, for a body may hold a password, which could be guessed by a bare one.

A key belongs to a user: the requests of nobody (signing in and up, mostly) have none. For whoever knew a key could try
passwords under it, past all limits, and be told by the refusal which one was right.
"""

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from hashlib import blake2b
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from litestar import Request
from sqlalchemy import CheckConstraint, Column, DateTime, LargeBinary, SmallInteger, Table, Text, Uuid, text

from app.kit.errors import Conflict, Invalid, Malformed
from app.kit.identity import Viewer
from app.platform.database.model import Base
from app.platform.database.pools import Database
from app.platform.database.slots import Slot
from app.platform.database.work import Reader, Source, UnitOfWork
from app.platform.encoded import Encoded
from app.platform.observability.exchange import REPLAYED

HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"
KEY = "[!-~]{1,255}"
DIGEST = 32  # bytes
KEPT = timedelta(hours=24)

# Status and body are null while nobody else can see the row, and of an answer that is not kept.
answers = Table(
    "platform_idempotency",
    Base.metadata,
    Column("user_id", Uuid, primary_key=True),
    Column("key", LargeBinary, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("status", SmallInteger),
    Column("headers", Text),  # as JSON, in their order
    Column("body", LargeBinary),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()"), index=True),
    CheckConstraint("(status IS NULL) = (headers IS NULL) AND (status IS NULL) = (body IS NULL)", name="answer"),
)

RECALL = "SELECT fingerprint, status, headers, body FROM platform_idempotency WHERE user_id = $1 AND key = $2"
# Waits for the end of the transaction that has claimed the same key, if there is one.
CLAIM = """
INSERT INTO platform_idempotency (user_id, key, fingerprint) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING true
"""
KEEP = "UPDATE platform_idempotency SET status = $3, headers = $4, body = $5 WHERE user_id = $1 AND key = $2"
# By a job, not by partitions: a unique key over these would have to hold the moment too, and so would be none.
CLEAR = """
DELETE FROM platform_idempotency WHERE (user_id, key) IN (
    SELECT user_id, key FROM platform_idempotency WHERE created_at < now() - $1::interval
    ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED
) RETURNING true
"""
FORGET = "DELETE FROM platform_idempotency WHERE user_id = $1"


class KeyReused(Invalid):
    """The Idempotency-Key was used before, for another request: a new request needs a new key."""

    code = "idempotency_key_reused"
    title = "Idempotency-Key used for another request"

    def __init__(self) -> None:
        super().__init__(f"header:{HEADER.lower()}", "was used for a request of another method, address or body")


class KeyInUse(Conflict):
    """A request with this Idempotency-Key is being worked on; the Retry-After header says when to ask again."""

    code = "idempotency_key_in_use"
    title = "Request still in progress"

    def __init__(self) -> None:
        super().__init__(f"header:{HEADER.lower()}", "is that of a request that is still being worked on")
        self.headers["Retry-After"] = "1"


class AnswerNotKept(Conflict):
    """The request was done under this Idempotency-Key, once; its answer showed a secret, and so was not kept."""

    code = "answer_not_kept"
    title = "Done, and the answer was not kept"

    def __init__(self) -> None:
        super().__init__(f"header:{HEADER.lower()}", "is that of a request that was done; its answer was not kept")


class Repeated(Exception):
    """The request was done before: this was its answer."""

    def __init__(self, answer: Encoded) -> None:
        super().__init__("the request was done before")
        self.answer = answer


def key_given(request: Request[Any, Any, Any]) -> str | None:
    """The key that a request brings to a route that looks at it. Raises Malformed where it is none."""
    scope: Any = request.scope
    given = [value for name, value in scope["headers"] if name == b"idempotency-key"]
    if not given or not scope["route_handler"].takes_key:
        return None
    key = given[0].decode("latin-1")
    if len(given) > 1 or not re.fullmatch(KEY, key):
        raise Malformed(f"header:{HEADER.lower()}", "must be one of 1 to 255 visible ASCII characters, without spaces")
    return key


class KeyedWork(UnitOfWork):
    """The unit of work of a request that brings a key."""

    __slots__ = ("_fingerprint", "_key", "_named", "_reader", "_refusal", "_request")

    def __init__(self, database: Database, viewer: Viewer, request: Request[Any, Any, Any], key: str) -> None:
        super().__init__(database.write, viewer, database.on_published, database.on_enqueued)
        self._reader: Reader = database.reader(viewer)
        self._request = request
        self._key = key.encode()
        self._named = (viewer.id, blake2b(self._key, digest_size=DIGEST, person=b"key").digest())
        self._fingerprint = b""
        self._refusal: Exception | None = None

    async def run(self, do: Callable[[], Awaitable[Any]]) -> Any:
        """Do it and commit, unless it was done before: then the answer that was given.

        First without a transaction: a repetition costs one read, whatever the handler does before it begins one.
        Raises what `do` raises, CommitError, KeyReused, KeyInUse, AnswerNotKept.
        """
        self._fingerprint = await _fingerprint(self._request, self._key)
        try:
            await self._recall(self._reader)
            return await super().run(partial(self._once, do))
        except Exception as error:
            done = self._refusal or error  # which a task group, say, has wrapped
            if not isinstance(done, Repeated):
                raise
            scope: Any = self._request.scope
            scope[REPLAYED] = True
            return done.answer

    async def _once(self, do: Callable[[], Awaitable[Any]]) -> Any:
        self._refusal = None
        answer = await do()
        if not self.is_untouched:
            slot = await self._settled()
            if self._refusal is not None:  # the handler let it pass
                raise self._refusal
            if _may_be_kept(answer):
                headers = msgspec.json.encode(answer.headers).decode()
                await slot.fetch(KEEP, (*self._named, answer.status, headers, answer.body))
        return answer

    async def _begin(self) -> Slot:
        slot = await super()._begin()
        try:
            await self._claim(slot)
        except Exception as error:
            self._refusal = error
            raise
        return slot

    async def _claim(self, source: Source) -> None:
        try:
            while not await source.fetch(CLAIM, (*self._named, self._fingerprint)):
                await self._recall(source)
        except asyncpg.LockNotAvailableError as error:
            raise KeyInUse from error

    async def _recall(self, source: Source) -> None:
        """Nothing where the key is new. Raises Repeated, KeyReused, AnswerNotKept."""
        for row in await source.fetch(RECALL, self._named):
            if row["fingerprint"] != self._fingerprint:
                raise KeyReused
            if row["status"] is None:
                raise AnswerNotKept
            headers = msgspec.json.decode(row["headers"], type=dict[str, str])
            raise Repeated(Encoded(row["status"], row["body"], {**headers, REPLAYED_HEADER: "true"}))


async def _fingerprint(request: Request[Any, Any, Any], key: bytes) -> bytes:
    """What makes two requests the same: method, path, query and the bytes of the body, where the route reads one."""
    scope = request.scope
    head = f"{scope['method']} {scope['path']}?".encode(errors="surrogatepass") + scope["query_string"]
    body = await request.body() if request.route_handler.parsed_data_field is not None else b""
    secret = blake2b(key, digest_size=DIGEST, person=b"request").digest()
    return blake2b(b"%d:%b%b" % (len(head), head, body), digest_size=DIGEST, key=secret).digest()


def _may_be_kept(answer: Any) -> bool:
    """What no cache may keep, for it shows a secret, is not kept here either; a cookie is one."""
    if not isinstance(answer, Encoded):
        return False
    told = {name.lower(): value for name, value in answer.headers.items()}
    return "set-cookie" not in told and "no-store" not in told.get("cache-control", "")


async def clear(source: Source, at_once: int) -> int:
    """Forget keys of more than 24 hours ago, so many at once; how many there were."""
    return len(await source.fetch(CLEAR, (KEPT, at_once)))


async def forget(source: Source, user: UUID) -> None:
    """Forget all that a user was answered."""
    await source.fetch(FORGET, (user,))

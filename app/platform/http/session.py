"""One upstream's connections: pooled, bounded, opened by the first who asks and closed at the end."""

import asyncio
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

import msgspec

from app.platform.http.addresses import public_socket
from app.platform.http.answers import Answer, Unanswered
from app.platform.http.upstream import Upstream
from app.platform.observability.identity import IDS

if TYPE_CHECKING:
    import aiohttp

CONNECTIONS, CONNECTIONS_A_HOST, KEEP_ALIVE, NAMES_KEPT = 100, 20, 30.0, 300


class Question(msgspec.Struct, frozen=True):
    """What is asked: a method, an address, headers, and a form or bytes."""

    method: str
    url: str
    headers: Mapping[str, str]
    form: Mapping[str, str] | None = None
    body: bytes | None = None


class Session:
    """Cookies, redirects, proxies of the environment and `.netrc` mean nothing to it."""

    def __init__(self, upstream: Upstream, *, inwards: bool) -> None:
        """`inwards`: whether addresses that are not public are dialled."""
        self._upstream = upstream
        self._inwards = inwards
        self._session: aiohttp.ClientSession | None = None

    async def exchange(self, question: Question, keep: int) -> Answer:
        """Ask, and read `keep` bytes of the answer, unpacked, at most. Raises Unanswered, TimeoutError."""
        session = await self._opened()
        try:
            return await _exchanged(session, question, keep)
        except TimeoutError:
            raise
        except (import_module("aiohttp").ClientError, OSError, ValueError) as error:
            raise Unanswered(_named(error)) from error

    async def close(self) -> None:
        """Close its connections; who asks then opens others."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _opened(self) -> "aiohttp.ClientSession":
        if self._session is None:
            library = await asyncio.to_thread(import_module, "aiohttp")  # which takes a third of a second
            self._session = self._session or self._made(library)
        return self._session

    def _made(self, library: Any) -> "aiohttp.ClientSession":
        connector = library.TCPConnector(
            limit=CONNECTIONS,
            limit_per_host=CONNECTIONS_A_HOST,
            keepalive_timeout=KEEP_ALIVE,
            ttl_dns_cache=NAMES_KEPT,
            socket_factory=None if self._inwards else public_socket,
        )
        upstream = self._upstream
        return library.ClientSession(
            connector=connector,
            timeout=library.ClientTimeout(total=None, connect=upstream.connect, sock_read=upstream.read),
            cookie_jar=library.DummyCookieJar(),
            headers={"User-Agent": "Litehouse", "Accept": "application/json"},
        )


async def _exchanged(session: "aiohttp.ClientSession", question: Question, keep: int) -> Answer:
    ids = IDS.get()
    headers = {**question.headers, **({"X-Correlation-ID": ids.correlation} if ids else {})}
    data = question.form if question.body is None else question.body
    async with session.request(
        question.method, question.url, data=data, headers=headers, allow_redirects=False
    ) as answer:
        body = await _read(answer, keep)
        told = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(answer.status, told, bytes(body[:keep]), len(body) > keep)


async def _read(answer: "aiohttp.ClientResponse", keep: int) -> bytearray:
    """More than `keep` bytes where there are more; the rest is not waited for."""
    body = bytearray()
    async for part in answer.content.iter_any():
        body += part
        if len(body) > keep:
            answer.close()
            break
    return body


def _named(error: BaseException) -> str:
    """The kind of error, and what the system says of it; never the address, which may hold secrets."""
    inner = getattr(error, "os_error", None)
    text = inner.strerror or str(inner) if isinstance(inner, OSError) else ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__

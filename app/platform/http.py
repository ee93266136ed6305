"""Asking other servers: one pooled client in each process, bounded in time and in size, which does not dial inwards."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from importlib import import_module
from ipaddress import IPv6Network, ip_address
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import structlog

from app.kit.errors import AppError, Busy
from app.platform.forwarding import Address, address_of
from config.settings import Settings

if TYPE_CHECKING:
    import aiohttp

log = structlog.get_logger()

TOTAL_SECONDS, CONNECT_SECONDS = 10.0, 3.0
LARGEST = 1_000_000  # bytes of an answer, unpacked
CONNECTIONS, CONNECTIONS_A_HOST, KEEP_ALIVE, NAMES_KEPT = 100, 20, 30.0, 300
TRY_AGAIN = 30  # seconds
TRANSLATED = IPv6Network("64:ff9b::/96")  # by whom it is translated into IPv4 (RFC 6052)


class UpstreamFailed(AppError):
    """Another server, which had to be asked, gave an answer that cannot be used."""

    status = 502
    code = "upstream_failed"
    title = "Upstream failed"


class Answer(NamedTuple):
    """What another server said: a status below 500 that leads nowhere else, and all of its body."""

    status: int
    body: bytes


class Outbound:
    """The process's one client. Cookies, redirects, proxies of the environment and `.netrc` mean nothing to it."""

    def __init__(self, settings: Settings) -> None:
        self.may_dial_inwards = not settings.production
        self._session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None]:
        """Close, at the end, what was opened by the first who asked: many installations ask nobody."""
        try:
            yield
        finally:
            session, self._session = self._session, None
            if session is not None:
                await session.close()

    async def ask(
        self, method: str, url: str, *, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """What the server at this address answers.

        Raises Busy where it cannot be reached, is too slow or says that it cannot now; UpstreamFailed for a redirect
        and for an answer that is too large. The log tells its host alone: paths, forms and headers may hold secrets.
        """
        host = urlsplit(url).hostname or ""
        session = await self._opened()
        try:
            async with session.request(method, url, data=form, headers=headers, allow_redirects=False) as answer:
                return Answer(_usable(answer.status, host), await _whole(answer, host))
        except (_library().ClientError, OSError, TimeoutError) as error:
            log.warning("a server could not be asked", host=host, reason=type(error).__name__)
            raise Busy(f"{host} cannot be reached", retry_after=TRY_AGAIN) from error

    async def _opened(self) -> "aiohttp.ClientSession":
        if self._session is None:
            library = await asyncio.to_thread(_library)  # which takes a third of a second to import
            self._session = self._session or self._made(library)
        return self._session

    def _made(self, library: Any) -> "aiohttp.ClientSession":
        connector = library.TCPConnector(
            limit=CONNECTIONS,
            limit_per_host=CONNECTIONS_A_HOST,
            keepalive_timeout=KEEP_ALIVE,
            ttl_dns_cache=NAMES_KEPT,
            socket_factory=self._socket,
        )
        return library.ClientSession(
            connector=connector,
            timeout=library.ClientTimeout(total=TOTAL_SECONDS, connect=CONNECT_SECONDS),
            cookie_jar=library.DummyCookieJar(),
            headers={"User-Agent": "Litehouse", "Accept": "application/json"},
        )

    def _socket(self, dialled: Any) -> socket.socket:
        """A socket to the address that is dialled, of whatever form and by whatever name. Raises OSError."""
        family, kind, protocol, _, address = dialled
        if not (self.may_dial_inwards or is_public(address[0])):
            raise OSError("the address is not public")
        return socket.socket(family, kind, protocol)


def _library() -> Any:
    return import_module("aiohttp")


def _usable(status: int, host: str) -> int:
    if status == 429 or status >= 500:
        log.warning("a server refused", host=host, status=status)
        raise Busy(f"{host} cannot answer now", retry_after=TRY_AGAIN)
    if 300 <= status < 400:
        log.warning("a server led elsewhere", host=host, status=status)
        raise UpstreamFailed(detail=f"{host} led elsewhere")
    return status


async def _whole(answer: "aiohttp.ClientResponse", host: str) -> bytes:
    body = bytearray()
    async for part in answer.content.iter_any():
        body += part
        if len(body) > LARGEST:
            log.warning("a server said too much", host=host)
            raise UpstreamFailed(detail=f"{host} gave an answer that is too large")
    return bytes(body)


def is_public(host: str) -> bool:
    """Whether an IP address is one of the internet's; IPv4 in the clothes of IPv6 is judged as what it is."""
    address: Address | None = address_of(host.partition("%")[0])
    if address is None:
        return False
    if address.version == 6:
        inner = address.sixtofour or (address.teredo and address.teredo[1])
        if address in TRANSLATED:
            inner = ip_address(int(address) & 0xFFFFFFFF)
        address = inner or address
    return address.is_global and not address.is_multicast


def is_loopback(host: str) -> bool:
    """Whether this is the machine itself, by its name or its address."""
    address = address_of(host)
    return host == "localhost" if address is None else address.is_loopback

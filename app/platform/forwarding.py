"""Who is at the other end when proxies stand between: the address that the trusted ones of them tell."""

from collections.abc import Awaitable, Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

from litestar.types import ASGIApp, Receive, Scope, Send

from config.rates import Network

Address = IPv4Address | IPv6Address


class Forwarded:
    """Makes the right-most hop of X-Forwarded-For that is no trusted proxy the client, for all inside and the log.

    From the right, since each proxy appends whom it was asked by: all further left is what the client itself claims.
    """

    __slots__ = ("_app", "_trusted")

    def __init__(self, app: ASGIApp, trusted: Sequence[Network]) -> None:
        self._app = app
        self._trusted = trusted

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """The ASGI callable."""
        if scope["type"] in ("http", "websocket") and (peer := scope.get("client")):
            told = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
            if told:
                # In place: the access line is made of the scope that the server made.
                scope["client"] = (self._client(peer[0], ",".join(told).split(",")), peer[1])
        return self._app(scope, receive, send)

    def _client(self, peer: str, hops: Iterable[str]) -> str:
        """The last hop that is known for sure: a word that is no address ends the search."""
        client = peer
        for hop in reversed(list(hops)):
            if not self._is_trusted(client):
                return client
            address = address_of(hop)
            if address is None:
                return client
            client = str(address)
        return client

    def _is_trusted(self, client: str) -> bool:
        address = address_of(client)
        return address is not None and any(address in network for network in self._trusted)


def address_of(text: str) -> Address | None:
    """An IP address as proxies write it, with or without brackets and a port; None for anything else.

    An IPv4 address that was mapped into IPv6 is the IPv4 address: a client is the same one on both kinds of socket.
    """
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address

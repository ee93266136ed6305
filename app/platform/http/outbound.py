"""The process's clients, one for each upstream that somebody asks."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from app.platform.http.client import Client
from app.platform.http.upstream import Upstream
from config.settings import Settings


class Outbound:
    """Production dials no address inside, and asks by https alone."""

    def __init__(self, settings: Settings) -> None:
        self._inwards = not settings.production
        self._clients: dict[str, Client] = {}

    def to(self, upstream: Upstream) -> Client:
        """The client of this upstream. Raises ValueError where two upstreams have one name."""
        client = self._clients.get(upstream.name)
        if client is None:
            client = self._clients[upstream.name] = Client(upstream, inwards=self._inwards)
        elif client.upstream != upstream:
            message = f"two upstreams are called {upstream.name}"
            raise ValueError(message)
        return client

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None]:
        """Close, at the end, what was opened by the first who asked: many installations ask nobody."""
        try:
            yield
        finally:
            for client in self._clients.values():
                await client.close()

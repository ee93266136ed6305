"""A server that is asked, and upstreams that ask it once, or soon again."""

import asyncio
from collections.abc import Callable

from aiohttp import web

from app.platform.http.upstream import Upstream


class Server:
    """One that is asked; `answer` makes what it says, by the number of the question."""

    def __init__(self) -> None:
        self.asked: list[web.Request] = []
        self.answer: Callable[[int], web.StreamResponse] = lambda _: web.Response(text="well")
        self.open = asyncio.Event()
        self.open.set()
        self.inside = self.most = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            await self.open.wait()
            return self.answer(len(self.asked))
        finally:
            self.inside -= 1

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"


ONCE = Upstream(name="once", tries=1, breaks_after=None)
QUICK = Upstream(name="quick", first_pause=0.01, longest_pause=0.02, breaks_after=None)

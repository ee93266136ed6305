"""A server that is asked, and what asks it."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from app.platform.http.client import Client
from app.platform.http.outbound import Outbound
from config.settings import load
from tests.platform.http.asked import ONCE, Server


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server, app = Server(), web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.port = runner.addresses[0][1]
    yield server
    server.open.set()
    await runner.cleanup()


@pytest.fixture
async def outbound() -> AsyncIterator[Outbound]:
    outbound = Outbound(load(None, {"LITEHOUSE_ENVIRONMENT": "test", "DATABASE_URL": "postgresql://a@b/c"}))
    async with outbound.lifespan():
        yield outbound


@pytest.fixture
def client(outbound: Outbound) -> Client:
    return outbound.to(ONCE)

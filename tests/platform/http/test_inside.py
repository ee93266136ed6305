"""In production no address inside is asked, by whatever name, and none without https."""

import asyncio
import socket

import pytest
from aiohttp.resolver import ThreadedResolver

from app.kit.errors import Busy
from app.platform.http.answers import Unanswered
from app.platform.http.outbound import Outbound
from app.platform.http.session import Question
from config.settings import load
from tests.platform.http.asked import ONCE, Server

PRODUCTION = {"LITEHOUSE_ENVIRONMENT": "production", "DATABASE_URL": "postgresql://a@b/c"}


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "2130706433",
        "0177.0.0.1",
        "0x7f.1",
        "[::]",
    ],
)
async def test_production_dials_no_address_inside_by_whatever_name(host: str, capfd: pytest.CaptureFixture[str]):
    dialled = []
    listener = await asyncio.start_server(lambda *_: dialled.append(_), "127.0.0.1", 0)
    outbound, port = Outbound(load(None, PRODUCTION)), listener.sockets[0].getsockname()[1]
    async with outbound.lifespan(), listener:
        with pytest.raises(Busy):
            await outbound.to(ONCE).ask("GET", f"https://{host}:{port}/")
    assert dialled == []
    reason = capfd.readouterr().out
    assert "the address is not public" in reason or "InvalidUrlClientError" in reason


async def test_a_name_that_means_another_address_by_then_leads_nowhere(monkeypatch: pytest.MonkeyPatch):
    """Whatever a resolver says, and however often it was asked before, what is dialled is looked at."""

    async def rebind(_self, host, port=0, family=socket.AF_INET):
        return [{"hostname": host, "host": "169.254.169.254", "port": port, "family": family, "proto": 0, "flags": 0}]

    monkeypatch.setattr(ThreadedResolver, "resolve", rebind)
    outbound = Outbound(load(None, PRODUCTION))
    async with outbound.lifespan():
        with pytest.raises(Unanswered, match="not public"):
            await outbound.to(ONCE).send(Question("GET", "https://example.com/", {}))


async def test_production_asks_by_https_alone(server: Server):
    outbound = Outbound(load(None, PRODUCTION))
    async with outbound.lifespan():
        with pytest.raises(Unanswered, match="https"):
            await outbound.to(ONCE).send(Question("GET", server.url, {}))
    assert server.asked == []

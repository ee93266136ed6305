"""Other servers are asked within bounds, and none that stands inside."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from aiohttp import web

from app.kit.errors import Busy
from app.platform import http
from app.platform.http import Outbound, UpstreamFailed, is_public
from config.settings import load

PRODUCTION = {"LITEHOUSE_ENVIRONMENT": "production", "DATABASE_URL": "postgresql://a@b/c"}


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("127.0.0.1", False),
        ("127.8.8.8", False),
        ("0.0.0.0", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("ff0e::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:93.184.216.34", True),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
        ("no address", False),
    ],
)
def test_which_addresses_are_the_internets(address: str, expected: bool):
    assert is_public(address) is expected


class Server:
    """One that is asked; `answer` makes what it says."""

    def __init__(self) -> None:
        self.asked: list[web.Request] = []
        self.answer: Callable[[], web.StreamResponse] = lambda: web.Response(text="well")
        self.open = asyncio.Event()
        self.open.set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        await self.open.wait()
        return self.answer()


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


async def test_a_server_is_asked(server: Server, outbound: Outbound):
    server.answer = lambda: web.Response(text="no", status=404, headers={"Set-Cookie": "a=b"})
    for _ in range(2):
        answer = await outbound.ask(
            "POST", f"http://127.0.0.1:{server.port}/x", form={"a": "b c"}, headers={"X-A": "1"}
        )
        assert answer == (404, b"no")
    first, second = server.asked
    assert (first.method, first.headers["X-A"], first.headers["User-Agent"]) == ("POST", "1", "Litehouse")
    assert "Cookie" not in second.headers


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433"])
async def test_production_dials_no_address_inside_by_whatever_name(server: Server, host: str):
    outbound = Outbound(load(None, PRODUCTION))
    async with outbound.lifespan():
        with pytest.raises(Busy):
            await outbound.ask("GET", f"http://{host}:{server.port}/")
    assert server.asked == []


def packed() -> web.Response:
    response = web.Response(body=b"x" * 5_000_000)
    response.enable_compression(web.ContentCoding.gzip, strategy=0)
    return response


@pytest.mark.parametrize(
    ("answer", "refusal"),
    [
        pytest.param(lambda: web.Response(status=302, headers={"Location": "/"}), UpstreamFailed, id="redirect"),
        pytest.param(lambda: web.Response(body=b"x" * 1_000_001), UpstreamFailed, id="large"),
        pytest.param(packed, UpstreamFailed, id="large once unpacked"),
        pytest.param(lambda: web.Response(status=429), Busy, id="too often"),
        pytest.param(lambda: web.Response(status=500), Busy, id="broken"),
    ],
)
async def test_an_answer_that_is_none(
    server: Server, outbound: Outbound, answer: Callable, refusal: type, capfd: pytest.CaptureFixture[str]
):
    server.answer = answer
    with pytest.raises(refusal):
        await outbound.ask("GET", f"http://127.0.0.1:{server.port}/canary?secret=canary", headers={"A": "canary"})
    assert len(server.asked) == 1
    assert "canary" not in capfd.readouterr().out


async def test_nobody_is_waited_for_longer_than_the_deadline(
    server: Server, outbound: Outbound, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(http, "TOTAL_SECONDS", 0.1)
    server.open.clear()
    async with asyncio.timeout(5):
        with pytest.raises(Busy, match=r"127\.0\.0\.1 cannot be reached"):
            await outbound.ask("GET", f"http://127.0.0.1:{server.port}/")


async def test_proxies_of_the_environment_mean_nothing(
    server: Server, outbound: Outbound, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert (await outbound.ask("GET", f"http://127.0.0.1:{server.port}/")).status == 200


async def test_one_client_is_made_for_all_and_closed_at_the_end(server: Server, outbound: Outbound):
    async with asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(outbound.ask("GET", f"http://127.0.0.1:{server.port}/"))
    session = outbound._session
    await outbound.ask("GET", f"http://127.0.0.1:{server.port}/")
    assert outbound._session is session
    async with outbound.lifespan():
        pass
    assert session.closed

"""Other servers are asked within bounds, again where that may help, and none that stands inside."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import msgspec
import pytest
from aiohttp import web
from aiohttp.resolver import ThreadedResolver
from prometheus_client import REGISTRY

from app.kit.errors import Busy
from app.platform.http.answers import Answer, Unanswered, UpstreamFailed
from app.platform.http.client import Client
from app.platform.http.outbound import Outbound
from app.platform.http.session import Question
from app.platform.http.upstream import Upstream
from app.platform.observability.identity import IDS, Ids
from config.settings import load

PRODUCTION = {"LITEHOUSE_ENVIRONMENT": "production", "DATABASE_URL": "postgresql://a@b/c"}
ONCE = Upstream(name="once", tries=1, breaks_after=None)
QUICK = Upstream(name="quick", first_pause=0.01, longest_pause=0.02, breaks_after=None)


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


async def test_a_server_is_asked(server: Server, client: Client):
    server.answer = lambda _: web.Response(text="no", status=404, headers={"Set-Cookie": "a=b"})
    IDS.set(Ids("request", "errand"))
    for _ in range(2):
        answer = await client.ask("POST", f"{server.url}x", form={"a": "b c"}, headers={"X-A": "1"})
        assert (answer.status, answer.body) == (404, b"no")
    IDS.set(None)
    first, second = server.asked
    assert (first.method, first.headers["X-A"], first.headers["User-Agent"]) == ("POST", "1", "Litehouse")
    assert first.headers["X-Correlation-ID"] == "errand"
    assert "Cookie" not in second.headers


class Told(msgspec.Struct):
    number: int


async def test_what_it_answers_is_a_struct_or_no_answer(server: Server, client: Client):
    answers = [
        web.json_response({"number": 7, "more": 1}),
        web.json_response({"number": "7"}),
        web.Response(status=404),
    ]
    server.answer = lambda number: answers[number - 1]
    assert await client.ask_for(Told, "GET", server.url) == Told(7)
    for fault in ("cannot be read", "answered with 404"):
        with pytest.raises(UpstreamFailed, match=fault) as told:
            await client.ask_for(Told, "GET", server.url)
        assert told.value.status == 502


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


def packed(_: int) -> web.Response:
    response = web.Response(body=b"x" * 5_000_000)
    response.enable_compression(web.ContentCoding.gzip, strategy=0)
    return response


@pytest.mark.parametrize(
    ("answer", "refusal"),
    [
        pytest.param(lambda _: web.Response(status=302, headers={"Location": "/"}), UpstreamFailed, id="redirect"),
        pytest.param(lambda _: web.Response(body=b"x" * 1_000_001), UpstreamFailed, id="large"),
        pytest.param(packed, UpstreamFailed, id="large once unpacked"),
        pytest.param(lambda _: web.Response(status=429), Busy, id="too often"),
        pytest.param(lambda _: web.Response(status=500), Busy, id="broken"),
    ],
)
async def test_an_answer_that_is_none(
    server: Server, client: Client, answer: Callable, refusal: type, capfd: pytest.CaptureFixture[str]
):
    server.answer = answer
    with pytest.raises(refusal):
        await client.ask("GET", f"{server.url}canary?secret=canary", headers={"A": "canary"})
    assert len(server.asked) == 1
    assert "canary" not in capfd.readouterr().out


async def test_what_may_pass_is_tried_again_and_each_time_told(
    server: Server, outbound: Outbound, capfd: pytest.CaptureFixture[str]
):
    statuses = [502, 503, 504, 429, 200]
    server.answer = lambda number: web.Response(status=statuses[number - 1], headers={"Retry-After": "0"})
    assert (await outbound.to(QUICK).ask("GET", f"{server.url}?canary")).status == 200
    told = capfd.readouterr().out
    assert told.count("a server is asked again") == 4
    assert "canary" not in told
    assert len(server.asked) == 5


@pytest.mark.parametrize(
    ("method", "given", "status", "expected"),
    [
        pytest.param("GET", {}, 503, 5, id="GET"),
        pytest.param("GET", {}, 500, 1, id="a status that does not pass"),
        pytest.param("POST", {}, 503, 1, id="POST"),
        pytest.param("POST", {"is_repeatable": True}, 503, 5, id="POST that is said to be repeatable"),
        pytest.param("GET", {"is_repeatable": False}, 503, 1, id="GET that is said not to be"),
    ],
)
async def test_how_often_it_is_tried(
    server: Server, outbound: Outbound, method: str, given: dict, status: int, expected: int
):
    server.answer = lambda _: web.Response(status=status)
    with pytest.raises(Busy):
        await outbound.to(QUICK).ask(method, server.url, **given)
    assert len(server.asked) == expected


async def test_a_server_that_is_not_there_is_tried_again(outbound: Outbound, capfd: pytest.CaptureFixture[str]):
    with pytest.raises(Busy) as told:
        await outbound.to(QUICK).ask("GET", "http://127.0.0.1:1/")
    assert told.value.headers["Retry-After"] == "30"
    assert capfd.readouterr().out.count("a server is asked again") == 4


async def test_when_it_says_when_it_is_not_asked_sooner(server: Server, outbound: Outbound):
    moments: list[float] = []

    def answer(number: int) -> web.Response:
        moments.append(asyncio.get_running_loop().time())
        return web.Response(status=503 if number == 1 else 200, headers={"Retry-After": "1"})

    server.answer = answer
    assert (await outbound.to(QUICK).ask("GET", server.url)).status == 200
    assert moments[1] - moments[0] >= 1
    server.answer = lambda _: web.Response(status=503, headers={"Retry-After": "99999999"})
    with pytest.raises(Busy) as told:
        await outbound.to(QUICK).ask("GET", server.url)
    assert told.value.headers["Retry-After"] == "3600"
    assert len(server.asked) == 3, (
        "that is longer than anybody waits here; and our own clients may ask again in an hour"
    )


NOT_AT_ALL = -1.0


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        pytest.param("90", 90, id="seconds"),
        pytest.param(format_datetime(datetime.now(UTC) + timedelta(days=2), usegmt=True), 2 * 86_400, id="a moment"),
        pytest.param("Sun Nov  6 08:49:37 1994", 0, id="a moment that has passed, in an old form"),
        pytest.param("21 Oct 9999 07:28:00 -0000", 2.5e11, id="a moment of no zone"),
        pytest.param("Nov 21 99:99:99 99999999999999999999", NOT_AT_ALL, id="too large for a moment"),
        pytest.param("999999999999", NOT_AT_ALL, id="too many seconds"),
        pytest.param("soon", NOT_AT_ALL, id="neither"),
    ],
)
def test_when_to_come_again_is_told_as_seconds_or_as_a_moment(told: str, expected: float):
    after = Answer(503, {"retry-after": told}, b"").retry_after
    assert (NOT_AT_ALL if after is None else after) == pytest.approx(expected, rel=0.05), "the suite takes minutes"


async def test_nobody_waits_longer_than_the_patience_of_all_tries(server: Server, outbound: Outbound):
    server.open.clear()
    impatient = msgspec.structs.replace(QUICK, name="impatient", total=0.2, patience=0.5, tries=1000)
    async with asyncio.timeout(10):
        with pytest.raises(Busy):
            await outbound.to(impatient).ask("GET", server.url)
    assert 1 < len(server.asked) <= 3


async def test_the_server_sees_no_more_at_once_than_there_are_places_and_who_waits_for_one_waits_within_the_time(
    server: Server, outbound: Outbound
):
    narrow = outbound.to(Upstream(name="narrow", in_flight=3, tries=1, total=60))
    server.open.clear()
    async with asyncio.timeout(50), asyncio.TaskGroup() as group:
        for _ in range(100):
            group.create_task(narrow.ask("GET", server.url))
        while server.inside < 3:
            await asyncio.sleep(0.01)
        server.open.set()
    assert (server.most, len(server.asked)) == (3, 100)

    server.open.clear()
    hasty = outbound.to(Upstream(name="hasty", in_flight=1, tries=1, total=0.3))
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        late = [group.create_task(_busy(hasty, server.url)) for _ in range(5)]
    assert [task.result() for task in late] == ["no answer in time"] * 5


async def _busy(client: Client, url: str) -> str:
    with pytest.raises(Busy, match=r"127\.0\.0\.1 cannot be reached") as told:
        await client.ask("GET", url)
    return str(told.value.__cause__)


async def test_who_fails_again_and_again_is_left_alone(server: Server, outbound: Outbound):
    fragile = outbound.to(Upstream(name="fragile", tries=1, breaks_after=2))
    server.answer = lambda _: web.Response(status=500)
    for _ in range(2):
        with pytest.raises(Busy, match="cannot answer now"):
            await fragile.ask("GET", server.url)
    with pytest.raises(Busy, match="fragile does not answer"):
        await fragile.ask("GET", server.url)
    assert len(server.asked) == 2
    assert [counted("fragile", outcome) for outcome in ("5xx", "refused")] == [2, 1]
    assert REGISTRY.get_sample_value("upstream_request_seconds_count", {"upstream": "fragile"}) == 2


def counted(upstream: str, outcome: str) -> float | None:
    return REGISTRY.get_sample_value("upstream_requests_total", {"upstream": upstream, "outcome": outcome})


async def test_proxies_of_the_environment_mean_nothing(server: Server, client: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert (await client.ask("GET", server.url)).status == 200


async def test_an_upstream_has_one_session_which_is_closed_at_the_end(server: Server, outbound: Outbound):
    client = outbound.to(ONCE)
    async with asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(client.ask("GET", server.url))
    session = client._session._session
    await outbound.to(Upstream(name="once", tries=1, breaks_after=None)).ask("GET", server.url)
    assert client._session._session is session
    await outbound.to(QUICK).ask("GET", server.url)
    assert outbound.to(QUICK)._session._session is not session
    with pytest.raises(ValueError, match="two upstreams are called once"):
        outbound.to(Upstream(name="once"))
    async with outbound.lifespan():
        pass
    assert session.closed

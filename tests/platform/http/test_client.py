"""Other servers are asked within bounds, and what they answer is a struct or no answer."""

import asyncio
from collections.abc import Callable

import msgspec
import pytest
from aiohttp import web
from prometheus_client import REGISTRY

from app.kit.errors import Busy
from app.platform.http.answers import UpstreamFailed
from app.platform.http.client import Client
from app.platform.http.outbound import Outbound
from app.platform.http.upstream import Upstream
from app.platform.observability.identity import IDS, Ids
from tests.platform.http.asked import ONCE, QUICK, Server


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

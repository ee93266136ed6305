"""What may pass is tried again, as often and as late as the server and our patience say."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import msgspec
import pytest
from aiohttp import web

from app.kit.errors import Busy
from app.platform.http.answers import Answer
from app.platform.http.outbound import Outbound
from tests.platform.http.asked import QUICK, Server


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

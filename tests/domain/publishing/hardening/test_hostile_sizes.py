"""Bodies that are too large, too slow or never end, against a real server: each is refused, and nobody else waits."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.domain.publishing.hardening.wire import HOST, JSON, PATIENCE, ask, request
from tests.e2e.running import Running

MEGABYTE = 1_000_000
HEAD = b"POST /api/users HTTP/1.1\r\n" + HOST + b"\r\n" + JSON + b"\r\n"


def test_a_body_of_a_megabyte_is_read_and_one_byte_more_is_not(server: Running):
    fits = ask(server.port, request("POST", "/api/users", JSON, body=b" " * MEGABYTE))
    assert fits is not None
    assert fits.problem(400).code == "malformed"
    large = ask(server.port, request("POST", "/api/users", JSON, body=b" " * (MEGABYTE + 1)))
    assert large is not None
    assert large.problem(413).errors == {"body": ["is too large"]}


@pytest.mark.parametrize("length", [MEGABYTE + 1, 3 * MEGABYTE, 2**40, 2**63])
def test_a_body_that_is_announced_too_large_is_refused_before_it_is_sent(server: Running, length: int):
    refused = ask(server.port, HEAD + b"Content-Length: %d\r\n\r\n{" % length)
    assert refused is not None
    refused.problem(413)


def test_a_large_body_in_pieces_is_refused_as_soon_as_it_is_too_large(server: Running):
    piece = b"10000\r\n" + b"[" * 65_536 + b"\r\n"
    refused = ask(server.port, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[piece] * 48)
    assert refused is not None
    refused.problem(413)


async def test_a_body_without_end_is_refused(http: aiohttp.ClientSession):
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"[[],[],[]," * 1_000

    async def send() -> None:
        async with http.post("/api/users", data=endless(), headers={"Content-Type": "application/json"}) as refused:
            assert refused.status == 413
            assert refused.content_type == "application/problem+json"

    # In a task of its own: when the server closes first, aiohttp may cancel its sending while we wait for it, and
    # that cancellation would end the runner of this test and of all that follow.
    sending = asyncio.create_task(send())
    done, _ = await asyncio.wait([sending], timeout=PATIENCE)
    assert done
    if not sending.cancelled() and not isinstance(sending.exception(), aiohttp.ClientConnectionError):
        sending.result()  # otherwise the server closed while the client was still sending: some look no further
    async with http.get("/health") as alive:
        assert alive.status == 200

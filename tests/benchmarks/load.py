"""A load of requests over 32 connections: by wrk for whole seconds where it is installed, else by one of our own."""

import asyncio
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice

import uvloop

CONNECTIONS = 32
LUA = """
local requests, last = {{{requests}}}, 0
request = function()
    last = last % #requests + 1
    return requests[last]
end
"""
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Request:
    """What is asked."""

    method: str
    path: str
    token: str | None = None
    body: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """What goes before the body. The origin is that of a front end elsewhere, as a single-page application has."""
        headers = {"Host": "127.0.0.1", "Origin": "https://front.example"}
        if self.token:
            headers["Authorization"] = f"Token {self.token}"
        if self.body:
            headers |= {"Content-Type": "application/json", "Content-Length": str(len(self.body.encode()))}
        return headers

    @property
    def text(self) -> bytes:
        """The request as it is sent."""
        lines = [f"{self.method} {self.path} HTTP/1.1", *(f"{key}: {value}" for key, value in self.headers.items())]
        return "\r\n".join([*lines, "", self.body]).encode()


@dataclass(frozen=True)
class Load:
    """What came of it; latencies in milliseconds. `unanswered`: sent, worked on, and not waited for."""

    requests: int
    errors: int
    seconds: float
    p50: float
    p99: float
    unanswered: int = 0

    @property
    def rate(self) -> float:
        """Requests answered in a second."""
        return self.requests / self.seconds


def load(port: int, requests: Sequence[Request], seconds: float, pace: float) -> Load:
    """Send the requests in turn for that long; `pace` is how many a second the server is known to answer."""
    if seconds >= 1 and shutil.which("wrk"):
        return _by_wrk(port, requests, round(seconds))
    return fixed(port, requests, round(seconds * pace))


def _by_wrk(port: int, requests: Sequence[Request], seconds: int) -> Load:
    texts = ("".join(f"\\{byte:03d}" for byte in request.text) for request in requests)
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(LUA.format(requests=",".join(f'"{text}"' for text in texts)))
        script.flush()
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", "--latency"]
        command += ["-s", script.name, f"http://127.0.0.1:{port}/"]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    done = re.search(r"(\d+) requests in ([\d.]+)s", said)
    failed = sum(map(int, re.findall(r"Non-2xx or 3xx responses: (\d+)", said)))
    failed += sum(map(int, re.findall(r"(?:connect|read|write|timeout) (\d+)", said)))
    assert done, said
    # It stops with a request under way on every connection.
    return Load(int(done[1]), failed, float(done[2]), _ms(said, "50%"), _ms(said, "99%"), CONNECTIONS)


def _ms(said: str, percentile: str) -> float:
    found = re.search(rf"{percentile}\s+([\d.]+)(us|ms|s)", said)
    assert found, said
    return float(found[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[found[2]]


def fixed(port: int, requests: Sequence[Request], count: int) -> Load:
    """Send the requests in turn, so many in all or a little more: each of them as often as the others."""
    rounds = max(1, -(-max(count, CONNECTIONS) // len(requests)))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_by_hand(port, [request.text for request in requests], rounds * len(requests)))


async def _by_hand(port: int, texts: Sequence[bytes], count: int) -> Load:
    waiting = islice(cycle(texts), count)
    answers: list[tuple[float, bool]] = []
    loop = asyncio.get_running_loop()
    begun = time.perf_counter()
    clients = [
        (await loop.create_connection(lambda: Client(waiting, answers), "127.0.0.1", port))[1]
        for _ in range(CONNECTIONS)
    ]
    for client in clients:
        await client.done
    seconds = time.perf_counter() - begun
    times = sorted(spent for spent, _ in answers)
    p50, p99 = (times[min(count - 1, int(count * part))] * 1000 for part in (0.5, 0.99))
    return Load(count, sum(not good for _, good in answers), seconds, p50, p99)


class Client(asyncio.Protocol):
    """One connection: a request whenever the one before it has been answered, until none is left."""

    def __init__(self, waiting: "islice[bytes]", answers: list[tuple[float, bool]]) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting, self._answers = waiting, answers
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # ty: ignore[invalid-assignment]
        self._send()

    def _send(self) -> None:
        text = next(self._waiting, None)
        if text is None:
            self.done.set_result(None)
            self._transport.close()
            return
        self._sent = time.perf_counter()
        self._transport.write(text)

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        length = LENGTH.search(self._received, 0, end)
        if length is None:
            self._fail(f"an answer without a length: {self._received[:500]!r}")
        elif len(self._received) >= end + 4 + int(length[1]):
            self._answers.append((time.perf_counter() - self._sent, self._received[9:10] == b"2"))
            self._received = b""
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"the server closed the connection: {exc}")

    def _fail(self, message: str) -> None:
        if not self.done.done():
            self.done.set_exception(ConnectionError(message))

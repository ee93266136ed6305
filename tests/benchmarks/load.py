"""A load of requests over 32 connections: by wrk where it is installed, else by a small generator of our own."""

import asyncio
import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass

CONNECTIONS = 32
LUA = """
wrk.method = "{method}"
wrk.body = [==[{body}]==]
wrk.headers["Content-Type"] = "application/json"
"""


@dataclass(frozen=True)
class Call:
    """What is asked, again and again."""

    method: str
    path: str
    token: str | None = None
    body: str = ""


@dataclass(frozen=True)
class Load:
    """What came of it; latencies in milliseconds."""

    requests: int
    errors: int
    seconds: float
    p50: float
    p99: float


def load(port: int, call: Call, seconds: float) -> Load:
    """Send the call as often as the server answers it, for so many seconds."""
    return _wrk(port, call, seconds) if shutil.which("wrk") else asyncio.run(_own(port, call, seconds))


def _wrk(port: int, call: Call, seconds: float) -> Load:
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:.0f}s", "--latency"]
    if call.token:
        command += ["-H", f"Authorization: Token {call.token}"]
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        if call.body:
            script.write(LUA.format(method=call.method, body=call.body))
            script.flush()
            command += ["-s", script.name]
        said = subprocess.run(
            [*command, f"http://127.0.0.1:{port}{call.path}"], capture_output=True, text=True, check=True
        )
    done = re.search(r"(\d+) requests in ([\d.]+)s", said.stdout)
    failed = sum(map(int, re.findall(r"Non-2xx or 3xx responses: (\d+)", said.stdout)))
    failed += sum(map(int, re.findall(r"(?:connect|read|write|timeout) (\d+)", said.stdout)))
    assert done, said.stdout
    return Load(int(done[1]), failed, float(done[2]), _ms(said.stdout, "50%"), _ms(said.stdout, "99%"))


def _ms(said: str, percentile: str) -> float:
    found = re.search(rf"{percentile}\s+([\d.]+)(us|ms|s)", said)
    assert found, said
    return float(found[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[found[2]]


async def _own(port: int, call: Call, seconds: float) -> Load:
    head = f"{call.method} {call.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    if call.token:
        head += f"Authorization: Token {call.token}\r\n"
    if call.body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(call.body.encode())}\r\n"
    request = f"{head}\r\n{call.body}".encode()
    begun = time.perf_counter()
    times: list[float] = []
    statuses: list[bool] = []
    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(_client(port, request, begun + seconds, times, statuses))
    times.sort()
    count = len(times)
    p50, p99 = (times[min(count - 1, int(count * part))] * 1000 for part in (0.5, 0.99))
    return Load(count, statuses.count(False), time.perf_counter() - begun, p50, p99)


async def _client(port: int, request: bytes, end: float, times: list[float], statuses: list[bool]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while (sent := time.perf_counter()) < end:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        await reader.readexactly(int(length[1]) if length else 0)
        times.append(time.perf_counter() - sent)
        statuses.append(head[9:10] == b"2")
    writer.close()

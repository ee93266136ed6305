"""Where the CPU of a request goes: Litehouse in one process, without a server in front, by the part that spends it.

    just bench-profile article      or any other workload of the benchmark

CPU is first taken without the profiler, which makes calls dearer and waiting for PostgreSQL no cheaper; the shares are
the profiler's, with the time of built-in functions counted for whoever called them.
"""

import argparse
import cProfile
import os
import pstats
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from itertools import cycle, islice
from typing import Any

import uvloop
from litestar import Litestar

from app.main import create_app
from config.settings import load
from tests.benchmarks.database import prepared
from tests.benchmarks.load import Request
from tests.benchmarks.peers.contenders import PRODUCTION
from tests.benchmarks.workloads import WORKLOADS, requests

ROUNDS, CALLS = 5, 500
PARTS = ("asyncpg", "litestar", "sqlalchemy", "msgspec", "structlog", "prometheus_client", "app/domain", "app/platform")


def main() -> None:
    """Measure one workload and print its table."""
    parser = argparse.ArgumentParser("just bench-profile", description=__doc__)
    parser.add_argument("workload", choices=[workload.name for workload in WORKLOADS])
    workload = parser.parse_args().workload
    report = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the access log: it is written, and nobody reads it
    with prepared() as database, redirect_stdout(report):
        uvloop.run(_profiled(database.url, workload, requests(database.subject)[workload]))


async def _profiled(url: str, workload: str, sent: Sequence[Request]) -> None:
    cache = {} if workload.endswith("_cached") else {"LITEHOUSE_CACHE_BYTES": "0"}
    app = create_app(load(env_file=None, environ={**PRODUCTION, **cache, "DATABASE_URL": url}))
    async with app.lifespan():
        await _called(app, sent)
        costs = [await _called(app, sent) for _ in range(ROUNDS)]
        profile = cProfile.Profile()
        with profile:
            await _called(app, sent)
    print(f"{workload}: {min(costs):.0f} us of CPU in process, the best of {ROUNDS} times {CALLS} requests\n")
    shares = _by_part(pstats.Stats(profile).stats)  # ty: ignore[unresolved-attribute]
    for part, seconds in shares.most_common():
        print(f"{part:20} {seconds / shares.total():6.1%}")


async def _called(app: Litestar, sent: Sequence[Request]) -> float:
    """Microseconds of CPU that a request cost."""
    before = time.process_time()
    for request in islice(cycle(sent), CALLS):
        await _call(app, request)
    return (time.process_time() - before) / CALLS * 1e6


async def _call(app: Litestar, request: Request) -> None:
    path, _, query = request.path.partition("?")
    statuses = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": request.body.encode(), "more_body": False}

    async def send(message: Mapping[str, Any]) -> None:
        statuses.append(message.get("status"))

    scope: Any = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in request.headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
        "state": {},
    }
    await app(scope, receive, send)  # ty: ignore[invalid-argument-type]
    assert statuses[0] < 300, f"{request.method} {request.path} answered {statuses[0]}"


def _by_part(stats: Mapping[tuple[str, int, str], Any]) -> Counter[str]:
    """Seconds within each part; `stats` as pstats has them."""
    shares: Counter[str] = Counter()
    for (path, _, _), (_, _, own, _, callers) in stats.items():
        if path == "~":  # built in
            for (caller, _, _), (_, _, seconds, _) in callers.items():
                shares[_part(caller)] += seconds
        else:
            shares[_part(path)] += own
    return shares


def _part(path: str) -> str:
    return next((part for part in PARTS if f"/{part}/" in path.replace(os.sep, "/")), "Python itself")


if __name__ == "__main__":
    main()

"""Litehouse beside its floor: the same answers from the same PostgreSQL, in interleaved rounds of one run.

    python -m tests.benchmarks [--quick] [--rounds N] [--seconds S]

App CPU, in microseconds a request of the server's process tree, is what is compared, as a ratio within this run.
"""

import argparse
import asyncio
import hashlib
import json
import os
import secrets
import statistics
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import asyncpg

from app.platform import migrations
from app.platform.postgres.sharing import share
from tests.benchmarks.load import Call, load
from tests.benchmarks.processes import PYTHON, Server, serving

ROOT = Path(__file__).resolve().parents[2]
CEILINGS = {"one article": 2.5, "list of 20 + total": 1.8, "POST comment": 4.0, "current user": 2.5}
FLOOR = [
    *(PYTHON, "-m", "granian", "--interface", "rsgi", "--port", "{port}", "--http", "1", "--loop", "uvloop"),
    *("--runtime-mode", "st", "--no-access-log", "--log-level", "error", "tests.benchmarks.floor:app"),
]
LITEHOUSE = [PYTHON, "-m", "app", "serve"]
Figures = dict[str, dict[str, list[float]]]


def main() -> None:
    """Seed, check, measure, and print one table."""
    options = _options()
    with share(ROOT / ".data" / "bench") as postgres:
        migrations.upgrade(postgres.url)
        slug, token = asyncio.run(_prepare(postgres.url))
        with _servers(postgres.url) as servers:
            calls = _calls(slug, token)
            _check(servers, calls)
            figures = _measure(servers, calls, rounds=options.rounds, seconds=options.seconds)
    missed = _report(figures)
    sys.exit(f"beyond the ceiling: {', '.join(missed)}" if missed and options.check else 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two short rounds")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--check", action="store_true", help="fail when a ratio is beyond its ceiling")
    options = parser.parse_args()
    options.rounds = options.rounds or (2 if options.quick else 5)
    options.seconds = options.seconds or (2 if options.quick else 4)
    return options


async def _prepare(url: str) -> tuple[str, str]:
    """A seeded database, the slug of its newest article and a token of one of its users."""
    connection = await asyncpg.connect(url)
    try:
        if not await connection.fetchval("SELECT EXISTS (SELECT FROM publishing_article)"):
            await _seed(url)
        token = f"lh_{secrets.token_urlsafe(32)}"
        await connection.execute(
            "INSERT INTO accounts_token (user_id, digest, expires_at)"
            " SELECT id, $1, now() + interval '1 day' FROM accounts_user ORDER BY id LIMIT 1",
            hashlib.sha256(token.encode()).digest(),
        )
        await connection.execute("VACUUM ANALYZE")
        return await connection.fetchval("SELECT slug FROM publishing_article ORDER BY id DESC LIMIT 1"), token
    finally:
        await connection.close()


async def _seed(url: str) -> None:
    volumes = ["--users", "2000", "--articles", "20000", "--favorites", "100000", "--comments", "40000"]
    environ = {**os.environ, "DATABASE_URL": url, "LITEHOUSE_ENVIRONMENT": "test"}
    process = await asyncio.create_subprocess_exec(PYTHON, "-m", "app", "seed", *volumes, env=environ, cwd=ROOT)
    if await process.wait():
        sys.exit("the database cannot be seeded")


@contextmanager
def _servers(url: str) -> Iterator[list[Server]]:
    environ = {"DATABASE_URL": url, "LITEHOUSE_ENVIRONMENT": "production", "LITEHOUSE_WORKERS": "1"}
    environ |= {"LITEHOUSE_CORS_ORIGINS": "https://front.example"}
    with ExitStack() as stack:
        yield [
            stack.enter_context(serving("floor", FLOOR, {"DATABASE_URL": url}, "/hello")),
            stack.enter_context(serving("litehouse", LITEHOUSE, environ, "/health")),
        ]


def _calls(slug: str, token: str) -> dict[str, Call]:
    comment = json.dumps({"comment": {"body": "Call me Ishmael."}})
    return {
        "one article": Call("GET", f"/api/articles/{slug}"),
        "list of 20 + total": Call("GET", "/api/articles?limit=20"),
        "POST comment": Call("POST", f"/api/articles/{slug}/comments", token, comment),
        "current user": Call("GET", "/api/user", token),
    }


def _check(servers: list[Server], calls: dict[str, Call]) -> None:
    """Nothing is timed before all have given the same answer."""
    for name, call in calls.items():
        answers = {server.name: _comparable(_answer(server.port, call)) for server in servers}
        if len({json.dumps(answer, sort_keys=True) for answer in answers.values()}) > 1:
            sys.exit(f"{name}: the answers differ\n{json.dumps(answers, indent=1)[:4000]}")


def _answer(port: int, call: Call) -> object:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Token {call.token}"} if call.token else {})
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{call.path}", call.body.encode() or None, headers, method=call.method
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def _comparable(value: object) -> object:
    """The answer without what differs from call to call (a comment's id) or in form (the digits of a second)."""
    if isinstance(value, dict):
        return {key: _comparable(item) for key, item in value.items() if key not in {"id", "createdAt", "updatedAt"}}
    return [_comparable(item) for item in value] if isinstance(value, list) else value


def _measure(servers: list[Server], calls: dict[str, Call], *, rounds: int, seconds: float) -> Figures:
    figures: Figures = {name: {server.name: [] for server in servers} for name in calls}
    for server in servers:
        for call in calls.values():
            load(server.port, call, 1)  # statements prepared, caches warm
    for _ in range(rounds):
        for name, call in calls.items():
            for server in servers:
                before = server.cpu()
                done = load(server.port, call, seconds)
                if done.errors:
                    sys.exit(f"{name} at {server.name}: {done.errors} of {done.requests} requests failed")
                figures[name][server.name].append((server.cpu() - before) / done.requests * 1e6)
    return figures


def _report(figures: Figures) -> list[str]:
    """Print the table; the names of what is beyond its ceiling."""
    missed = []
    print(f"{'app CPU, µs a request':24}{'floor':>10}{'litehouse':>12}{'ratio':>8}{'ceiling':>9}")
    for name, rounds in figures.items():
        floor, ours = (statistics.median(rounds[server]) for server in ("floor", "litehouse"))
        print(f"{name:24}{floor:10.0f}{ours:12.0f}{ours / floor:8.2f}{CEILINGS[name]:9.1f}")
        if ours / floor > CEILINGS[name]:
            missed.append(name)
    return missed


if __name__ == "__main__":
    main()

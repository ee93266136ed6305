"""What a worker keeps: its memory when idle, and whether it grows over two hundred thousand mixed requests.

    python -m tests.benchmarks.memory [--requests N]

One worker with production settings, on a database of its own. Proportional set size (what processes share is divided
among them) is taken at rest: once the server answers, after a tenth of the requests, when pools are open and every
statement is prepared, and at every quarter. Exits non-zero when the idle worker has more than 120 MB, or when it has
grown by more than 5 % after the first tenth.
"""

import argparse
import asyncio
import hashlib
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

import asyncpg
import psutil

from tests.benchmarks.load import Request, fixed
from tests.benchmarks.processes import PYTHON, Server, Tree, serving
from tests.databases import durable

ROOT = Path(__file__).resolve().parents[2]
IDLE_MB, GROWTH = 120, 0.05
VOLUMES = ("--users", "200", "--articles", "2000", "--favorites", "5000", "--comments", "4000")
PRODUCTION = {
    "LITEHOUSE_ENVIRONMENT": "production",
    "LITEHOUSE_WORKERS": "1",
    "LITEHOUSE_CORS_ORIGINS": "https://front.example",
}


def main() -> None:
    """Seed, serve, ask, and print what was kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=200_000)
    count = parser.parse_args().requests
    with durable("memory") as url:
        environ = {**os.environ, "DATABASE_URL": url, "LITEHOUSE_ENVIRONMENT": "test"}
        subprocess.run([PYTHON, "-m", "app", "seed", *VOLUMES], env=environ, cwd=ROOT, check=True)
        requests = asyncio.run(_requests(url))
        with serving(("litehouse", [PYTHON, "-m", "app", "serve"], PRODUCTION | {"DATABASE_URL": url})) as [server]:
            missed = _watched(server, requests, count)
    sys.exit(", ".join(missed))


async def _requests(url: str) -> list[Request]:
    """Two thousand, of every kind, each different, in no order; what is not there or not shown is asked for as well."""
    connection = await asyncpg.connect(url)
    rows = await connection.fetch(
        "SELECT slug, username FROM publishing_article a JOIN accounts_user u ON u.id = author_id"
    )
    token = f"lh_{secrets.token_urlsafe(32)}"
    await connection.execute(
        "INSERT INTO accounts_token (user_id, digest, expires_at)"
        " SELECT id, $1, now() + '1 day' FROM accounts_user ORDER BY id LIMIT 1",
        hashlib.sha256(token.encode()).digest(),
    )
    words = await connection.fetch("SELECT word FROM publishing_word LIMIT 100")
    await connection.close()
    made = []
    for number, row in enumerate(rows):
        article, comment = f"/api/articles/{row['slug']}", json.dumps({"comment": {"body": f"There, {number}!"}})
        made.append(
            [
                Request("GET", article),
                Request("GET", article, token),
                Request("GET", f"/api/articles?limit=20&offset={number}"),
                Request("GET", f"/api/articles?tag=topic-{number % 200}", token),
                Request("GET", f"/api/articles?author={row['username']}"),
                Request("GET", "/api/articles/feed", token),
                Request("GET", f"/api/profiles/{row['username']}", token),
                Request("GET", f"{article}/comments"),
                Request("POST", f"{article}/comments", token, comment),
                Request("POST", f"{article}/favorite", token),
                Request("DELETE", f"{article}/favorite", token),
                Request("POST", f"/api/profiles/{row['username']}/follow", token),
                Request("GET", "/api/tags"),
                Request("GET", "/api/user", token),
                Request("PUT", "/api/user", token, json.dumps({"user": {"bio": f"The {number}th."}})),
                Request("GET", f"/api/v1/articles/search?q={words[number % len(words)]['word']}&limit=5"),
                Request("GET", f"/api/nowhere/{number}"),
                Request("GET", "/health"),
                Request("GET", "/openapi.json"),
                Request("GET", "/metrics"),
            ][number % 20]
        )
    Random(7).shuffle(made)
    return made


def _watched(server: Server, requests: Sequence[Request], count: int) -> list[str]:
    """Print the memory after each part; what is more than it may be."""
    print(f"{'requests':>10}{'worker, MB':>12}{'with its parent':>17}{'not 2xx':>9}{'µs each':>9}")
    idle = _line(server.tree, 0, 0, 0.0)
    sizes, done, refused = [], 0, 0
    for until in (count // 10, count // 4, count // 2, count * 3 // 4, count):
        load = fixed(server.port, requests, until - done)
        done, refused = done + load.requests, refused + load.errors
        sizes.append(_line(server.tree, done, refused, load.seconds / load.requests * 1e6))
    growth = sizes[-1] / sizes[0] - 1
    print(f"Grown by {growth:.1%} after the first tenth; load average {os.getloadavg()[0]:.1f}")
    missed = [f"the idle worker has {idle:.0f} MB"] if idle > IDLE_MB else []
    return [*missed, f"the worker has grown by {growth:.1%}"] if growth > GROWTH else missed


def _line(tree: Tree, done: int, refused: int, each: float) -> float:
    time.sleep(2)  # what is written behind, such as log lines and closed connections, is done with
    workers = [Tree(child.pid).memory() / 1e6 for child in psutil.Process(tree.pid).children()]
    worker, total = max(workers), tree.memory() / 1e6
    print(f"{done:10,}{worker:12.1f}{total:17.1f}{refused:9,}{each:9.0f}", flush=True)
    return worker


if __name__ == "__main__":
    main()

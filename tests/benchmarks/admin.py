"""What the admin site's pages cost in a table of a thousand articles, and in one of a million.

    python -m tests.benchmarks.admin [--sizes N …]

Each size is a database of its own, seeded by COPY and kept for the next time; the site is called in
process, as staff.
The table has the median and the slowest of the runs in milliseconds. The first
size is the floor: what a page costs whatever the table holds, which is mostly to draw it.
"""

import argparse
import asyncio
import hashlib
import os
import re
import secrets
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import asyncpg
import httpx

from app.domain.publishing.samples import samples
from app.main import create_app
from app.platform import migrations
from app.platform.observability.logging import configure_logging
from app.platform.postgres.sharing import share
from config.settings import Settings, load
from tests.benchmarks.growth import EACH, SETTINGS

ROOT = Path(__file__).resolve().parents[2]
SIZES = (1_000, 1_000_000)
RUNS, WARM = 15, 3
MOST = 500.0  # milliseconds that a page may take in the median
STAFF = """
WITH editor AS (
    INSERT INTO accounts_user (username, email, password, is_superuser, is_staff) VALUES ($1, $1 || '@example.com', '!',
    true, true) RETURNING id
)
INSERT INTO accounts_token (user_id, digest, expires_at, is_session)
SELECT id, $2, now() + interval '1 day', true FROM editor
"""
PEOPLE = """
INSERT INTO accounts_user (username, email, password)
SELECT 'reader-' || n, 'reader-' || n || '@example.com', '!' FROM generate_series(1, $1::int) AS n RETURNING id
"""
COLUMNS = ("id", "slug", "title", "description", "body", "author_id", "created_at", "updated_at")
DOCUMENTS = """
INSERT INTO publishing_document SELECT id, publishing_lexemes(title, description, body, created_at) FROM
publishing_article;
CREATE INDEX ix_publishing_document_lexemes ON publishing_document USING gin (lexemes)
WITH (gin_pending_list_limit = 512)
"""
COUNTED = {"HX-Request": "true", "HX-Trigger": "records-counter"}
Cells = dict[str, tuple[float, float]]


def main() -> None:
    """Seed what is not there, measure each size, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    sizes = parser.parse_args().sizes
    configure_logging("error")
    with share(ROOT / ".data" / "admin", settings=SETTINGS) as server:
        cells = [asyncio.run(_measured(server.url, size)) for size in sizes]
    print("| median / slowest in ms | " + " | ".join(f"{size:,}" for size in sizes) + " |")
    print("|---" * (len(sizes) + 1) + "|")
    for name in cells[0]:
        shown = [
            f"{median:.0f} / {slow:.0f}{'' if median < MOST else ' too slow'}" for median, slow in _of(cells, name)
        ]
        print(f"| {name} | {' | '.join(shown)} |")
    print(f"\nLoad average of the machine: {os.getloadavg()[0]:.1f}, on {os.cpu_count()} processors")


def _of(cells: list[Cells], name: str) -> list[tuple[float, float]]:
    return [column[name] for column in cells]


async def _measured(server_url: str, size: int) -> Cells:
    url = await _database(server_url, size)
    connection = await asyncpg.connect(url)
    token = f"lhs_{secrets.token_urlsafe(32)}"
    await connection.execute(STAFF, secrets.token_hex(6), hashlib.sha256(token.encode()).digest())
    author = await connection.fetchval("SELECT author_id FROM publishing_article LIMIT 1")
    await connection.close()
    app = create_app(_settings(url))
    async with app.lifespan():
        transport, cookies = httpx.ASGITransport(app), {"session": token}
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver", cookies=cookies) as browser:
            return {name: await _timed(browser, *way) for name, way in (await _ways(browser, author)).items()}


def _settings(url: str) -> Settings:
    environ = {"DATABASE_URL": url, "LITEHOUSE_ENVIRONMENT": "test", "LITEHOUSE_LOG_LEVEL": "error"}
    return load(env_file=None, environ=environ | {"LITEHOUSE_ADMIN": "true"})


async def _database(server_url: str, size: int) -> str:
    sources = b"".join(path.read_bytes() for path in sorted((ROOT / "migrations").rglob("*.py")))
    name = f"admin_{size}_{hashlib.sha256(sources).hexdigest()[:8]}"
    admin = await asyncpg.connect(server_url)
    try:
        names = [row["datname"] for row in await admin.fetch("SELECT datname FROM pg_database")]
        if name not in names:
            for former in (old for old in names if old.startswith(f"admin_{size}_")):
                await admin.execute(f'DROP DATABASE "{former}" WITH (FORCE)')
            await admin.execute(f'DROP DATABASE IF EXISTS "{name}_unfinished" WITH (FORCE)')
            await admin.execute(f'CREATE DATABASE "{name}_unfinished"')
            await _seed(_at(server_url, f"{name}_unfinished"), size)
            await admin.execute(f'ALTER DATABASE "{name}_unfinished" RENAME TO "{name}"')
    finally:
        await admin.close()
    return _at(server_url, name)


def _at(server_url: str, name: str) -> str:
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))


async def _seed(url: str, size: int) -> None:
    await asyncio.to_thread(migrations.upgrade, url)
    begun = time.perf_counter()
    connection = await asyncpg.connect(url)
    # Without triggers, which would write each row's words and changes down one by one.
    await connection.execute("SET session_replication_role = replica; DROP INDEX ix_publishing_document_lexemes")
    authors = [row["id"] for row in await connection.fetch(PEOPLE, max(100, size // EACH))]
    await connection.copy_records_to_table("publishing_article", records=_articles(size, authors), columns=COLUMNS)
    await connection.execute(DOCUMENTS)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()
    print(f"{size:,} articles in {time.perf_counter() - begun:.0f} s", file=sys.stderr)


def _articles(size: int, authors: Sequence[UUID]) -> Iterator[tuple[Any, ...]]:
    """A minute apart, the last one now; words as often as they are in real texts, and one that ten articles have."""
    words = [word for sample in samples() for word in sample.body.split() if word.isalpha()]
    random, now = Random(7), datetime.now(UTC)
    for number in range(size):
        at = now - timedelta(minutes=size - number)
        key = UUID(int=int(at.timestamp() * 1000) << 80 | 0x7 << 76 | 0b10 << 62 | random.getrandbits(62))
        text = " ".join(random.choices(words, k=30))
        body = f"{text} serial{number % (size // 10)}"
        yield key, f"article-{number}", text[:40], text[:80], body, random.choice(authors), at, at


async def _ways(browser: httpx.AsyncClient, author: object) -> dict[str, tuple[str, dict[str, str]]]:
    """What is asked for, by name."""
    last = (await browser.get("/admin/articles?before=last")).text
    before = re.search(r"before=([\w-]{20,})", last)
    assert before, "a list of several pages has one before the last"
    return {
        "list": ("/admin/articles", {}),
        "list, its total": ("/admin/articles", COUNTED),
        "next to last page": (f"/admin/articles?before={before[1]}", {}),
        "last page": ("/admin/articles?before=last", {}),
        "sorted by slug, last page": ("/admin/articles?sort=slug&before=last", {}),
        "of an author": (f"/admin/articles?author={author}", {}),
        "of an author, its total": (f"/admin/articles?author={author}", COUNTED),
        "of a year": ("/admin/articles?created_at_in=2026", {}),
        "of a year, its total": ("/admin/articles?created_at_in=2026", COUNTED),
        "of a day, last page": ("/admin/articles?created_at_in=2026-11-01&before=last", {}),
        "search, a frequent word": ("/admin/articles?q=python", {}),
        "search, its total": ("/admin/articles?q=python", COUNTED),
        "search, a rare word": ("/admin/articles?q=serial77", {}),
        "search, a word that is nowhere": ("/admin/articles?q=xyzzyx", {}),
    }


async def _timed(browser: httpx.AsyncClient, path: str, headers: dict[str, str]) -> tuple[float, float]:
    times = []
    for _ in range(WARM + RUNS):
        begun = time.perf_counter()
        answer = await browser.get(path, headers=headers)
        times.append((time.perf_counter() - begun) * 1000)
        assert answer.status_code == 200, answer.text
    return statistics.median(times[WARM:]), max(times[WARM:])


if __name__ == "__main__":
    main()

"""The database that all are measured on: migrated, seeded once, and put in order before each run."""

import asyncio
import hashlib
import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from app.platform import migrations
from app.platform.postgres.postmaster import living
from app.platform.postgres.sharing import share
from tests.benchmarks.processes import PYTHON, Tree

ROOT = Path(__file__).resolve().parents[2]
VOLUMES = ("--users", "2000", "--articles", "20000", "--favorites", "100000", "--comments", "40000")
# What is vacuumed is vacuumed before; its CPU would count for whoever is measured at the time.
SETTINGS = {"autovacuum": "off"}
POSTED = "Call me Ishmael."
# The reader wrote the second newest article, and follows fifty authors, that of the newest article among them.
PREPARE = f"""
DELETE FROM publishing_comment WHERE body = '{POSTED}';
DELETE FROM platform_outbox;
CREATE TEMPORARY TABLE newest AS
    SELECT id, slug, author_id, row_number() OVER (ORDER BY id DESC) AS n FROM publishing_article;
CREATE TEMPORARY TABLE reader AS SELECT author_id AS id FROM newest WHERE n = 2;
DELETE FROM accounts_token;
DELETE FROM publishing_follow;
INSERT INTO publishing_follow SELECT reader.id, author_id FROM newest, reader WHERE n <= 2000 AND n % 40 = 1;
DELETE FROM publishing_favorite WHERE user_id = (SELECT id FROM reader);
INSERT INTO publishing_favorite SELECT reader.id, newest.id FROM newest, reader WHERE n = 1;
UPDATE publishing_article a SET favorites_count = f.count
    FROM (SELECT article_id, count(*) FROM publishing_favorite GROUP BY article_id) f
    WHERE f.article_id = a.id AND f.count <> a.favorites_count;
"""


@dataclass(frozen=True)
class Subject:
    """What is asked for, and by whom."""

    slug: str
    slugs: list[str]  # of articles that are made favourites
    token: str


@dataclass(frozen=True)
class Measured:
    """The database, and the processes of its server."""

    url: str
    version: str
    tree: Tree
    subject: Subject


@contextmanager
def prepared() -> Iterator[Measured]:
    """The database, seeded anew when migrations or seeding have changed."""
    with share(ROOT / ".data" / "bench", settings=SETTINGS) as postgres:
        pid = living(postgres)
        assert pid is not None
        url = asyncio.run(_seeded(postgres.url))
        version, subject = asyncio.run(_in_order(url))
        yield Measured(url, version, Tree(pid), subject)


async def _seeded(server_url: str) -> str:
    """The address of the database of this schema; those of former ones go."""
    sources = [*sorted((ROOT / "migrations").rglob("*.py")), ROOT / "app/domain/publishing/seeding.py"]
    name = f"bench_{hashlib.sha256(b''.join(path.read_bytes() for path in sources)).hexdigest()[:12]}"
    admin = await asyncpg.connect(server_url)
    try:
        names = [row["datname"] for row in await admin.fetch("SELECT datname FROM pg_database")]
        if name not in names:
            for former in (old for old in names if old.startswith("bench_")):
                await admin.execute(f'DROP DATABASE "{former}" WITH (FORCE)')
            await admin.execute("CREATE DATABASE bench_unfinished")
            await asyncio.to_thread(_seed, _at(server_url, "bench_unfinished"))
            await admin.execute(f'ALTER DATABASE bench_unfinished RENAME TO "{name}"')
    finally:
        await admin.close()
    return _at(server_url, name)


def _at(server_url: str, name: str) -> str:
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))


def _seed(url: str) -> None:
    migrations.upgrade(url)
    environ = {**os.environ, "DATABASE_URL": url, "LITEHOUSE_ENVIRONMENT": "test", "LITEHOUSE_STATEMENT_TIMEOUT": "600"}
    subprocess.run([PYTHON, "-m", "app", "seed", *VOLUMES], env=environ, cwd=ROOT, check=True)


async def _in_order(url: str) -> tuple[str, Subject]:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(PREPARE)
        token = f"lh_{secrets.token_urlsafe(32)}"
        digest = hashlib.sha256(token.encode()).digest()
        insert = "INSERT INTO accounts_token (user_id, digest, expires_at) SELECT id, $1, now() + '1 day' FROM reader"
        await connection.execute(insert, digest)
        slugs = [row["slug"] for row in await connection.fetch("SELECT slug FROM newest WHERE n <= 200 ORDER BY n")]
        await connection.execute("VACUUM ANALYZE")
        version = await connection.fetchval("SHOW server_version")
        return version.split()[0], Subject(slugs[0], slugs[100:140], token)
    finally:
        await connection.close()

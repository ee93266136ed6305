"""What a read costs in a table of two thousand articles, and in one of two million.

    python -m tests.benchmarks.growth [--full] [--sizes N …]

Each size is a database of its own, seeded by COPY, with authors and readers in proportion: twenty articles each. The
statements are the house's own, one after the other on one connection; the table has their median and 99th percentile
in milliseconds, and how many times the smallest database's median the largest one's is. A search ranks the newest two
hundred matches and no more, so that its cost grows with their number until there are as many.
"""

import argparse
import asyncio
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import asyncpg

from app.domain.publishing.queries import article_by_slug, feed, newest_articles
from app.domain.publishing.samples import Sample, samples
from app.domain.publishing.search import search
from app.domain.publishing.seeding import Seeder
from app.kit.pagination import After, Window, cursor_of
from app.platform import migrations
from app.platform.cache.cache import Cache
from app.platform.database.pools import Database
from app.platform.database.work import Reader
from app.platform.postgres.sharing import share
from config.settings import load

ROOT = Path(__file__).resolve().parents[2]
SIZES, LARGEST = (2_000, 20_000, 200_000), 2_000_000
SETTINGS = {"fsync": "off", "full_page_writes": "off", "autovacuum": "off", "max_wal_size": "8GB"}
SETTINGS |= {"shared_buffers": "1GB", "maintenance_work_mem": "512MB"}
CHUNK = 10_000
EACH = 20  # articles of an author
FOLLOWS = 50
RUNS, WARM = 300, 20
LIMIT = 2.0  # times the median of the smallest
NOT_KNOWN = "nobody has said why"
WHY = {
    "list by tag": "what lies on a few pages of a small table lies on twenty pages of its own in a large one",
    "search, two words": "fewer than 200 of the small one have both; the large one looks through months and years",
    "search, a typing error": "three statements, and fewer than 200 of the small one have the word that is meant",
}
PAGE = Window(20)
GIN = "SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS made FROM pg_index JOIN pg_class ON"
GIN += " pg_class.oid = indexrelid JOIN pg_am ON pg_am.oid = relam WHERE amname = 'gin'"
Asking = Callable[[int], Awaitable[object]]


def main() -> None:
    """Seed and measure each size; print the table."""
    options = _options()
    figures: dict[str, list[tuple[float, float]]] = {}
    begun = os.getloadavg()
    with share(ROOT / ".data" / "growth", settings=SETTINGS) as server:
        for size in options.sizes:
            for name, cell in asyncio.run(_measured(server.url, size)).items():
                figures.setdefault(name, []).append(cell)
    _report(options.sizes, figures)
    print(f"\nLoad average of the machine before: {begun[0]:.1f}, after: {os.getloadavg()[0]:.1f}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help=f"{LARGEST:,} articles besides: some ten minutes and 10 GB")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    options = parser.parse_args()
    options.sizes += [LARGEST] if options.full else []
    return options


async def _measured(server_url: str, size: int) -> dict[str, tuple[float, float]]:
    """Median and 99th percentile of each way of reading, in milliseconds, in a database that is dropped afterwards."""
    name = f"growth_{size}"
    admin = await asyncpg.connect(server_url)
    try:
        await admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await admin.execute(f'CREATE DATABASE "{name}"')
        url = urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))
        await asyncio.to_thread(migrations.upgrade, url)
        environ = {"DATABASE_URL": url, "LITEHOUSE_ENVIRONMENT": "test", "LITEHOUSE_LOG_LEVEL": "error"}
        settings = load(env_file=None, environ=environ)
        database = Database(settings, on_oversized=sys.exit)
        async with database.lifespan():
            viewer, reader = await _seeded(database, size), database.reader()
            ways = await _ways(reader, viewer, size)
            ways |= _searches(partial(search, reader, Cache(settings, None)), viewer, size)
            return {what: await _timed(ask) for what, ask in ways.items()}
    finally:
        await admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await admin.close()


async def _seeded(database: Database, size: int) -> UUID:
    """Fill the database; a reader who follows fifty authors. The indexes of words are made afterwards, at a go."""
    begun = time.perf_counter()
    admin = await asyncpg.connect(database.url)
    indexes = await admin.fetch(GIN)
    for index in indexes:
        await admin.execute(f"DROP INDEX {index['name']}")
    work = database.unit_of_work()
    seeder = Seeder(work, advance=lambda _: None)
    people: list[UUID] = []

    async def join() -> None:
        people.extend((await seeder.people([f"reader-{n}" for n in range(max(200, size // EACH))])).values())
        await seeder.follows(people[0], people[1 : FOLLOWS + 1])

    await work.run(join)
    texts, until = _texts(size), datetime.now(UTC)
    for start in range(0, size, CHUNK):
        await work.run(lambda start=start: _chunk(seeder, texts, people, until - timedelta(minutes=size - start)))
    for index in indexes:
        await admin.execute(index["made"])
    await admin.execute("VACUUM ANALYZE")
    await admin.close()
    print(f"{size:,} articles in {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    return people[0]


def _texts(size: int) -> Iterator[Sample]:
    """Words as often as they are in real texts, one that ten articles have, and tags of two hundred."""
    words = [word for sample in samples() for word in sample.body.split() if word.isalpha()]
    random = Random(7)
    for number in range(size):
        title, description, body = (" ".join(random.choices(words, k=count)) for count in (6, 12, 40))
        tags = tuple(dict.fromkeys(f"topic-{number * step % 200}" for step in (1, 7, 31)))
        yield Sample("", title.capitalize(), description, f"{body} serial{number % (size // 10)}", tags)


async def _chunk(seeder: Seeder, texts: Iterator[Sample], people: Sequence[UUID], since: datetime) -> None:
    """The next articles, a minute apart from then on."""
    part = [text for _, text in zip(range(CHUNK), texts, strict=False)]
    authors = seeder._random.choices(people, k=len(part))
    minute = timedelta(minutes=1)
    written = seeder.write(part, authors, since + minute * len(part), minute)
    await seeder.articles(written, [])


async def _ways(reader: Reader, viewer: UUID, size: int) -> dict[str, Asking]:
    """What is asked, by name; the number of the run makes each one a little different."""
    middle = await reader.fetch(
        "SELECT id, slug FROM publishing_article ORDER BY id DESC OFFSET $1 LIMIT 20", (size // 2,)
    )
    cursors, slugs = [cursor_of([row["id"]]) for row in middle], [row["slug"] for row in middle]
    return {
        "one article": lambda n: article_by_slug.one(reader, slug=slugs[n % 20], viewer=viewer),
        "list of 20 with the total": lambda _: newest_articles.page(reader, PAGE, viewer=viewer),
        "keyset page in the middle": lambda n: newest_articles.after(reader, After(20, cursors[n % 20]), viewer=viewer),
        "feed of 50 followed authors": lambda _: feed.page(reader, PAGE, viewer=viewer),
        "list by tag": lambda n: newest_articles.page(reader, PAGE, viewer=viewer, tag=f"topic-{n % 200}"),
    }


def _searches(search: Callable[..., Awaitable[object]], viewer: UUID, size: int) -> dict[str, Asking]:
    """The same, of words; nothing is cached."""
    return {
        "search, a rare word": lambda n: search(PAGE, f"serial{n % (size // 10)}", viewer),
        "search, a frequent word": lambda _: search(PAGE, "python", viewer),
        "search, two words": lambda _: search(PAGE, "python package", viewer),
        "search, a typing error": lambda _: search(PAGE, "pyhton", viewer),
    }


async def _timed(ask: Asking) -> tuple[float, float]:
    times = []
    for number in range(WARM + RUNS):
        begun = time.perf_counter()
        await ask(number)
        times.append((time.perf_counter() - begun) * 1000)
    times = sorted(times[WARM:])
    return statistics.median(times), times[int(len(times) * 0.99)]


def _report(sizes: Sequence[int], figures: dict[str, list[tuple[float, float]]]) -> None:
    print("| median / 99 % in ms | " + " | ".join(f"{size:,}" for size in sizes) + " | largest : smallest |")
    print("|---" * (len(sizes) + 2) + "|")
    for name, cells in figures.items():
        ratio = cells[-1][0] / cells[0][0]
        shown = " | ".join(f"{median:.2f} / {slow:.2f}" for median, slow in cells)
        print(f"| {name} | {shown} | {ratio:.2f}{'' if ratio <= LIMIT else f': {WHY.get(name, NOT_KNOWN)}'} |")


if __name__ == "__main__":
    main()

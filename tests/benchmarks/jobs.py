"""How many empty jobs a second one worker does, and how soon an idle one begins; `python -m tests.benchmarks.jobs`.

A real worker's crew, in a process of its own beside PostgreSQL with its durable defaults: the database is made anew.
"""

import asyncio
import secrets
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles

import asyncpg
import uvloop

from app.platform import migrations
from app.platform.database.pools import Database
from app.platform.events.dispatcher import telling
from app.platform.jobs.running import Crew
from app.platform.postgres.sharing import share
from app.platform.resources import Resources
from config.settings import Settings, load
from tests.benchmarks.empty_jobs import begun, empty, tell, write
from tests.databases import at

ROOT = Path(__file__).resolve().parents[2]
JOBS, WRITING, PICKED_UP = 20_000, 5_000, 200
FILL = """
INSERT INTO platform_job (name, queue, arguments, tries) SELECT $1, 2, $2::jsonb, 5 FROM generate_series(1, $3::int)
"""


async def measure(settings: Settings) -> None:
    """All three figures."""
    database = Database(settings, on_oversized=sys.exit, write_slots=settings.worker_write_slots)
    connection = await asyncpg.connect(database.url)
    async with database.lifespan():
        for one, count in ((empty, JOBS), (write, WRITING)):
            await connection.execute("TRUNCATE platform_job")
            await connection.execute(FILL, one.name, "{}", count)
            await connection.execute("VACUUM ANALYZE platform_job")
            crew = Crew(database, telling(database), [one], Resources(settings))
            start, cpu = time.perf_counter(), time.process_time()
            async with crew.lifespan(10):
                while await connection.fetchval("SELECT count(*) FROM platform_job WHERE state <> 'done' LIMIT 1"):
                    await asyncio.sleep(0.1)
            seconds, spent = time.perf_counter() - start, time.process_time() - cpu
            print(f"{one.name}: {count / seconds:,.0f} a second, {spent / count * 1e6:.0f} µs of CPU each")
        await _pick_up(database, settings)
    await connection.close()


async def _pick_up(database: Database, settings: Settings) -> None:
    notices = telling(database)
    crew = Crew(database, notices, [tell], Resources(settings))
    waits = []
    async with notices.lifespan(), notices.listening(), crew.lifespan(10):
        await asyncio.sleep(1)
        for _ in range(PICKED_UP):
            work = database.unit_of_work()
            await work.run(lambda work=work: work.enqueue(tell()))
            committed = time.perf_counter()
            waits.append(1000 * (await begun.get() - committed))
            await asyncio.sleep(0.02)
    print(f"picked up after {median(waits):.1f} ms, p99 {quantiles(waits, n=100)[98]:.1f} ms")


def main() -> None:
    """Measure on a PostgreSQL of its own."""
    with tempfile.TemporaryDirectory() as folder, share(Path(folder)) as server:
        Path(folder).chmod(0o755)
        name = f"jobs_{secrets.token_hex(4)}"
        url = at(server.url, name)
        asyncio.run(_create(server.url, name))
        migrations.upgrade(url)
        settings = load(env_file=None, environ={"DATABASE_URL": url, "LITEHOUSE_ENVIRONMENT": "test"})
        uvloop.run(measure(settings))


async def _create(url: str, name: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(f'CREATE DATABASE "{name}"')
    await connection.close()


if __name__ == "__main__":
    main()

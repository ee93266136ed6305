"""The moments at which peers lose something, provoked exactly: a house that is sound gets over each of them.

What is written then is called as the constants say, so that what is broken names the moment.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress

import asyncpg
import psutil

from tests.chaos.clients import Attempted, Client
from tests.chaos.entries import ENTRIES
from tests.chaos.house import House
from tests.chaos.scenario import Write
from tests.e2e.running import PATIENCE, until

ENQUEUING, UNFLUSHED, LOST = "cut while enqueuing", "just acknowledged", "lost lease"
FLUSHED = 10  # writes of that moment
Writing = Callable[..., Future[Attempted]]
WAITS = """
SELECT pid FROM pg_stat_activity
WHERE application_name = 'litehouse write' AND wait_event_type = 'Lock' AND query LIKE '%INSERT INTO platform_job (%'
"""
AMID = """
SELECT pid FROM pg_stat_activity WHERE state = 'idle in transaction' AND query LIKE 'INSERT INTO ledger_effect%'
"""
BOOKED = """
SELECT job.state FROM platform_job AS job JOIN ledger_entry AS entry ON job.arguments ->> 'entry' = entry.id::text
WHERE job.name = 'ledger.book' AND entry.name = $1
"""


def provoke(house: House, token: str) -> list[Attempted]:
    """All of them; what was written."""
    with ThreadPoolExecutor(1) as pool:

        def write(name: str, seconds: float = 0.0) -> Future[Attempted]:
            entry = Write("entry", name, ENTRIES, {"name": name, "seconds": seconds})
            return pool.submit(_written, house.port, token, entry)

        moments = (_just_acknowledged, _enqueuing, _lost_lease)
        return [one.result() for moment in moments for one in moment(house, write)]


def _written(port: int, token: str, write: Write) -> Attempted:
    client = Client(port, token, iter([write]), lambda: 0.0)
    client.start()
    client.join(PATIENCE)
    client.gives_up.set()
    return client.attempted[0]


def _enqueuing(house: House, write: Writing) -> list[Future[Attempted]]:
    """The server dies when the entry's job is on its way into the table: with the entry, or after it."""
    with _held(house, "platform_job"):
        written = write(ENQUEUING)
        until(lambda: house.fetch(WAITS), "a job is on its way into the table")
        for worker in house.server.workers():
            with suppress(psutil.NoSuchProcess):
                worker.kill()
        for (pid,) in house.fetch(WAITS):
            house.fetch("SELECT pg_terminate_backend($1)", pid)
    return [written]


@contextmanager
def _held(house: House, table: str) -> Generator[None]:
    """Nobody writes to the table."""
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(house.postgres.url))
        runner.run(connection.execute(f"BEGIN; LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE"))
        try:
            yield
        finally:
            runner.run(connection.close())


def _lost_lease(house: House, write: Writing) -> list[Future[Attempted]]:
    """A worker stands still in the middle of a job, until another has done it; then it goes on."""
    first, second = (psutil.Process(worker.process.pid) for worker in house.workers)
    second.suspend()  # so that it is known who has the job
    written = write(LOST, seconds=1.0)
    until(lambda: house.fetch(AMID), "the job has begun")
    first.suspend()
    amid = house.fetch(AMID)
    second.resume()
    until(lambda: house.fetch(BOOKED, LOST) == [("done",)], "another worker has done it")
    first.resume()
    until(lambda: not {*house.fetch(AMID)} & {*amid}, "the first one has gone on")
    return [written]


def _just_acknowledged(house: House, write: Writing) -> list[Future[Attempted]]:
    """The database dies when writes are acknowledged, and nothing but their own commits has put them on the disk.

    Its WAL writer, which does so within a fifth of a second for those who did not wait, stands still meanwhile, and is
    the one that dies: then the database ends all others and recovers.
    """
    until(lambda: _wal_writer(house), "the WAL writer is there")
    wal_writer = _wal_writer(house)
    os.kill(wal_writer, signal.SIGSTOP)
    written = [write(f"{UNFLUSHED} {number}") for number in range(FLUSHED)]
    for one in written:
        one.result()
    os.kill(wal_writer, signal.SIGKILL)
    until(lambda: _wal_writer(house) not in {0, wal_writer}, "the database has recovered")
    return written


def _wal_writer(house: House) -> int:
    rows = house.fetch("SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'")
    return rows[0][0] if rows else 0

"""The house under test: its database, its server and its workers, as processes that are killed and started again."""

import asyncio
import hashlib
import os
import secrets
import signal
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import asyncpg
import psutil

from app.platform.postgres.place import Server
from app.platform.postgres.postmaster import living, serve
from app.platform.postgres.sharing import share
from tests.chaos.installation import Patch, install, lay_out
from tests.e2e.running import Running, free_port, gone, reachable_folder, until

WORKERS = 2
SETTINGS: dict[str, object] = {
    "environment": "test",
    "workers": 2,
    "write_pool_size": 4,
    "read_pool_size": 4,
    "pool_timeout": 1,
    "drain_notice": 0,
    "drain_timeout": 10,
}
AWAY = (asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError, asyncpg.CrashShutdownError, OSError)
PATIENCE = 90.0  # seconds, for what must come; only a failure takes so long
SIGN_UP = """
WITH made AS (
    INSERT INTO accounts_user (username, email, password) VALUES ($1, $1 || '@example.com', '!') RETURNING id
) INSERT INTO accounts_token (user_id, digest, expires_at) SELECT id, $2, now() + interval '1 day' FROM made
"""
OTHERS = "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'litehouse%' ORDER BY backend_start"


class Violation(NamedTuple):
    """A promise that was broken, and the row, or the words, that show it."""

    promise: str
    row: str


class House:
    """All of it. Only the thread that made it touches its processes."""

    def __init__(self, folder: Path, postgres: Server, settings: Mapping[str, object]) -> None:
        self.folder = folder
        self.postgres = postgres
        self.violations: list[Violation] = []
        self.port = free_port()
        self.settings = SETTINGS | {"database_url": postgres.url, **settings}
        self.server = self._serve()
        self.workers = [self._work() for _ in range(WORKERS)]
        self._ended: list[Running] = []

    def _serve(self) -> Running:
        return Running("serve", folder=self.folder, port=self.port, **self.settings)

    def _work(self) -> Running:
        return Running("worker", folder=self.folder, **self.settings)

    def broken(self, promise: str, row: object) -> None:
        """Note a violation."""
        self.violations.append(Violation(promise, str(row)))

    def fetch(self, sql: str, *given: object) -> list[tuple[Any, ...]]:
        """Rows, from a connection of its own; while the database is away it is asked again."""

        async def fetch() -> list[tuple[Any, ...]]:
            connection = await asyncpg.connect(self.postgres.url, timeout=PATIENCE)
            try:
                return [tuple(row) for row in await connection.fetch(sql, *given)]
            finally:
                await connection.close()

        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return asyncio.run(fetch())
            except AWAY:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def sign_up(self, name: str) -> str:
        """A new user's token."""
        token = f"lh_{secrets.token_urlsafe(32)}"
        self.fetch(SIGN_UP, name, hashlib.sha256(token.encode()).digest())
        return token

    def connections(self) -> list[int]:
        """The backends of the house's processes."""
        return [pid for (pid,) in self.fetch(OTHERS)]

    def postmaster(self) -> psutil.Process | None:
        """The database's main process, if it lives."""
        pid = living(self.postgres)
        with suppress(psutil.NoSuchProcess):
            return pid and psutil.Process(pid)
        return None

    def start_database(self) -> None:
        """Where it was stopped; where it recovers by itself this waits for it."""
        serve(self.postgres, {})

    def kill_server(self) -> None:
        """The main process alone; its workers have to end with it."""
        workers = self.server.workers()
        self.server.process.kill()
        self.server.process.wait(PATIENCE)
        deadline = time.monotonic() + 5
        while not gone(workers):
            if time.monotonic() > deadline:
                self.broken("no worker outlives its server", [worker.pid for worker in workers])
                break
            time.sleep(0.01)
        self.start_server()

    def start_server(self) -> None:
        """Another in place of one that ended."""
        self._ended.append(self.server)
        self.server = self._serve()

    def kill_worker(self, number: int) -> None:
        """One that ends without a word, even where it is stopped."""
        self.workers[number].process.kill()
        self.workers[number].process.wait(PATIENCE)

    def start_worker(self, number: int) -> None:
        """Another in place of one that ended."""
        self._ended.append(self.workers[number])
        self.workers[number] = self._work()

    def tend(self) -> None:
        """Start again what has ended by itself, which nothing should."""
        if (code := self.server.process.poll()) is not None:
            self.broken("no server ends by itself", f"exit code {code}: {self.server.said[-1500:]}")
            self.start_server()
        for number, worker in enumerate(self.workers):
            if (code := worker.process.poll()) is not None:
                self.broken("no worker ends by itself", f"exit code {code}: {worker.said[-1500:]}")
                self.start_worker(number)

    def make_whole(self) -> None:
        """Everything runs, and answers."""
        for worker in self.workers:
            worker.process.send_signal(signal.SIGCONT)
        self.start_database()
        self.tend()
        self.server.until_answer("/ready")
        until(lambda: len(self.server.workers()) == self.settings["workers"], "each worker of the server is there")
        # Before, they do not listen for their end yet.
        until(lambda: all('"working"' in worker.said for worker in self.workers), "all workers work")

    def end(self) -> None:
        """All end in order, and none is left."""
        for process in (self.server, *self.workers):
            process.process.send_signal(signal.SIGTERM)
        for process in (self.server, *self.workers):
            if code := process.ended():
                self.broken("a process that is told to end does so", f"exit code {code}: {process.said[-1500:]}")
        for left in self._living():
            self.broken("no process is left", left)

    def _living(self) -> Sequence[str]:
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.cwd() == str(self.folder) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(f"{process.pid}: {' '.join(process.cmdline())}")
        return found

    def leave(self) -> None:
        """Leave nothing behind, whatever happened."""
        for process in (self.server, *self.workers, *self._ended):
            process.__exit__()


@contextmanager
def house(faults: Sequence[Patch], settings: Mapping[str, object]) -> Generator[House]:
    """A copy of the project, with these faults, that runs on a PostgreSQL of its own, which waits for its disk."""
    with reachable_folder() as folder:
        install(folder, faults)
        (folder / "tmp").mkdir()
        with patch.dict(os.environ, {"TMPDIR": str(folder / "tmp")}):
            with share(folder / ".data") as postgres:
                lay_out(postgres.url)
                made = House(folder, postgres, settings)
                try:
                    made.make_whole()
                    yield made
                finally:
                    made.leave()
            if (main := living(postgres)) is not None:
                made.broken("no process is left", f"PostgreSQL {main}")


def awaited(true: Callable[[], object], seconds: float) -> bool:
    """Whether it came to be in so many seconds."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True

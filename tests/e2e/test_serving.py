"""Starting, serving and ending, as seen by whoever types the command; with real processes, ports and signals."""

import asyncio
import os
import signal
import socket
from collections import Counter
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import psutil
import pytest

from app.platform.postgres.place import locate
from app.platform.postgres.postmaster import living
from app.platform.postgres.sharing import STATE, share
from tests.e2e.past import PUBLISH, fetch
from tests.e2e.running import Running, free_port, gone, reachable_folder, until
from tests.waiting import until_waiting


@pytest.fixture(scope="module")
def kept_folder() -> Iterator[Path]:
    """Where embedded servers keep their data, one after the other: making them anew would take half of the time."""
    with reachable_folder() as folder:
        yield folder / ".data"


@pytest.fixture
def data_folder(kept_folder: Path) -> Iterator[Path]:
    """The same, and no server runs there any more when the test is over."""
    yield kept_folder
    with share(kept_folder):  # the last one out stops what a test had killed
        pass
    assert postmaster(kept_folder) is None


def postmaster(data_folder: Path) -> int | None:
    """The pid of the embedded server's main process."""
    return living(locate(data_folder, STATE))


def beside(run: Running) -> list[psutil.Process]:
    """The workers that it keeps for what is done after requests."""
    return [child for child in run.children() if "--beside" in child.cmdline()]


@contextmanager
def taken() -> Generator[int]:
    """A port on which this process listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", free_port()))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.mark.parametrize("command", ["up", "serve"])
def test_settings_that_are_wrong_are_told_at_once_before_the_port_is_looked_at(command: str, tmp_path: Path):
    wrong: dict[str, Any] = {"workers": "some", "log_levle": "info"}
    with taken() as port, Running(command, port=port, data_folder=tmp_path / "data", **wrong) as run:
        assert run.ended() == 2
        assert run.said.splitlines()[0].startswith("Error: 2 settings need attention")
        assert "LITEHOUSE_WORKERS=some" in run.said
        assert "LITEHOUSE_LOG_LEVLE: no such setting; the nearest is LITEHOUSE_LOG_LEVEL" in run.said
        assert "Traceback" not in run.said
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("command", ["up", "serve"])
def test_a_taken_port_is_told_by_whom_before_anything_is_started(command: str, tmp_path: Path):
    with taken() as port, Running(command, port=port, data_folder=tmp_path / "data") as run:
        assert run.ended() == 1
        assert run.said.startswith(f"Error: Port {port} is taken by process {os.getpid()} (")
        assert "Traceback" not in run.said
    assert not (tmp_path / "data").exists()


def test_up_starts_everything_and_ctrl_c_stops_it(data_folder: Path):
    with Running("up", data_folder=data_folder) as run:
        run.until_answer("/ready")
        assert f"{run.origin}/docs" in run.said
        assert postmaster(data_folder) is not None
        with Running("up", port=run.port, data_folder=data_folder) as second:
            assert second.ended() == 1
            assert f"is taken by process {run.process.pid} (" in second.said
            assert "app up" in second.said
        [worker] = beside(run)
        worker.kill()
        with share(data_folder) as server:
            fetch(server.url, PUBLISH, "sea.ship_sailed")
            until(lambda: "sea.ship_sailed" in fetch(server.url, "SELECT name FROM platform_event"), "another works")
        assert "the worker has died, and is started anew" in run.said
        started = run.children()
        run.interrupt()
        assert run.ended() == 0
        assert "Traceback" not in run.said
        assert gone(started)
    assert postmaster(data_folder) is None


def test_production_is_not_migrated_by_the_way():
    url = "postgresql://nobody@127.0.0.1:1/nothing"
    with Running("up", environment="production", database_url=url) as run:
        assert run.ended() == 1
        assert "in production, `migrate` and then `serve`" in run.said


def test_a_main_process_that_is_killed_leaves_no_worker_and_the_next_start_recovers(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TMPDIR", str(data_folder.parent))  # killed, it leaves its folder of metrics there
    with Running("up", data_folder=data_folder, workers=2) as run:
        run.until_answer("/ready")
        until(lambda: len(run.workers()) == 2, "both workers run")
        workers = run.workers()
        run.process.kill()
        until(lambda: gone(workers), "no worker is left")
    with Running("up", port=run.port, data_folder=data_folder) as run:
        run.until_answer("/ready")
        assert "applied" not in run.said, "the migrations of the first start are still there"


def test_a_worker_that_dies_is_replaced_however_soon_it_dies_again(lent_database_url: str):
    with Running("serve", environment="test", mail="none", database_url=lent_database_url) as run:
        run.until_answer()
        for _ in range(3):
            [worker] = run.workers()
            worker.kill()
            until(lambda worker=worker: gone([worker]) and len(run.workers()) == 1, "another worker runs")
        run.until_answer()
        with Running("healthcheck", port=run.port) as check:
            assert check.ended() == 0
        run.interrupt()
        assert run.ended() == 0
        assert run.said.count("LITEHOUSE_MAIL is none") == 1, "the server says that it sends none, and no worker again"


@pytest.mark.parametrize(("write_pool_size", "code"), [(6, 0), (200, 1)], ids=["right", "oversized"])
def test_serving_begins_before_the_database_does(data_folder: Path, write_pool_size: int, code: int):
    with share(data_folder) as server:
        url = server.url
    with Running("serve", environment="test", database_url=url, write_pool_size=write_pool_size) as run:
        run.until_answer("/health")
        assert "the database cannot be reached" in run.until_answer("/ready", status=503).text
        with share(data_folder):
            if code:
                until(lambda: run.get("/ready") is None, "it has seen that its pools are too large")
            else:
                run.until_answer("/ready")
                run.interrupt()
            assert run.ended() == code
            assert ("LITEHOUSE_WRITE_POOL_SIZE=200" in run.said) is bool(code)


def test_pools_that_the_database_cannot_hold_are_told_before_a_worker_starts(lent_database_url: str):
    with Running("serve", environment="test", database_url=lent_database_url, workers=8) as run:
        assert run.ended() == 1
        assert run.said.startswith("Error: LITEHOUSE_WORKERS=8 x (LITEHOUSE_WRITE_POOL_SIZE=6 + ")
        assert "= 153 connections, but max_connections=100" in run.said


def test_an_announced_end_is_seen_and_what_has_begun_is_finished(lent_database_url: str):
    patient: dict[str, Any] = {"lock_timeout": 60, "statement_timeout": 60}
    with (
        Running("serve", environment="test", database_url=lent_database_url, **patient) as run,
        ThreadPoolExecutor() as pool,
    ):
        run.until_answer("/ready")
        assert "LITEHOUSE_MAIL" not in run.said, "mail is kept in memory here"
        with held(lent_database_url, "accounts_user"):
            slow = pool.submit(run.post, "/api/v1/accounts/tokens", {"email": "a@example.com", "password": "none"})
            asyncio.run(until_waiting(lent_database_url))
            run.process.send_signal(signal.SIGTERM)
            assert "is being drained" in run.until_answer("/ready", status=503).text
            until(lambda: run.get("/health") is None, "it takes no new connection")
            assert not slow.done()
        assert slow.result().status_code == 401
        assert run.ended() == 0


@contextmanager
def held(url: str, table: str) -> Generator[None]:
    """Hold a lock that every statement about the table waits for."""
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(url))
        runner.run(connection.execute(f"BEGIN; LOCK TABLE {table}"))
        try:
            yield
        finally:
            runner.run(connection.close())


def test_two_workers_count_together_and_do_once_what_a_key_names(lent_database_url: str):
    with Running("serve", environment="development", database_url=lent_database_url, workers=2) as run:
        run.until_answer()
        until(lambda: len(run.workers()) == 2, "both workers run")
        for _ in range(20):
            run.get("/ready")
        until(lambda: counted(run) >= 20, "the other worker has shown what it counted: on its loop's next heartbeat")
        assert counted(run) == 20
        assert asyncio.run(named_fifty_times(run.origin, lent_database_url)) == {201: 1}
        run.interrupt()
        assert run.ended() == 0


async def named_fifty_times(origin: str, url: str) -> dict[int, int]:
    """Ask fifty times at once, under one key, for something to be made: how many answers there are of each status."""
    ann = {"username": "ann", "email": "ann@example.com", "password": "a long enough one"}
    async with aiohttp.ClientSession(origin, connector=aiohttp.TCPConnector(limit=0)) as http:
        async with http.post("/api/v1/accounts/users", json=ann) as joined:
            token = (await joined.json())["token"]
        connection = await asyncpg.connect(url)
        await connection.execute("UPDATE accounts_user SET is_superuser = true")
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "k-1"}

        async def make() -> tuple[int, bytes]:
            async with http.post(
                "/api/v1/accounts/groups", json={"name": "A", "permissions": []}, headers=headers
            ) as one:
                return one.status, await one.read()

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(make()) for _ in range(50)]
        assert await connection.fetchval("SELECT count(*) FROM accounts_group") == 1
        await connection.close()
    return Counter(status for status, _ in {task.result() for task in tasks})


def counted(run: Running) -> float:
    """How many checks of readiness were answered, by the metrics."""
    page = run.until_answer("/metrics").text
    lines = [line for line in page.splitlines() if line.startswith("http_requests_total{") and '"/ready"' in line]
    return sum(float(line.rpartition(" ")[2]) for line in lines)

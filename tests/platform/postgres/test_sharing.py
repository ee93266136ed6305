"""Sharing: whoever comes first starts the server, whoever leaves last stops it, however the others ended."""

import asyncio
import fcntl
import os
import signal
import threading
from pathlib import Path

import asyncpg
import pytest

from app.platform.postgres import sharing
from app.platform.postgres.errors import PostgresUnavailable
from tests.platform.postgres.project import Project, eventually

FORKING = """
import os, sys
from pathlib import Path
from app.platform.postgres.sharing import share
with share(Path(sys.argv[1]), state=Path(sys.argv[2])):
    child = os.fork()
    if child == 0:
        sys.exit()
    os.waitpid(child, 0)
    print("child has left", flush=True)
    sys.stdin.readline()
"""
INTERRUPTED = """
import sys
from pathlib import Path
from app.platform.postgres.postmaster import has_database
from app.platform.postgres.sharing import share
with share(Path(sys.argv[1]), state=Path(sys.argv[2])) as server:
    try:
        print("shared", flush=True)
        sys.stdin.readline()
    except KeyboardInterrupt:
        print("served" if has_database(server) else "lost", flush=True)
"""


def test_a_port_in_the_shell_leads_nowhere_else(project: Project, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PGPORT", "1")
    with project.share() as server:
        assert asyncio.run(whoami(server.url)) == "litehouse at litehouse"
        assert project.ask("SELECT 1") == "1"


def test_server_runs_for_the_block(project: Project):
    with project.share() as server:
        assert asyncio.run(whoami(server.url)) == "litehouse at litehouse"
        assert project.ask("SELECT current_user, current_database()") == "litehouse|litehouse"

    assert project.is_down()


async def whoami(url: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval("SELECT current_user || ' at ' || current_database()")
    finally:
        await connection.close()


def test_last_of_two_processes_stops_the_server(project: Project):
    with project.holder() as other:
        other.wait_for("shared")
        with project.share():
            other.release()
            assert project.ask("SELECT 1") == "1"

    assert project.is_down()


def test_second_process_finds_the_server_of_the_first(project: Project):
    with project.share():
        first = project.postmaster()
        with project.holder() as other:
            other.wait_for("shared")
            other.release()

        assert project.postmaster() == first


def test_process_shares_twice(project: Project):
    with project.share() as server:
        with project.share() as again:
            assert again == server
        assert project.ask("SELECT 1") == "1"


def test_threads_share(project: Project):
    leave, errors = threading.Barrier(4, timeout=30), []

    def use() -> None:
        try:
            with project.share():
                assert project.ask("SELECT 1") == "1"
                leave.wait()
        except BaseException as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=use) for _ in range(leave.parties)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []


def test_killed_holder_does_not_keep_the_server(project: Project):
    with project.holder() as other, project.share():
        other.wait_for("shared")
        other.kill()

    assert project.is_down()


def test_server_outlives_all_its_holders_until_the_next(project: Project):
    with project.holder() as other:
        other.wait_for("shared")
        other.kill_group()
    left = project.postmaster()

    with project.share():
        assert project.postmaster() == left

    assert project.is_down()


def test_ctrl_c_leaves_the_server_to_its_holder(project: Project):
    with project.holder(INTERRUPTED) as other:
        other.wait_for("shared")
        os.killpg(other.process.pid, signal.SIGINT)
        other.wait_for("served")
        other.release()


def test_forked_child_does_not_stop_its_parents_server(project: Project):
    with project.holder(FORKING) as parent:
        parent.wait_for("child has left")
        assert project.ask("SELECT 1") == "1"
        parent.release()


def test_server_inherits_no_lock(project: Project):
    with project.share() as server:
        opened = {str(path.readlink()) for path in Path(f"/proc/{project.postmaster()}/fd").iterdir()}

        assert not opened & {str(server.home / "gate"), str(server.home / "users")}


def test_an_error_of_the_block_stays_what_it_is(project: Project):
    with pytest.raises(FileNotFoundError), project.share():
        raise FileNotFoundError

    assert project.is_down()


def test_hanging_gate_is_named(project: Project, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sharing, "GATE_SECONDS", 0.02)
    gate = project.server.home / "gate"
    with gate.open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)

        with pytest.raises(PostgresUnavailable, match=rf"{gate} has been held.*\nMend: "), project.share():
            pass


def test_starters_take_turns(empty: Project):
    with empty.holder() as one, empty.holder() as other:
        one.wait_for("shared")
        other.wait_for("shared")
        one.release()
        assert empty.ask("SELECT 1") == "1"
        other.release()

    eventually(empty.is_down)

"""The server's main process: found, started, waited for and stopped, whatever an earlier one left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from app.platform.postgres.account import run, surroundings
from app.platform.postgres.doors import LOCK, make_socket_folder, open_doors
from app.platform.postgres.errors import PostgresUnavailable, failure
from app.platform.postgres.installation import own_programs, prepare_data, programs_for
from app.platform.postgres.place import DATABASE, ROLE, Server

START_SECONDS = 60.0  # the recovery of a full write-ahead log fits
STOP_SECONDS = 20.0
POLL_SECONDS = 0.005
LOG_BYTES = 1 << 20
STATUS_LINE = 7
DETACH = '"$@" >&2 & echo $!'  # a child of this process would end as a zombie, and complain of being left behind
ORPHANS_REMAIN = "pre-existing shared memory block"
NOT_NOW = "the database system is"  # … in recovery mode, shutting down
SETTINGS = {
    "max_connections": "100",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
    "shared_preload_libraries": "pg_stat_statements",
    # A failed statement's error reaches its client; logged as well, each would lengthen a log that nothing rotates.
    "log_min_messages": "log",
    "log_checkpoints": "off",
}
CREATE_DATABASE = r"""
SELECT format('CREATE DATABASE %I', :'name') WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
"""


def serve(server: Server, settings: Mapping[str, str]) -> None:
    """Have a postmaster ready, and the database in it. Raises PostgresUnavailable, after a minute at most."""
    make_socket_folder(server)
    turn_log(server)
    launched: int | None = None
    deadline = time.monotonic() + START_SECONDS
    while not (is_ready(server) and has_database(server)):
        if time.monotonic() > deadline:
            raise failure(f"PostgreSQL is not ready after {START_SECONDS:.0f} s", tail(server.log), server.home)
        pid = living(server)
        if pid and pid != first_number(pid_file(server)):
            stop(server)  # its data were deleted under it; ending later, it would delete its successor's socket
        elif pid is None and (launched is None or met_orphans(launched, server)):
            launched = launch(server, settings)
        time.sleep(POLL_SECONDS)


def turn_log(server: Server) -> None:
    """A log for each life of the server, the one before kept, and neither without bound."""
    with suppress(FileNotFoundError):
        if living(server) is None:
            server.log.replace(server.log.with_suffix(".log.old"))
        elif server.log.stat().st_size > LOG_BYTES:
            os.truncate(server.log, 0)


def is_ready(server: Server) -> bool:
    """Whether a living postmaster says that it takes connections."""
    status = "".join(lines_of(pid_file(server))[STATUS_LINE:])
    return status.strip() == "ready" and living(server) is not None


def pid_file(server: Server) -> Path:
    """Where a postmaster notes its pid and how far it is."""
    return server.data / "postmaster.pid"


def lines_of(path: Path) -> list[str]:
    """The lines of a file that may be gone."""
    with suppress(FileNotFoundError):
        return path.read_text(errors="replace").splitlines()
    return []


def living(server: Server) -> int | None:
    """The postmaster's pid; its socket's lock still has it when the data were deleted under it."""
    for record in (pid_file(server), server.socket / LOCK):
        pid = first_number(record)
        if pid and f"/postgres -D {server.data} " in command_line(pid):
            return pid
    return None


def first_number(record: Path) -> int | None:
    """The pid that a record begins with, unless it is gone or was never finished."""
    with suppress(IndexError, ValueError):
        return int(lines_of(record)[0])
    return None


def command_line(pid: int) -> str:
    """What a process was called with, spaces between: a reused pid says something else, a zombie nothing."""
    if sys.platform != "linux":
        return run("ps", "-ww", "-o", "args=", "-p", str(pid)).stdout
    with suppress(FileNotFoundError, ProcessLookupError):
        return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes()).replace("\0", " ")
    return ""


def launch(server: Server, settings: Mapping[str, str]) -> int:
    """Start a postmaster that outlives this process; its pid, once it can be found by it or has ended."""
    programs = programs_for(server)
    prepare_data(server, programs)
    flags = [f"-c{name}={value}" for name, value in (SETTINGS | dict(settings) | open_doors(server)).items()]
    around = surroundings(server.account)
    around["env"] = around["env"] | disown(pid_file(server))
    server.log.touch(mode=0o600)
    with server.log.open("ab") as log:
        log.truncate(0)
        shell = subprocess.run(
            ["sh", "-c", DETACH, "sh", programs / "postgres", "-D", server.data, *flags],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # Ctrl-C reaches the whole process group, and would end it before its users
            umask=0o077,
            check=True,
            **around,
        )
    pid = int(shell.stdout)
    wait_until(lambda: living(server) is not None or not command_line(pid), STOP_SECONDS)
    return pid


def disown(record: Path) -> dict[str, str]:
    """Tell PostgreSQL that the pid in a dead postmaster's file was reused: it gives way to any that lives."""
    pid = first_number(record)
    if pid is None:
        record.unlink(missing_ok=True)  # a power cut leaves it empty, and PostgreSQL refuses that as well
        return {}
    return {"PG_GRANDPARENT_PID": str(pid)}


def met_orphans(launched: int, server: Server) -> bool:
    """Whether the launched postmaster gave way to what a killed one left at work; raises where it failed otherwise."""
    if command_line(launched):
        return False
    words = tail(server.log)
    if ORPHANS_REMAIN in words:
        return True
    raise failure("PostgreSQL did not start", words, server.home)


def tail(log: Path) -> str:
    """The last words of a log."""
    return "\n".join(lines_of(log)[-15:])


def has_database(server: Server) -> bool:
    """Whether the database is there, created if need be; not while the server stops or recovers. Raises if refused."""
    psql = own_programs() / "psql"
    where = ("--host", server.socket, "--port=5432", "--username", ROLE, "--dbname=postgres")
    how = ("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", f"--set=name={DATABASE}")
    created = run(psql, *where, *how, given=CREATE_DATABASE)
    if created.returncode != 0 and is_ready(server) and NOT_NOW not in created.stderr:
        raise failure(f"PostgreSQL refuses the database {DATABASE}", created.stderr, server.home)
    return created.returncode == 0


def stop(server: Server) -> None:
    """Stop the server: fast or, when it hangs, at once, from which it recovers. Raises PostgresUnavailable."""
    for way in (signal.SIGINT, signal.SIGQUIT):
        pid = living(server)
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, way)
        if wait_until(lambda: living(server) is None, STOP_SECONDS):
            return
    raise PostgresUnavailable(f"PostgreSQL, process {living(server)}, does not stop", mend="end it with SIGKILL")


def wait_until(done: Callable[[], bool], seconds: float) -> bool:
    """Whether `done` came true within so many seconds."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True

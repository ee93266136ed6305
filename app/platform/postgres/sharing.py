"""Several processes on one embedded server: the first starts it, the last stops it."""

import fcntl
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from app.platform.postgres.doors import remove_socket_folder
from app.platform.postgres.errors import PostgresUnavailable, plainly
from app.platform.postgres.place import Server, locate
from app.platform.postgres.postmaster import START_SECONDS, STOP_SECONDS, serve, stop, wait_until

STATE = Path("/var/lib/litehouse")
GATE_SECONDS = 2 * (START_SECONDS + STOP_SECONDS)


@contextmanager
def share(folder: Path, *, settings: Mapping[str, str] | None = None, state: Path = STATE) -> Generator[Server]:
    """Keep the server of the project whose `.data` is `folder` running, together with all who share it.

    `settings` go over the defaults when this process is the one that starts it. `state` takes in what root's server
    cannot reach in `folder`. Blocks, for a second when there are no data yet; raises PostgresUnavailable.
    """
    holder = os.getpid()
    server = locate(folder, state)
    with lock_file(server.home / "gate") as gate, lock_file(server.home / "users") as users:
        with locked(gate):
            join(server, users, settings or {})
        try:
            yield server
        finally:
            # A forked child that unwinds has its parent's lock: giving it up would stop the server under the parent.
            if os.getpid() == holder:
                with locked(gate):
                    leave(server, users)


@plainly()
def lock_file(path: Path) -> IO[bytes]:
    """A file that only the project's user can open, and so lock; a lock ends with its process, however that ends."""
    path.touch(mode=0o600)
    return path.open("ab")


@contextmanager
def locked(gate: IO[bytes]) -> Generator[None]:
    """Start and stop one at a time."""
    if not wait_until(lambda: try_lock(gate), GATE_SECONDS):
        what = f"{gate.name} has been held for {GATE_SECONDS:.0f} s by a process that starts or stops PostgreSQL"
        raise PostgresUnavailable(what, mend="end that process, and try again")
    try:
        yield
    finally:
        fcntl.flock(gate, fcntl.LOCK_UN)


def try_lock(file: IO[bytes]) -> bool:
    """Whether nobody else holds the file, which is then locked."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@plainly()
def join(server: Server, users: IO[bytes], settings: Mapping[str, str]) -> None:
    """Become one of the server's users."""
    fcntl.flock(users, fcntl.LOCK_SH)
    try:
        serve(server, settings)
    except BaseException:
        leave(server, users)
        raise


@plainly()
def leave(server: Server, users: IO[bytes]) -> None:
    """Stop the server when nobody else uses it; one whose last user was killed is left to the next."""
    if try_lock(users):
        stop(server)
        remove_socket_folder(server)

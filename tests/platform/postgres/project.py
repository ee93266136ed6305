"""A project whose embedded server a test may start, kill and look at."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app.platform.postgres.account import run, surroundings
from app.platform.postgres.installation import own_programs
from app.platform.postgres.place import Server, locate
from app.platform.postgres.postmaster import living
from app.platform.postgres.sharing import share

HOLD = """
import sys
from pathlib import Path
from app.platform.postgres.sharing import share
with share(Path(sys.argv[1]), state=Path(sys.argv[2])):
    print("shared", flush=True)
    sys.stdin.readline()
"""


@dataclass(frozen=True)
class Project:
    """Its `.data`, and a folder in the place of the system's for state; both in a folder of the test's."""

    folder: Path
    state: Path

    def share(self, **settings: str) -> AbstractContextManager[Server]:
        return share(self.folder, settings=settings, state=self.state)

    @property
    def server(self) -> Server:
        return locate(self.folder, self.state)

    def postmaster(self) -> int:
        pid = living(self.server)
        assert pid is not None, "no server runs"
        return pid

    def kill_postmaster(self) -> None:
        os.kill(self.postmaster(), signal.SIGKILL)
        eventually(self.is_down)

    def is_down(self) -> bool:
        return living(self.server) is None

    def ask(self, sql: str, database: str = "litehouse") -> str:
        """What psql prints; fails on an error."""
        url = self.server.url.replace("/litehouse?", f"/{database}?")
        asked = run(own_programs() / "psql", "-XAtq", url, given=sql)
        assert not asked.stderr, asked.stderr
        return asked.stdout.strip()

    @contextmanager
    def holder(self, script: str = HOLD) -> Generator["Holder"]:
        """Another process, in its own group, that shares the server until it is released."""
        with subprocess.Popen(
            [sys.executable, "-c", script, str(self.folder), str(self.state)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                yield Holder(process)
            finally:
                process.kill()


@dataclass
class Holder:
    """A process that shares the server."""

    process: subprocess.Popen[str]
    said: list[str] = field(default_factory=list)

    def wait_for(self, word: str) -> None:
        assert self.process.stdout
        while word not in self.said:
            line = self.process.stdout.readline()
            assert line, self.process.communicate()[1]
            self.said.append(line.strip())

    def release(self) -> None:
        _, complaint = self.process.communicate("\n", timeout=30)
        assert not complaint

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def kill_group(self) -> None:
        """Kill the process and all that it started, but not the server, which has a session of its own."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def bystander(project: Project) -> Generator[int]:
    """The pid of a process that runs as the server's user, and is no postmaster."""
    with subprocess.Popen(["sleep", "60"], **surroundings(project.server.account)) as process:
        try:
            yield process.pid
        finally:
            process.kill()


def copy_data(source: Project, target: Project) -> None:
    """Give a project another's data, owners and modes as they are: initdb would take most of the tests' time."""
    target.folder.mkdir()
    subprocess.run(["cp", "-a", source.server.home, target.folder], check=True)


def remove(project: Project) -> None:
    shutil.rmtree(project.folder.parent)


def eventually(true: Callable[[], object], seconds: float = 20) -> None:
    """Wait until a condition holds, and fail after so many seconds."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.002)

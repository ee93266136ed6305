"""Servers under measurement: started, asked for their CPU time and memory, and stopped by their own pid."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

PYTHON = sys.executable
FIRST_PORT = 18_100
TICKS = os.sysconf("SC_CLK_TCK")  # a second


@dataclass(frozen=True)
class Tree:
    """A process with all its descendants."""

    pid: int

    def cpu(self) -> float:
        """CPU seconds, user and system, of those who live and of the children that they have buried."""
        return sum(map(_cpu, self._members()))

    def settled_cpu(self) -> float:
        """The same, once the last requests have been worked on."""
        before, now = -1.0, self.cpu()
        while now - before > 0.001:
            time.sleep(0.05)
            before, now = now, self.cpu()
        return now

    def memory(self) -> int:
        """Proportional set size in bytes: what they share is counted once."""
        return sum(map(_pss, self._members()))

    def _members(self) -> Iterator[int]:
        yield self.pid
        with suppress(OSError):  # psutil would look at every process there is
            for task in Path(f"/proc/{self.pid}/task").iterdir():
                for child in (task / "children").read_text().split():
                    yield from Tree(int(child))._members()


def _cpu(pid: int) -> float:
    try:
        # Linux's clock of another process, to the nanosecond, where /proc counts in hundredths of a second.
        own = time.clock_gettime(~pid << 3 | 2)
        buried = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[13:15]  # proc(5): cutime, cstime
    except OSError:
        return 0.0
    return own + sum(map(int, buried)) / TICKS


def _pss(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


@dataclass(frozen=True)
class Server:
    """A server that was started."""

    name: str
    port: int
    process: subprocess.Popen[bytes]

    @property
    def tree(self) -> Tree:
        """Its processes."""
        return Tree(self.process.pid)


@contextmanager
def serving(*wanted: tuple[str, Sequence[str], Mapping[str, str]]) -> Iterator[list[Server]]:
    """Start servers, all at once, and stop them afterwards: of each a name, a command with {port}, an environment.

    Raises RuntimeError when one does not answer.
    """
    servers = []
    try:
        for (name, command, environ), port in zip(wanted, _free_ports(), strict=False):
            servers.append(Server(name, port, _started(command, port, environ)))
        for server in servers:
            _wait(f"http://127.0.0.1:{server.port}/health", server.process)
        yield servers
    finally:
        for server in servers:
            server.process.terminate()
        for server in servers:
            _bury(server.process)


def _free_ports() -> Iterator[int]:
    """Ports below the ephemeral range that nobody listens on."""
    first = FIRST_PORT + os.getpid() % 10_000  # two runs at once would meet: granian's ports may be shared
    for port in range(first, 32_000):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                yield port
    raise RuntimeError("no port is free")


def _started(command: Sequence[str], port: int, environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [part.format(port=port) for part in command],
        env={**os.environ, **environ, "LITEHOUSE_PORT": str(port)},
        stdout=subprocess.DEVNULL,
    )


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    message = f"{process.args} does not answer at {url}"
    raise RuntimeError(message)


def _bury(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

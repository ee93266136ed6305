"""Servers under measurement: started, asked for their CPU time and memory, and stopped by their own pid."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

PYTHON = sys.executable
FIRST_PORT = 18_100


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

    def _members(self) -> list[psutil.Process]:
        root = psutil.Process(self.pid)
        return [root, *root.children(recursive=True)]


def _cpu(process: psutil.Process) -> float:
    try:
        # Linux's clock of another process, to the nanosecond, where /proc counts in hundredths of a second.
        own = time.clock_gettime(~process.pid << 3 | 2)
        times = process.cpu_times()
    except (OSError, psutil.NoSuchProcess):
        return 0.0
    return own + times.children_user + times.children_system


def _pss(process: psutil.Process) -> int:
    lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


@dataclass(frozen=True)
class Server:
    """A running server."""

    name: str
    port: int
    tree: Tree


@contextmanager
def serving(name: str, command: Sequence[str], environ: Mapping[str, str]) -> Iterator[Server]:
    """Start `command` with {port} filled in, and stop it afterwards. Raises RuntimeError when it does not answer."""
    port = _free_port()
    process = subprocess.Popen(
        [part.format(port=port) for part in command],
        env={**os.environ, **environ, "LITEHOUSE_PORT": str(port)},
        stdout=subprocess.DEVNULL,
    )
    try:
        _wait(f"http://127.0.0.1:{port}/health", process)
        yield Server(name, port, Tree(process.pid))
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    """A port below the ephemeral range that nobody listens on."""
    first = FIRST_PORT + os.getpid() % 10_000  # two runs at once would meet: granian's ports may be shared
    for port in range(first, 32_000):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise RuntimeError("no port is free")


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

"""Servers under measurement: started, asked for their CPU time, and stopped by their own pid."""

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

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """A running server and the process that it began with."""

    name: str
    port: int
    pid: int

    def cpu(self) -> float:
        """CPU seconds, user and system, of the process and all its descendants so far."""
        return sum(seconds for _, seconds in _tree(self.pid))

    def memory(self) -> int:
        """Proportional set size of the process tree, in bytes."""
        return sum(_pss(pid) for pid, _ in _tree(self.pid))


def free_port() -> int:
    """A port below the ephemeral range that nobody listens on."""
    for port in range(18100, 32000):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise RuntimeError("no port is free")


@contextmanager
def serving(name: str, command: Sequence[str], environ: Mapping[str, str], ready: str) -> Iterator[Server]:
    """Start `command` with {port} filled in, and stop it afterwards. Raises RuntimeError when it does not answer."""
    port = free_port()
    process = subprocess.Popen(
        [part.format(port=port) for part in command],
        env={**os.environ, **environ, "LITEHOUSE_PORT": str(port)},
        stdout=subprocess.DEVNULL,
    )
    try:
        _wait(f"http://127.0.0.1:{port}{ready}", process)
        yield Server(name, port, process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    message = f"{process.args} does not answer at {url}"
    raise RuntimeError(message)


def _tree(root: int) -> Iterator[tuple[int, float]]:
    stats = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            stats[int(entry.name)] = (int(fields[1]), (int(fields[11]) + int(fields[12])) / TICKS)
    family = {root}
    for _ in range(len(stats)):
        grown = family | {pid for pid, (parent, _) in stats.items() if parent in family}
        if grown == family:
            break
        family = grown
    return ((pid, stats[pid][1]) for pid in family if pid in stats)


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


PYTHON = sys.executable

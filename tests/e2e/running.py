"""A command of the house in a process of its own, watched from outside."""

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import httpx
import psutil

ROOT = Path(__file__).resolve().parents[2]
PORTS = range(17_000, 32_000)  # below those that the kernel hands out to clients
BYTECODE = ROOT / ".data" / "bytecode"
PATIENCE = 60.0  # seconds; only a failure takes so long, and some starts at once on two busy cores have taken 30
# To load the certificates of the machine's authorities takes a processor longer than ten answers.
PLAINLY: dict[str, Any] = {"timeout": PATIENCE, "trust_env": False, "verify": False}


def until(true: Callable[[], object], what: str, said: Callable[[], str] = str) -> None:
    """Wait until it is so; a wait in vain tells what was said meanwhile."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, f"waited in vain until {what} {said()}"
        time.sleep(0.02)


def free_port() -> int:
    """A port that nobody listens on.

    Drawn without the tests' seed, which all processes of a run have: two would take one port, and share its clients.
    """
    for port in random.SystemRandom().sample(PORTS, 100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise OSError("no free port in a hundred tries")


def environment(*, counted: bool = True, **settings: object) -> dict[str, str]:
    """This process's environment with these settings and no others, by their names without LITEHOUSE_.

    `counted`: whether coverage counts the lines, which takes as long as running them once more.
    """
    others = ("LITEHOUSE_", "DATABASE_URL") if counted else ("LITEHOUSE_", "DATABASE_URL", "COVERAGE_")
    environ = {name: text for name, text in os.environ.items() if not name.startswith(others)}
    environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environ['PATH']}"
    # Where bytecode is not to be written, a child would compile every library anew: seconds each time.
    if environ.pop("PYTHONDONTWRITEBYTECODE", None):
        environ["PYTHONPYCACHEPREFIX"] = str(BYTECODE)
    return environ | {f"LITEHOUSE_{name.upper()}": str(value) for name, value in settings.items()}


def just(*words: str, folder: Path = ROOT, **settings: object) -> str:
    """What a recipe prints; it must not fail."""
    done = subprocess.run(
        [Path(sys.executable).with_name("just"), *words],
        cwd=folder,
        env=environment(counted=folder == ROOT, **settings),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Running:
    """A command that runs, in a session of its own as under a terminal."""

    program = "app"
    counted = True  # by coverage; what runs in a copy of the tree never is

    def __init__(self, *words: str, folder: Path = ROOT, **settings: object) -> None:
        self.port = int(str(settings.setdefault("port", free_port())))
        self.origin = f"http://127.0.0.1:{self.port}"
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
        self.process = subprocess.Popen(
            [sys.executable, "-m", self.program, *words],
            cwd=folder,
            env=environment(counted=self.counted and folder == ROOT, **settings),
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing behind, whatever the test found."""
        for left in [*self.children(), self.process]:
            with suppress(psutil.NoSuchProcess, ProcessLookupError):
                left.kill()
        self.process.wait(PATIENCE)
        self._log.close()

    @property
    def said(self) -> str:
        """All that it wrote until now."""
        return os.pread(self._log.fileno(), 10_000_000, 0).decode()

    def get(self, path: str) -> httpx.Response | None:
        """An answer, over a connection of its own; None when nobody answers."""
        try:
            return httpx.get(self.origin + path, **PLAINLY)
        except httpx.TransportError:
            return None

    def post(self, path: str, body: object, **headers: str) -> httpx.Response:
        """The answer to some JSON."""
        return httpx.post(self.origin + path, json=body, headers=headers, **PLAINLY)

    def until_answer(self, path: str = "/health", status: int = 200) -> httpx.Response:
        """Wait for an answer with this status."""
        answers: list[httpx.Response] = []

        def answered() -> bool:
            assert self.process.poll() is None, self.said
            answer = self.get(path)
            if answer is not None and answer.status_code == status:
                answers.append(answer)
            return bool(answers)

        until(answered, f"{path} answers {status}; it said:", lambda: self.said)
        return answers[0]

    def children(self) -> list[psutil.Process]:
        """The processes that it started and that still live."""
        with suppress(psutil.NoSuchProcess):
            return [child for child in psutil.Process(self.process.pid).children(recursive=True) if _lives(child)]
        return []

    def workers(self) -> list[psutil.Process]:
        """Its workers, in the order in which they were started."""
        command = self.process.args
        with suppress(psutil.NoSuchProcess):
            return [child for child in self.children() if child.cmdline() == command]
        return []

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        os.killpg(self.process.pid, signal.SIGINT)

    def ended(self) -> int:
        """Its exit code, once it has ended."""
        return self.process.wait(PATIENCE)


def _lives(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def gone(processes: list[psutil.Process]) -> bool:
    """Whether none of them lives."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            if _lives(process):
                return False
    return True


@contextmanager
def reachable_folder() -> Generator[Path]:
    """A new folder that the embedded server's user can reach too: pytest's own are closed to everybody else."""
    with tempfile.TemporaryDirectory(prefix="litehouse-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        shutil.rmtree(BYTECODE / folder.relative_to("/"), ignore_errors=True)

"""The worker that runs beside a development server: it ends with it, and is started anew whenever it dies."""

import os
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from time import monotonic

import structlog

from config.settings import ROOT

log = structlog.get_logger()

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds before the next start: each pause is twice the one before
TOLD_AGAIN = 5.0  # seconds after which one that lives on is told to end once more
WELL = 10.0  # seconds; one that lived for so long did not die of how it was started


@contextmanager
def worker_beside(*, reload: bool) -> Generator[None]:
    """Keep a worker process running meanwhile."""
    words = [sys.executable, "-m", "app", "worker", "--beside", str(os.getpid()), *(["--reload"] if reload else [])]
    kept = KeptProcess(words)
    kept.begin()
    try:
        yield
    finally:
        kept.end()


class KeptProcess:
    """A process that is started anew whenever it ends, by one thread: on Linux it dies with the thread that made it."""

    def __init__(self, words: list[str]) -> None:
        self.thread = threading.Thread(target=self._keep, name="keeper", daemon=True)
        self._words = words
        self._ending = threading.Event()
        self._starting = threading.Lock()
        self._begun = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        """Start it, which is done when this returns.

        Who forks meanwhile has the pipe by which Popen hears that it is done, and Popen would wait for that process.
        """
        self.thread.start()
        self._begun.wait()

    def end(self) -> None:
        """Tell it to end until it has: while it starts, what SIGTERM raises in it may be swallowed where it is."""
        with self._starting:
            self._ending.set()
        while self._process and self.thread.is_alive():
            self._process.terminate()
            self.thread.join(TOLD_AGAIN)
        self.thread.join()

    def _keep(self) -> None:
        pause = 0.0
        while not self._ending.wait(pause):
            began = monotonic()
            with self._starting:
                if self._ending.is_set():
                    return
                # In a group of its own: a terminal's Ctrl-C would interrupt it too, while it is still being imported.
                try:
                    self._process = subprocess.Popen(self._words, cwd=ROOT, process_group=0)
                finally:
                    self._begun.set()
            code = self._process.wait()
            if self._ending.is_set():
                return
            lasted = monotonic() - began
            pause = FIRST_PAUSE if lasted >= WELL or not pause else min(2 * pause, LONGEST_PAUSE)
            log.error("the worker has died, and is started anew", code=code, lasted=round(lasted, 1), pause=pause)

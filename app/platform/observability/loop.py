"""A watch over the event loop: whoever blocks it is named, by a thread that looks at its stack meanwhile."""

import asyncio
import sys
import threading
import time
import traceback
from types import TracebackType
from typing import Self

import structlog

from app.platform.observability.metrics import BLOCKED, LAG, TRAFFIC

WINDOW = 10.0  # seconds for which the worst lag stays in the gauge at least
log = structlog.get_logger(__name__)


class LoopWatch:
    """A lifespan piece: a heartbeat on the loop, and a thread that notices when it stays away.

    A block of 1.25 times `block_ms` or more is always seen. `blocked` counts the blocks, so that tests can fail a run.
    """

    def __init__(self, block_ms: int) -> None:
        self.blocked = 0
        self._limit = block_ms / 1000
        self._period = self._limit / 4
        self._due = self._spent = self._worst = self._worst_before = self._window_end = 0.0
        self._reported: float | None = None  # the beat whose absence has been reported
        # The beat that was missing when the thread itself came late, and the stack that it saw.
        self._seen_late: tuple[float, str] | None = None
        self._stopped = False  # the loop was not running: between two tests, say

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._over = threading.Event()
        self._due, self._spent = time.monotonic(), time.thread_time()
        self._beat()
        self._thread = threading.Thread(target=self._watch, name="loop-watch", daemon=True)
        self._thread.start()
        return self

    def _beat(self) -> None:
        now, spent = time.monotonic(), time.thread_time()
        lag = 0.0 if self._stopped else now - self._due
        self._stopped = False
        if lag >= self._limit and self._reported != self._due and spent - self._spent >= self._limit:
            # The thread could not run either: native code kept the interpreter's lock (huge JSON, a bad pattern).
            # Without that CPU time it would have been the machine that stood still, and nobody's fault.
            seen = self._seen_late
            self._reported = self._due
            self._report("event loop blocked by native code", lag, seen[1] if seen and seen[0] == self._due else "")
        self._show(now, lag)
        self._due, self._spent = now + self._period, spent
        self._timer = self._loop.call_later(self._period, self._beat)

    def _show(self, now: float, lag: float) -> None:
        if now >= self._window_end:
            self._worst_before, self._worst, self._window_end = self._worst, 0.0, now + WINDOW
        self._worst = max(self._worst, lag)
        LAG.set(max(self._worst, self._worst_before))
        TRAFFIC.publish()

    def _watch(self) -> None:
        patience = self._limit
        asleep = time.monotonic()
        while not self._over.wait(patience):
            patience = self._look(late=time.monotonic() - asleep - patience > self._limit / 2)
            asleep = time.monotonic()

    def _look(self, *, late: bool) -> float:
        """Report a beat that stays away, unless the look itself comes late; returns the seconds until the next look."""
        due = self._due
        missing = time.monotonic() - due
        if not self._loop.is_running():
            self._stopped = True
            return self._period
        if self._stopped:
            return self._limit  # it runs again, and its next beat says so
        if missing < self._limit or self._reported == due:
            return self._limit - missing if missing < self._limit else self._limit
        if late:
            self._seen_late = due, self._stack()
            return self._period
        self._reported = due  # before the stack: the beat may come back meanwhile
        self._report("event loop blocked", missing, self._stack())
        return self._limit

    def _stack(self) -> str:
        frame = sys._current_frames().get(self._loop_thread)  # noqa: SLF001  # documented, for this very use
        return "".join(traceback.format_stack(frame)) if frame else ""

    def _report(self, event: str, seconds: float, stack: str) -> None:
        self.blocked += 1
        BLOCKED.inc()
        log.warning(event, for_ms=round(seconds * 1000), stack=stack)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        TRAFFIC.publish()
        self._over.set()
        self._thread.join()  # it waits on that event and nothing else
        LAG.set(0)

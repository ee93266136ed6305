"""Where log lines leave the process: whole, to standard output, and never at the pace of a slow reader."""

import asyncio
import fcntl
import os
import select
import termios
import threading
from collections import deque
from collections.abc import Callable

# A pipe takes this much in one piece, whoever else writes to it: lines of several workers never mix (POSIX, PIPE_BUF).
ATOMIC = select.PIPE_BUF
FLUSH_AFTER = (
    0.01  # seconds that an access line may wait for company; a write alone costs five times its share of a full one
)
TOGETHER = 64  # access lines that are made and written at once, at most
KEPT = 1 << 20  # bytes that wait for a reader who has stopped; what comes after them is dropped and counted


class Lines:
    """Lines on their way to a file descriptor; safe between threads, and in a finalizer that logs (hence the RLock)."""

    __slots__ = ("__weakref__", "_descriptor", "_dropped", "_late", "_lock", "_loop", "_reader", "_size", "_waiting")

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._reader = select.poll()
        self._reader.register(descriptor, select.POLLOUT)
        self._late: deque[Callable[[], bytes]] = deque()
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._dropped = 0
        self._lock = threading.RLock()
        self._loop: asyncio.AbstractEventLoop | None = None  # the one whose timer will flush

    def later(self, make: Callable[[], bytes]) -> None:
        """Take a line, ending in a newline, that may wait some milliseconds for others. Call it on the event loop.

        It is made when it is written: made one after the other, lines cost a third of what each costs in its request.
        """
        self._late.append(make)
        if len(self._late) >= TOGETHER:
            self.flush()
        else:
            self._flush_soon(FLUSH_AFTER)

    def write(self, line: bytes) -> None:
        """Take a line, ending in a newline; `flush` must follow."""
        with self._lock:
            self._make()
            self._take_in(line)

    def _make(self) -> None:
        while self._late:
            self._take_in(self._late.popleft()())

    def _take_in(self, line: bytes) -> None:
        if self._size > KEPT:
            self._dropped += 1
        else:
            self._waiting.append(line)
            self._size += len(line)

    def _flush_soon(self, seconds: float) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # a thread or a command: whoever writes next goes on
            return
        if self._loop is not loop:  # another loop's timer may never fire: that loop may be closed
            self._loop = loop
            loop.call_later(seconds, self._timed_flush)

    def _timed_flush(self) -> None:
        self._loop = None
        self.flush()

    def flush(self) -> None:
        """Write what waits, as far as the reader takes it without making us wait."""
        with self._lock:
            self._make()
            while self._waiting and self._goes_through(len(self._waiting[0])):
                piece = self._take()
                try:
                    written = os.write(self._descriptor, piece)
                except BlockingIOError:
                    written = 0
                except OSError:  # nobody reads any more: a request must not fail for that
                    continue
                if written < len(piece):
                    self._put_back(piece[written:])
                    break
            if self._waiting:
                self._flush_soon(5 * FLUSH_AFTER)
            elif self._dropped:
                self._own_up()

    def _goes_through(self, size: int) -> bool:
        """Whether a write of that many bytes would return at once; poll() promises no more than PIPE_BUF."""
        return bool(self._reader.poll(0)) and (size <= ATOMIC or self._has_room(size))

    def _has_room(self, size: int) -> bool:
        """Whether a long line (a stack) fits into the pipe in one piece, its pages being half empty at worst."""
        try:
            capacity = fcntl.fcntl(self._descriptor, fcntl.F_GETPIPE_SZ)
            unread = int.from_bytes(fcntl.ioctl(self._descriptor, termios.FIONREAD, b"\0" * 4), "little")
        except OSError:  # a file or a terminal
            return True
        return unread == 0 or size + 2 * unread <= capacity

    def _take(self) -> bytes:
        """The longest run of whole lines that fits one piece: one line at least."""
        taken = [self._waiting.popleft()]
        size = len(taken[0])
        while self._waiting and size + len(self._waiting[0]) <= ATOMIC:
            taken.append(self._waiting.popleft())
            size += len(taken[-1])
        self._size -= size
        return b"".join(taken)

    def _put_back(self, rest: bytes) -> None:
        self._waiting.appendleft(rest)
        self._size += len(rest)

    def _own_up(self) -> None:
        dropped, self._dropped = self._dropped, 0
        self.write(b'{"level":"warning","event":"log lines dropped, nobody read them","lines":%d}\n' % dropped)
        self.flush()


STDOUT = Lines(1)

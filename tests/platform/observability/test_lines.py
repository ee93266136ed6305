"""Lines arrive whole and in order, a few milliseconds late at most, and nobody waits for a reader who has stopped."""

import asyncio
import fcntl
import os
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from app.platform.observability.lines import ATOMIC, FLUSH_AFTER, KEPT, TOGETHER, Lines


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    yield reading, writing
    for end in (reading, writing):
        try:
            os.close(end)
        except OSError:  # closed by the test
            continue


def read(end: int) -> bytes:
    read = b""
    while True:
        try:
            piece = os.read(end, 1 << 20)
        except BlockingIOError:
            return read
        if not piece:
            return read
        read += piece


async def arriving(end: int, size: int = 1) -> bytes:
    """What comes next, so many bytes at least, however late."""
    text = b""
    async with asyncio.timeout(10):
        while len(text := text + read(end)) < size:
            await asyncio.sleep(FLUSH_AFTER)
    return text


def test_line_is_written_when_flushed(pipe):
    lines = Lines(pipe[1])
    lines.write(b"one\n")
    assert read(pipe[0]) == b""

    lines.flush()
    assert read(pipe[0]) == b"one\n"


async def test_later_lines_go_out_together_after_a_moment(pipe):
    lines = Lines(pipe[1])
    lines.later(partial(bytes, b"one\n"))
    lines.later(partial(bytes, b"two\n"))
    assert read(pipe[0]) == b""

    assert await arriving(pipe[0]) == b"one\ntwo\n"


async def test_many_do_not_wait(pipe):
    lines = Lines(pipe[1])
    for _ in range(TOGETHER):
        lines.later(partial(bytes, b"x" * 63 + b"\n"))

    assert len(read(pipe[0])) == 64 * TOGETHER


def test_line_left_by_a_closed_loop_goes_out_with_the_next_loops(pipe):
    lines = Lines(pipe[1])

    async def say(line: bytes) -> None:
        lines.later(partial(bytes, line))

    async def say_and_wait(line: bytes) -> bytes:
        lines.later(partial(bytes, line))
        return await arriving(pipe[0], 8)  # the first loop may have taken its time to close, and written the first

    asyncio.run(say(b"one\n"))

    assert asyncio.run(say_and_wait(b"two\n")) == b"one\ntwo\n"


def test_each_piece_is_whole_lines_and_no_longer_than_a_pipe_takes_at_once(pipe, monkeypatch):
    pieces = []
    monkeypatch.setattr(os, "write", lambda _, piece: pieces.append(piece) or len(piece))
    lines = Lines(pipe[1])
    for n in range(500):
        lines.write(b"%d\n" % n * (n % 7 + 1))
    lines.write(b"y" * 10_000 + b"\n")
    lines.flush()

    assert b"".join(pieces).count(b"\n") == sum(n % 7 + 1 for n in range(500)) + 1
    assert all(piece.endswith(b"\n") for piece in pieces)
    assert [len(piece) > ATOMIC for piece in pieces] == [False] * (len(pieces) - 1) + [True]


@pytest.mark.timeout(20)
async def test_nobody_waits_for_a_reader_who_has_stopped(pipe):
    lines = Lines(pipe[1])
    capacity = fcntl.fcntl(pipe[1], fcntl.F_GETPIPE_SZ)
    count = 4 * KEPT // 1000
    for n in range(count):
        lines.later(partial(bytes, b"%6d" % n + b"x" * 993 + b"\n"))
    lines.write(b"z" * 9000 + b"\n")
    lines.flush()

    text = b""
    async with asyncio.timeout(10):
        while b"dropped" not in text:
            await asyncio.sleep(FLUSH_AFTER)
            text += read(pipe[0])
    *kept, notice = text.splitlines()
    dropped = int(notice.rpartition(b":")[2].rstrip(b"}"))
    assert [int(line[:6]) for line in kept] == list(range(len(kept)))
    assert len(kept) + dropped == count + 1
    assert KEPT < len(text) < KEPT + 2 * capacity


@pytest.mark.timeout(20)
def test_long_line_waits_for_room_rather_than_for_the_reader(pipe):
    lines = Lines(pipe[1])
    for _ in range(12):
        lines.write(b"x" * (ATOMIC - 1) + b"\n")
    lines.write(b"y" * 20_000 + b"\n")  # a stack: it would not fit
    lines.flush()
    assert b"y" not in read(pipe[0])

    lines.flush()
    assert read(pipe[0]) == b"y" * 20_000 + b"\n"


def test_nobody_reading_any_more_is_no_error(pipe):
    lines = Lines(pipe[1])
    os.close(pipe[0])
    lines.write(b"one\n")
    lines.flush()

    lines.write(b"two\n")
    lines.flush()


def test_what_a_shared_descriptor_does_not_take_is_written_next(pipe, monkeypatch):
    lines = Lines(pipe[1])
    write = os.write
    refusals = iter([BlockingIOError, 3])

    def reluctant(descriptor: int, piece: bytes) -> int:
        match next(refusals, None):
            case None:
                return write(descriptor, piece)
            case int(taken):
                return write(descriptor, piece[:taken])
            case refusal:
                raise refusal

    monkeypatch.setattr(os, "write", reluctant)
    lines.write(b"one two\n")
    for _ in range(3):
        lines.flush()

    assert read(pipe[0]) == b"one two\n"


def test_file_takes_long_lines(tmp_path: Path):
    target = tmp_path / "log"
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT)
    lines = Lines(descriptor)
    lines.write(b"x" * 100_000 + b"\n")
    lines.flush()
    os.close(descriptor)

    assert target.stat().st_size == 100_001


def test_several_writers_on_one_pipe_keep_their_lines_whole(pipe):
    os.set_blocking(pipe[0], True)
    children = []
    for name in b"abc":
        child = os.fork()
        if child == 0:
            lines = Lines(pipe[1])
            for length in range(1, 600):
                lines.write(bytes([name]) * length + b"\n")
                lines.flush()
            while lines._waiting:
                lines.flush()
            os._exit(0)
        children.append(child)
    os.close(pipe[1])
    text = bytearray()
    while piece := os.read(pipe[0], 1 << 16):
        text += piece
    for child in children:
        os.waitpid(child, 0)

    assert sorted(text.splitlines()) == sorted(bytes([name]) * length for name in b"abc" for length in range(1, 600))


def test_flush_inside_a_flush_is_allowed(pipe, monkeypatch):
    lines = Lines(pipe[1])
    write = os.write

    def write_while_a_finalizer_logs(descriptor: int, piece: bytes) -> int:
        monkeypatch.setattr(os, "write", write)
        lines.write(b"finalizer\n")
        lines.flush()
        return write(descriptor, piece)

    monkeypatch.setattr(os, "write", write_while_a_finalizer_logs)
    lines.write(b"one\n")
    thread = threading.Thread(target=lines.flush, daemon=True)
    thread.start()
    thread.join(5)

    assert sorted(read(pipe[0]).splitlines()) == [b"finalizer", b"one"]

"""Whoever blocks the loop is counted once and named; who waits as one should is not."""

import asyncio
import threading
import time
from functools import wraps
from types import SimpleNamespace

import pytest
from prometheus_client import REGISTRY

from app.platform.observability import loop
from app.platform.observability.loop import LoopWatch


def in_a_loop_of_its_own(test):
    """Run the test where no other watch looks on: the tests' application has one, over the loop of the tests."""

    @wraps(test)
    def run(*args, **given):
        asyncio.run(test(*args, **given))

    return run


def watchers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "loop-watch"]


def blocking_handler(watch: LoopWatch, reports: int) -> None:
    """The fault itself, for as long as it takes until it is told, and some looks of the thread longer."""
    until = time.monotonic() + 20
    while watch.blocked < reports and time.monotonic() < until:
        time.sleep(0.01)
    time.sleep(3 * watch._limit)


async def next_beat(watch: LoopWatch) -> None:
    due = watch._due
    async with asyncio.timeout(20):
        while watch._due == due:
            await asyncio.sleep(0.005)


class Clock:
    """A time of the test's own, under a watch whose beats and looks it calls itself."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, watch: LoopWatch) -> None:
        self.now = self.spent = 100.0
        self.watch, self.is_running = watch, True
        times = SimpleNamespace(monotonic=lambda: self.now, thread_time=lambda: self.spent)
        monkeypatch.setattr(loop, "time", times)
        watch._loop = SimpleNamespace(is_running=lambda: self.is_running, call_later=lambda *_: None)
        watch._loop_thread, watch._due, watch._spent = threading.get_ident(), self.now, self.spent
        watch._beat()

    def passes(self, seconds: float, *, late: bool = False) -> None:
        """Time goes by, in which the thread looks once."""
        self.now += seconds
        assert self.watch._look(late=late) > 0


def shown(name: str) -> float:
    value = REGISTRY.get_sample_value(name)
    assert value is not None
    return value


def time_of_a_million() -> float:
    started = time.thread_time()
    keep_the_interpreter(1)
    return time.thread_time() - started


def keep_the_interpreter(millions: int) -> int:
    return sum(range(millions * 1_000_000))


@in_a_loop_of_its_own
async def test_block_is_counted_once_and_the_guilty_function_is_named(logged):
    before = shown("event_loop_blocked_total")
    async with LoopWatch(100) as watch:
        blocking_handler(watch, 1)
        await next_beat(watch)

    assert watch.blocked == 1
    assert shown("event_loop_blocked_total") == before + 1
    [line] = logged()
    assert (line["level"], line["event"]) == ("warning", "event loop blocked")
    assert "in blocking_handler" in line["stack"]
    assert line["for_ms"] >= 100


@in_a_loop_of_its_own
async def test_each_block_is_reported(logged):
    async with LoopWatch(50) as watch:
        for reports in (1, 2):
            blocking_handler(watch, reports)
            await next_beat(watch)

    assert watch.blocked == 2


@in_a_loop_of_its_own
async def test_native_code_that_keeps_the_interpreter_is_counted(logged):
    million = time_of_a_million()
    async with LoopWatch(50) as watch:
        keep_the_interpreter(int(0.3 / million))
        await next_beat(watch)

    assert watch.blocked == 1
    [line] = logged()
    assert line["event"] == "event loop blocked by native code"
    assert line["for_ms"] >= 50


def test_waiting_is_no_block(logged, monkeypatch):
    watch = LoopWatch(100)
    clock = Clock(monkeypatch, watch)
    for _ in range(20):
        clock.passes(0.025)
        watch._beat()
    clock.passes(0.124)  # a beat that was due after 25 ms, and is not 100 late yet

    assert watch.blocked == 0
    assert logged() == []
    clock.passes(0.002)
    assert watch.blocked == 1


def test_process_that_stood_still_is_nobodys_fault(logged, monkeypatch):
    """A stopped process: no thread ran, and the loop's used no processor."""
    watch = LoopWatch(100)
    clock = Clock(monkeypatch, watch)
    clock.passes(30.0, late=True)
    watch._beat()
    clock.passes(0.025)

    assert watch.blocked == 0
    assert logged() == []


def test_worst_lag_is_shown(monkeypatch):
    watch = LoopWatch(1000)
    clock = Clock(monkeypatch, watch)
    clock.now += 0.55  # 250 ms of it as planned
    watch._beat()

    assert shown("event_loop_lag_seconds") == pytest.approx(0.3)


@in_a_loop_of_its_own
async def test_no_lag_is_shown_when_the_watch_is_over(logged):
    async with LoopWatch(1000) as watch:
        watch._show(time.monotonic(), 0.5)
        assert shown("event_loop_lag_seconds") == 0.5
    assert shown("event_loop_lag_seconds") == 0


def test_worst_lag_stays_for_ten_seconds_at_least_and_twenty_at_most():
    watch, seen = LoopWatch(1000), []
    for now, lag in [(100.0, 0.0), (109.9, 0.5), (110.1, 0.0), (119.8, 0.1), (120.2, 0.0), (130.3, 0.0)]:
        watch._show(now, lag)
        seen.append(shown("event_loop_lag_seconds"))

    assert seen == [0.0, 0.5, 0.5, 0.5, 0.1, 0.0]


@in_a_loop_of_its_own
async def test_thread_ends_with_the_watch():
    before = len(watchers())
    async with LoopWatch(50) as watch:
        assert len(watchers()) == before + 1
    assert len(watchers()) == before

    async with watch:
        assert len(watchers()) == before + 1
    with pytest.raises(ZeroDivisionError):
        async with watch:
            raise ZeroDivisionError
    assert len(watchers()) == before


def test_a_loop_that_does_not_run_blocks_nobody(logged, monkeypatch):
    watch = LoopWatch(50)
    clock = Clock(monkeypatch, watch)
    clock.is_running = False
    clock.passes(0.3)
    clock.is_running = True
    clock.passes(0.05)  # it runs again, and has not come to the beat yet
    watch._beat()

    assert watch.blocked == 0
    assert logged() == []
    assert shown("event_loop_lag_seconds") == 0

"""Whoever blocks the loop is counted once and named; who waits as one should is not."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import wraps

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


async def sleeping_handler(seconds: float) -> None:
    time.sleep(seconds)  # noqa: ASYNC251  # the fault itself


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
        await sleeping_handler(0.5)
        await asyncio.sleep(0.1)

    assert watch.blocked == 1
    assert shown("event_loop_blocked_total") == before + 1
    [line] = logged()
    assert (line["level"], line["event"]) == ("warning", "event loop blocked")
    assert "in sleeping_handler" in line["stack"]
    assert 100 <= line["for_ms"] < 500


@in_a_loop_of_its_own
async def test_each_block_is_reported(logged):
    async with LoopWatch(50) as watch:
        for _ in range(2):
            await sleeping_handler(0.2)
            await asyncio.sleep(0.1)

    assert watch.blocked == 2


@in_a_loop_of_its_own
async def test_native_code_that_keeps_the_interpreter_is_counted(logged):
    million = time_of_a_million()
    async with LoopWatch(50) as watch:
        keep_the_interpreter(int(0.3 / million))
        await asyncio.sleep(0.2)

    assert watch.blocked == 1
    [line] = logged()
    assert line["event"] == "event loop blocked by native code"
    assert line["for_ms"] >= 50


@in_a_loop_of_its_own
async def test_waiting_is_no_block(logged):
    async with LoopWatch(250) as watch:
        await asyncio.sleep(0.4)
        await asyncio.to_thread(time.sleep, 0.3)

    assert watch.blocked == 0
    assert logged() == []


@in_a_loop_of_its_own
async def test_process_that_stood_still_is_nobodys_fault(logged, monkeypatch):
    """A stopped process: no thread ran, and the loop's used no processor."""
    real, offset = time.monotonic, 0.0
    monkeypatch.setattr(loop.time, "monotonic", lambda: real() + offset)
    async with LoopWatch(100) as watch:
        await asyncio.sleep(0.06)
        offset = 30.0
        await asyncio.sleep(0.3)

    assert watch.blocked == 0
    assert logged() == []


@in_a_loop_of_its_own
async def test_worst_lag_is_shown(logged):
    async with LoopWatch(1000):
        await sleeping_handler(0.3)
        await asyncio.sleep(0.3)
        lag = shown("event_loop_lag_seconds")

    assert 0.04 <= lag < 5
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


@in_a_loop_of_its_own
async def test_a_loop_that_does_not_run_blocks_nobody(logged):
    other = asyncio.new_event_loop()
    watch = LoopWatch(50)
    with ThreadPoolExecutor(1) as thread:
        thread.submit(other.run_until_complete, watch.__aenter__()).result()
        await asyncio.to_thread(time.sleep, 0.3)
        thread.submit(other.run_until_complete, asyncio.sleep(0.1)).result()
        thread.submit(other.run_until_complete, watch.__aexit__(None, None, None)).result()
        thread.submit(other.close).result()

    assert watch.blocked == 0
    assert logged() == []

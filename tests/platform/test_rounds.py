"""What is done in rounds comes again at the bell, after the pause, and however often it failed; and it ends."""

import asyncio

from app.platform.rounds import rounds


async def test_it_is_done_until_nothing_is_left_and_again_at_the_bell():
    bell, ending, left = asyncio.Event(), asyncio.Event(), [True, True, False]

    async def do() -> bool:
        is_more = left.pop(0)
        if not left:
            ending.set()
        elif not is_more:
            bell.set()
        return is_more

    left += [True, False]
    async with asyncio.timeout(30):
        await rounds(do, bell, None, ending, warn=lambda **_: None)
    assert left == []


async def test_without_a_bell_the_pause_is_waited_for():
    ending, done = asyncio.Event(), []

    async def do() -> None:
        done.append(1)
        if len(done) == 3:
            ending.set()

    async with asyncio.timeout(30):
        await rounds(do, asyncio.Event(), 0.001, ending, warn=lambda **_: None)
    assert len(done) == 3


async def test_however_often_it_fails_it_is_tried_again_and_each_failure_is_told():
    ending, told = asyncio.Event(), []

    def tell(*, reason: str) -> None:
        told.append(reason)

    async def do() -> None:
        if len(told) == 1_100:  # two to that power is no number of seconds
            ending.set()
        else:
            raise OSError("away")

    async with asyncio.timeout(30):
        await rounds(do, asyncio.Event(), None, ending, warn=tell, longest=0.0)
    assert set(told) == {"OSError: away"}


async def test_an_end_is_not_waited_for():
    ending = asyncio.Event()

    async def do() -> None:
        asyncio.get_running_loop().call_soon(ending.set)
        raise OSError("away")

    async with asyncio.timeout(10):
        await rounds(do, asyncio.Event(), None, ending, warn=lambda **_: None, longest=3600.0)


async def test_a_bell_that_rings_at_the_same_moment_hides_no_cancellation():
    bell, begun = asyncio.Event(), asyncio.Event()

    async def do() -> None:
        begun.set()

    for delay in range(4):
        begun.clear()
        task = asyncio.create_task(rounds(do, bell, None, asyncio.Event(), warn=lambda **_: None))
        await begun.wait()
        await asyncio.sleep(0)
        bell.set()
        for _ in range(delay):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task], timeout=10)
        assert task.cancelled(), delay

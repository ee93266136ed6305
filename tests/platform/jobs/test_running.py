"""What is enqueued is done after its commit, once in effect, however often it is tried and whoever does it."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from app.kit.event import Event
from app.kit.identity import Viewer
from app.platform.jobs import running
from app.platform.jobs.admin import cancel
from app.platform.jobs.declaration import group, job
from app.platform.observability.identity import IDS, Ids
from tests.platform.jobs.conftest import COUNTED, NOTE
from tests.platform.jobs.samples import note, rest


async def test_a_job_is_done_after_the_commit_that_brought_it(rows, enqueue, crew):
    actor = UUID(int=7)
    async with crew(note, rest):
        await enqueue(note(key="one"), rest(), viewer=Viewer(actor))
        await rows.until("done", "done")
    assert await rows.effects() == {"one": 1}
    await rows.change("DELETE FROM platform_job WHERE name LIKE '%rest'")
    asked = await rows.one("result", "attempts", "actor", "error", "ended_at IS NULL", "lease_until")
    assert asked == ("note:one", 1, actor, None, False, None)


async def test_an_idle_worker_is_told_of_what_is_enqueued(rows, enqueue, crew, monkeypatch):
    monkeypatch.setattr(running, "LOOKS_EVERY", 3600.0)
    async with crew(note) as idle:
        await enqueue(note(key="first"))
        await rows.until("done")
        async with asyncio.timeout(30):
            while idle._is_hungry:  # it has not looked in vain yet
                await asyncio.sleep(0.01)
        await enqueue(note(key="second"))
        await rows.until("done", "done")


async def test_what_is_rolled_back_was_never_enqueued(database, rows):
    work = database.unit_of_work()

    async def fail() -> None:
        await work.enqueue(note(key="one"))
        raise LookupError

    with pytest.raises(LookupError):
        await work.run(fail)
    assert await rows.states() == []


async def test_what_is_due_later_waits(rows, enqueue, crew):
    async with crew(note):
        await enqueue(note(key="later"), due=datetime.now(UTC) + timedelta(hours=1))
        await enqueue(note(key="now"))
        await rows.until("waiting", "done")
        await rows.change("UPDATE platform_job SET due_at = now()")
        await rows.until("done", "done")


async def test_a_lost_notice_delays_and_loses_nothing(database, rows, enqueue, crew):
    async with crew(note):
        database.on_enqueued = None
        await enqueue(note(key="untold"))
        await rows.until("done")


async def test_a_handler_enqueues_what_follows_by_the_same_ids(rows, enqueue, crew, database):
    heard = []

    @job()
    async def first(work) -> None:
        heard.append(IDS.get())
        await work.enqueue(note(key="followed"))
        await work.enqueue_all([note(key="among others")])
        await work.enqueue(group([note(key="in a group")], then=rest()))

    before = IDS.set(Ids("request", "errand"))
    await enqueue(first())
    IDS.reset(before)
    async with crew(note, first, rest):
        await rows.until(*["done"] * 5)
    assert await rows.effects() == {"followed": 1, "among others": 1, "in a group": 1}
    assert heard == [Ids("request", "errand")]
    told = await database.reader().fetch("SELECT DISTINCT request_id, correlation_id FROM platform_job", ())
    assert [tuple(row) for row in told] == [("request", "errand")]


class BellRung(Event, frozen=True):
    about = "bell"

    bell: str


async def test_an_event_commits_with_its_job(database, rows, enqueue, crew):
    @job()
    async def ring(work) -> None:
        work.publish(BellRung("noon"))

    async with crew(ring):
        await enqueue(ring(), viewer=Viewer(UUID(int=7)))
        await rows.until("done")
    [row] = await database.reader().fetch("SELECT actor, payload::text FROM platform_outbox", ())
    assert tuple(row) == (UUID(int=7), '{"bell": "noon"}')


async def test_a_job_that_this_code_does_not_know_waits_for_another(rows, enqueue, crew):
    await enqueue(note(key="one"), rest())
    async with crew(rest):
        await rows.until("waiting", "done")


async def test_two_workers_do_each_job_once(rows, enqueue, crew):
    await enqueue(*[note(key=f"{number:03}") for number in range(200)])
    async with crew(note), crew(note):
        await rows.until(*["done"] * 200)
    assert await rows.effects() == {f"{number:03}": 1 for number in range(200)}


async def test_an_end_waits_for_what_runs_and_begins_nothing(rows, enqueue, crew):
    begun, may_end = asyncio.Event(), asyncio.Event()

    @job()
    async def slow(work) -> None:
        begun.set()
        await may_end.wait()
        await work.fetch(COUNTED, ("slow",))

    async with crew(slow, note) as ending:
        await enqueue(slow())
        await begun.wait()
        ending.end(30)
        await enqueue(note(key="later"))
        asyncio.get_running_loop().call_later(0.2, may_end.set)
    assert await rows.states() == ["done", "waiting"]
    assert await rows.effects() == {"slow": 1}


async def test_what_does_not_end_in_time_goes_back_at_once_as_if_untried(rows, enqueue, crew):
    begun = asyncio.Event()

    @job(tries=1)
    async def hang(work) -> None:
        await work.fetch(NOTE, ("half",))
        begun.set()
        await asyncio.Event().wait()

    async with crew(hang, drain=0.1):
        await enqueue(hang())
        await begun.wait()
    assert await rows.one("state", "attempts") == ("waiting", 0)
    assert await rows.effects() == {}


async def test_progress_is_seen_before_the_commit(rows, enqueue, crew, monkeypatch):
    monkeypatch.setattr(running, "NOTES_EVERY", 0.02)
    may_end = asyncio.Event()

    @job()
    async def count(work) -> None:
        await work.fetch(NOTE, ("half",))
        work.progress(3, 10)
        await may_end.wait()

    async with crew(count):
        await enqueue(count())
        async with asyncio.timeout(30):
            while await rows.one("step", "total") != (3, 10):
                await asyncio.sleep(0.01)
        assert await rows.effects() == {}
        may_end.set()
        await rows.until("done")
    assert await rows.one("step", "total") == (3, 10)


async def test_what_is_cancelled_while_it_runs_is_cut_off_and_leaves_nothing(database, rows, enqueue, crew):
    begun, cut_off = asyncio.Event(), asyncio.Event()

    @job()
    async def hang(work) -> None:
        await work.fetch(NOTE, ("half",))
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cut_off.set()

    async with crew(hang):
        [one] = await enqueue(hang())
        await begun.wait()
        work = database.unit_of_work()
        await work.run(lambda: cancel(work, one))
        async with asyncio.timeout(5):  # long before its lease is renewed by itself
            await cut_off.wait()
    assert await rows.states() == ["cancelled"]
    assert await rows.effects() == {}


async def test_what_was_cancelled_too_late_to_be_cut_off_leaves_nothing_either(database, rows, enqueue, crew):
    @job()
    async def late(work) -> None:
        await work.fetch(NOTE, ("half",))
        other = database.unit_of_work()
        await other.run(lambda: other.fetch("UPDATE platform_job SET state = 'cancelled', ended_at = now()", ()))

    async with crew(late):
        await enqueue(late())
        await rows.until("cancelled")
    assert await rows.effects() == {}

"""Whoever holds a job's lease does it, the most urgent first; who has lost it changes nothing."""

import asyncio

import pytest

from app.platform.jobs import leases, running
from app.platform.jobs.declaration import job
from app.platform.jobs.leases import Leases
from tests.platform.jobs.conftest import COUNTED
from tests.platform.jobs.samples import rest


async def test_a_flood_of_the_urgent_leaves_a_place_to_what_waits_for_long(rows, enqueue, crew, monkeypatch):
    monkeypatch.setattr(running, "LENDS_EVERY", 0.0)
    goes_on, most, inside = True, 0, 0

    @job(queue="high")
    async def urgent(work) -> None:
        await asyncio.sleep(0.001)
        if goes_on:
            await work.enqueue(urgent())

    @job(queue="bulk")
    async def patient(work) -> None:
        nonlocal most, inside
        inside += 1
        most = max(most, inside)
        await work.fetch(COUNTED, ("patient",))
        inside -= 1

    await enqueue(*[urgent()] * 20, patient(), patient())
    async with crew(urgent, patient, places=5):
        async with asyncio.timeout(30):
            while not (await rows.states()).count("done") > 40:
                await asyncio.sleep(0.01)
        assert await rows.effects() == {}
        await rows.change("UPDATE platform_job SET due_at = now() - interval '61 s' WHERE name LIKE '%patient'")
        async with asyncio.timeout(30):
            while await rows.effects() != {"patient": 2}:
                await asyncio.sleep(0.01)
        goes_on = False
        async with asyncio.timeout(30):
            while set(await rows.states()) != {"done"}:
                await asyncio.sleep(0.01)
    assert most == 1, "one place, whatever waits"


async def test_who_lost_the_lease_changes_nothing(rows, enqueue, crew):
    """The handler hung for longer than its lease; meanwhile the job was done by whoever took it then."""
    begun, may_end = asyncio.Event(), asyncio.Event()

    @job()
    async def hang(work) -> None:
        if begun.is_set():
            await work.fetch(COUNTED, ("other",))
            return
        await work.fetch("SELECT 1", ())
        begun.set()
        await may_end.wait()
        await work.fetch(COUNTED, ("hung",))

    async with crew(hang) as first:
        await enqueue(hang())
        await begun.wait()
        async with first._writing:  # it renews nothing meanwhile
            await rows.change("UPDATE platform_job SET lease_until = now() - interval '1 second'")
            async with crew(hang) as other:
                await other._expire()
                await rows.until("done")
        may_end.set()
    assert await rows.effects() == {"other": 1}
    assert await rows.one("state", "attempts") == ("done", 2)


async def test_a_worker_that_takes_its_own_lost_job_again_holds_the_new_lease(
    database, rows, enqueue, crew, monkeypatch
):
    """It was away from the database for longer than its lease: what runs yet is cut off, what runs anew is not."""
    monkeypatch.setattr(running, "RENEWED_EVERY", 3600.0)
    begun, cut_off, may_end = asyncio.Semaphore(0), asyncio.Event(), asyncio.Event()

    @job()
    async def hang(work) -> None:
        begun.release()
        try:
            await may_end.wait()
        except asyncio.CancelledError:
            cut_off.set()
            raise
        await work.fetch(COUNTED, ("done",))

    async with asyncio.timeout(30), crew(hang) as only:
        await enqueue(hang())
        await begun.acquire()
        async with only._writing:  # the renewal of its first moment is over
            await rows.change("UPDATE platform_job SET lease_until = now() - interval '1 second'")
            await only._expire()
        await begun.acquire()
        await only._renew()
        await cut_off.wait()
        await asyncio.sleep(0)
        await rows.change("UPDATE platform_job SET lease_until = now()")
        await only._renew()
        assert await Leases(database).expire() == []
        may_end.set()
        await rows.until("done")
    assert (await rows.effects(), await rows.one("attempts")) == ({"done": 1}, (2,))


async def test_a_lease_is_held_for_as_long_as_the_job_runs(rows, enqueue, crew, monkeypatch):
    monkeypatch.setattr(leases, "SECONDS", 3.0)
    monkeypatch.setattr(running, "RENEWED_EVERY", 0.1)
    monkeypatch.setattr(running, "EXPIRES_EVERY", 0.05)
    runs = []

    @job()
    async def slow(work) -> None:
        runs.append(1)
        await asyncio.sleep(4)

    async with crew(slow), crew(slow):
        await enqueue(slow())
        await rows.until("done")
    assert len(runs) == 1


async def test_what_is_done_is_not_cut_off_before_its_task_has_heard_so(database, rows, enqueue):
    await enqueue(rest(), rest(), rest())
    worker = Leases(database)
    running_, done, cancelled = held = await worker.claim([rest.name], 10)
    await worker.finish([done])
    await rows.change(f"UPDATE platform_job SET state = 'cancelled' WHERE id = '{cancelled.id}'")
    assert await worker.renew(held) == {(one.id, one.lease) for one in (running_, done)}


@pytest.mark.parametrize(("tries", "state"), [(1, "dead"), (2, "waiting")])
async def test_what_a_lost_worker_had_waits_again_or_is_dead(database, rows, enqueue, tries, state):
    lost = job(tries=tries)(rest.handler)
    await enqueue(lost())
    held = Leases(database)
    [taken] = await held.claim([lost.name], 10)
    assert await held.expire() == []
    await rows.change("UPDATE platform_job SET lease_until = now() - interval '1 second'")
    assert [(one.id, one.state) for one in await held.expire()] == [(taken.id, state)]
    assert await rows.one("state", "attempts", "error") == (state, 1, "the worker that had it was lost")
    assert await held.finish([taken]) == (set(), False)


async def test_the_urgent_goes_first_and_a_flood_of_bulk_leaves_places(database, enqueue):
    jobs = {queue: job(queue=queue)(_named(queue)) for queue in ("bulk", "critical", "default")}
    await enqueue(*[jobs["bulk"]() for _ in range(20)], jobs["default"](), jobs["critical"]())
    held = Leases(database)
    names = [one.name for one in jobs.values()]
    taken = sorted(await held.claim(names, 10), key=lambda one: (one.queue, one.id))
    assert [one.queue for one in taken] == [0, 2, 4, 4, 4, 4]
    assert await held.claim(names, 4) == []
    await enqueue(jobs["critical"](), jobs["critical"]())
    assert [one.queue for one in await held.claim(names, 1)] == [0]


def _named(name: str):
    async def handler(work) -> None: ...

    handler.__name__ = name
    return handler


async def test_a_flood_of_bulk_delays_nothing_critical(rows, enqueue, crew):
    done, is_over = asyncio.Event(), asyncio.Event()

    @job(queue="bulk")
    async def flood(work) -> None:
        await is_over.wait()

    @job(queue="critical")
    async def urgent(work) -> None:
        done.set()

    async with crew(flood, urgent):
        await enqueue(*[flood() for _ in range(100)])
        async with asyncio.timeout(30):  # whichever six: all are due at one moment
            while (await rows.states()).count("running") < 6:
                await asyncio.sleep(0.01)
        await enqueue(urgent())
        async with asyncio.timeout(10):  # a tenth of it is promised; without room for it, it would never begin
            await done.wait()
        await rows.change("DELETE FROM platform_job WHERE state = 'waiting'")
        is_over.set()

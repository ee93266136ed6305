"""What is enqueued is done after its commit, once in effect, however often it is tried and whoever does it."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from app.kit.event import Event
from app.kit.identity import Viewer
from app.platform.jobs import attempt, leases, running
from app.platform.jobs.admin import cancel
from app.platform.jobs.declaration import job
from app.platform.jobs.leases import Failure, Leases
from app.platform.mail.sending import send_mail
from tests.platform.jobs.conftest import COUNTED, NOTE


@job()
async def note(work, key: str) -> str:
    """Its effect is counted; a second time it would be two."""
    await work.fetch(COUNTED, (key,))
    return f"note:{key}"


@job()
async def rest(work) -> None:
    """Leaves the database alone."""


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


async def test_what_is_rolled_back_was_never_enqueued(database, rows, crew):
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


async def test_a_handler_enqueues_what_follows(rows, enqueue, crew):
    @job()
    async def first(work) -> None:
        await work.enqueue(note(key="followed"))

    async with crew(note, first):
        await enqueue(first())
        await rows.until("done", "done")
    assert await rows.effects() == {"followed": 1}


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


async def test_what_fails_leaves_nothing_and_is_tried_again_until_it_is_dead(rows, enqueue, crew, monkeypatch):
    monkeypatch.setattr(attempt, "FIRST_PAUSE", 0.0)

    @job(tries=3)
    async def fail(work) -> None:
        await work.fetch(NOTE, ("half",))
        raise ValueError("no such ship \0 \ud800")

    async with crew(fail):
        await enqueue(fail())
        await rows.until("dead")
    attempts, error = await rows.one("attempts", "error")
    assert attempts == 3
    assert error.startswith("Traceback")
    assert error.endswith("ValueError: no such ship \\0 \\ud800\n")
    assert await rows.effects() == {}


@pytest.mark.parametrize("attempts", range(1, 9))
def test_the_pauses_between_attempts_grow_to_six_hours(attempts):
    pause = attempt.failure_of(ValueError(), attempts).pause
    expected = min(2.0 * 4 ** (attempts - 1), 21_600.0)
    assert 0.8 * expected <= pause <= 1.2 * expected


def test_mail_is_tried_for_more_than_a_day_and_soon_after_its_server_is_back():
    treatment = send_mail.treatment
    pauses = [attempt.failure_of(ValueError(), n, treatment.longest_pause).pause for n in range(1, treatment.tries)]
    assert max(pauses) <= 1.2 * 1800
    assert sum(pauses) > 24 * 3600


async def test_a_failed_job_waits_for_its_pause(rows, enqueue, crew):
    runs = []

    @job()
    async def fail_once(work) -> None:
        runs.append(1)
        if len(runs) == 1:
            raise ValueError

    async with crew(fail_once):
        await enqueue(fail_once())
        async with asyncio.timeout(30):
            while not runs or (await rows.states()) != ["waiting"]:
                await asyncio.sleep(0.01)
        [pause] = await rows.one("extract(epoch FROM due_at - now())::float8")
        assert 0 < pause <= 2.4
        await rows.until("done")
    assert await rows.one("attempts", "error") == (2, None)


async def test_a_job_that_takes_too_long_is_cut_off_and_has_failed(rows, enqueue, crew):
    @job(tries=1, timeout=0.05)
    async def hang(work) -> None:
        await work.fetch(NOTE, ("half",))
        await asyncio.Event().wait()

    async with crew(hang):
        await enqueue(hang())
        await rows.until("dead")
    [error] = await rows.one("error")
    assert "TimeoutError" in error
    assert await rows.effects() == {}


async def test_a_handler_that_cancels_itself_has_failed(rows, enqueue, crew):
    @job(tries=1)
    async def cancel(work) -> None:
        raise asyncio.CancelledError

    async with crew(cancel):
        await enqueue(cancel())
        await rows.until("dead")


@pytest.mark.parametrize("result", [7, "x" * 501, "a\0b"], ids=["number", "long", "nul"])
async def test_a_result_that_is_no_reference_is_a_failure(rows, enqueue, crew, result):
    @job(tries=1)
    async def answer(work) -> object:
        return result

    async with crew(answer, rest):
        await enqueue(answer(), rest())
        await rows.until("dead", "done")
    [error] = await asyncio.wait_for(_error(rows), 10)
    assert "TypeError: a job returns None or a reference" in error


async def _error(rows):
    await rows.change("DELETE FROM platform_job WHERE state = 'done'")
    return await rows.one("error")


async def test_arguments_of_an_older_signature_make_a_job_dead_at_once(rows, enqueue, crew):
    await enqueue(note(key="one"))
    await rows.change("""UPDATE platform_job SET arguments = '{"name": "one"}'""")
    async with crew(note):
        await rows.until("dead")
    attempts, error = await rows.one("attempts", "error")
    assert attempts == 1
    assert error.startswith("the arguments do not fit the handler any more: ")


async def test_a_job_that_this_code_does_not_know_waits_for_another(rows, enqueue, crew):
    await enqueue(note(key="one"), rest())
    async with crew(rest):
        await rows.until("waiting", "done")


@pytest.mark.parametrize("way", ["fetch", "session"])
async def test_a_lost_connection_is_not_the_job_s_fault(rows, enqueue, crew, monkeypatch, way):
    monkeypatch.setattr(attempt, "FIRST_PAUSE", 0.0)
    runs = []

    @job(tries=1)
    async def cut(work) -> None:
        await work.fetch(COUNTED, ("once",))
        runs.append(1)
        if len(runs) == 1 and way == "fetch":
            await work.fetch("SELECT pg_terminate_backend(pg_backend_pid())", ())
        elif len(runs) == 1:  # the ORM wraps the driver's error
            await work.session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    async with crew(cut):
        await enqueue(cut())
        await rows.until("done")
    assert await rows.effects() == {"once": 1}


async def test_what_else_a_handler_cannot_reach_is_a_failure_of_its_own(rows, enqueue, crew):
    @job(tries=1)
    async def call(work) -> None:
        raise ConnectionResetError

    async with crew(call):
        await enqueue(call())
        await rows.until("dead")


async def test_of_unique_jobs_one_waits_and_stands_for_the_others(rows, enqueue, crew):
    @job(unique=("key",))
    async def once(work, key: str, number: int) -> None:
        await work.fetch(COUNTED, (f"{key}{number}",))

    [first] = await enqueue(once(key="a", number=1))
    assert await enqueue(once(key="a", number=2), once(key="a", number=3)) == [first, first]
    [other] = await enqueue(once(key="b", number=4))
    assert other != first
    async with crew(once):
        await rows.until("done", "done")
        await enqueue(once(key="a", number=5))
        await rows.until("done", "done", "done")
    assert await rows.effects() == {"a1": 1, "b4": 1, "a5": 1}


async def test_of_a_unique_job_that_runs_the_next_one_waits_for_its_end(rows, enqueue, crew):
    """It may have read already what the next one is about."""
    begun, may_end, together = asyncio.Event(), asyncio.Event(), []

    @job(unique=("key",))
    async def once(work, key: str) -> None:
        together.append(key)
        assert together == [key]
        begun.set()
        await may_end.wait()
        await work.fetch(COUNTED, (key,))
        together.remove(key)

    [first] = await enqueue(once(key="a"))
    async with crew(once, rest):
        await begun.wait()
        [second, other] = await enqueue(once(key="a"), once(key="a"))
        assert first != second == other
        await enqueue(rest())
        await rows.until("running", "waiting", "done")
        may_end.set()
        await rows.until("done", "done", "done")
    assert await rows.effects() == {"a": 2}


@pytest.mark.parametrize("how", ["failed", "lost", "given back"])
async def test_a_unique_job_that_is_tried_again_stands_for_the_one_that_waits(rows, enqueue, database, how: str):
    once = job(unique=())(rest.handler)
    await enqueue(once())
    leases_ = Leases(database)
    [taken] = await leases_.claim([once.name], 5)
    if how == "lost":
        await rows.change("UPDATE platform_job SET lease_until = now() - interval '1 second'")
    work, enqueued = database.unit_of_work(), asyncio.Event()
    let_go = {
        "failed": lambda: leases_.fail(taken, Failure("no such ship", 60.0)),
        "lost": leases_.expire,
        "given back": lambda: leases_.give_back([taken]),
    }

    async def meanwhile() -> None:
        await work.enqueue(once())
        enqueued.set()
        waits = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        while not await database.reader().fetch(waits, ()):
            await asyncio.sleep(0.01)

    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        group.create_task(work.run(meanwhile))
        await enqueued.wait()
        group.create_task(let_go[how]())
    assert await rows.states() == ["waiting", "cancelled"]
    [attempts] = [row[0] for row in await database.reader().fetch("SELECT attempts FROM platform_job ORDER BY id", ())][
        :1
    ]
    assert attempts == (0 if how == "given back" else 1)


async def test_writers_that_meet_on_a_unique_job_enqueue_one(database, rows, enqueue):
    once = job(unique=())(rest.handler)
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        tasks = [group.create_task(enqueue(once())) for _ in range(20)]
    assert len({task.result()[0] for task in tasks}) == 1
    assert await rows.states() == ["waiting"]


async def test_many_are_enqueued_by_one_statement(database, rows, crew, statements):
    once, work = job(unique=("key",))(note.handler), database.unit_of_work()
    calls = [*[once(key=key) for key in "abab"], rest(), rest()]
    with statements(at_most=3):
        await work.run(lambda: work.enqueue_all(calls))
    async with crew(once, rest):
        await rows.until(*["done"] * 4)
    assert await rows.effects() == {"a": 1, "b": 1}
    with statements(at_most=0):
        await work.run(lambda: work.enqueue_all([]))
    with pytest.raises(TypeError, match=r"^jobs with a row beside them are enqueued one by one$"):
        await work.run(lambda: work.enqueue_all([rest().beside("SELECT 1", ())]))


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

    async with crew(hang):
        await enqueue(hang())
        await begun.wait()
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

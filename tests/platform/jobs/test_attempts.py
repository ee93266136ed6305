"""What fails leaves nothing and is tried again, until it is dead; what was nobody's fault is excused."""

import asyncio

import pytest
from sqlalchemy import text

from app.platform.jobs import attempt
from app.platform.jobs.declaration import job
from app.platform.mail.sending import send_mail
from tests.platform.jobs.conftest import COUNTED, NOTE
from tests.platform.jobs.samples import note, rest


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

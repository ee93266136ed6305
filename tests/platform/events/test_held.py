"""What a handler fails at is held for its subscriber alone, tried again, and at last dead with its reason."""

import asyncio
from contextlib import suppress

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.platform.database.refusals import is_connection_lost
from app.platform.database.work import UnitOfWork
from app.platform.events import delivery
from app.platform.events.delivery import Delivery, subscribe
from app.platform.events.subscribers import Subscriber
from tests.platform.events.ships import ShipSailed, held, make_due, moved, ships


async def test_a_failure_holds_its_subject_for_its_subscriber_and_nothing_else(database, publish, hear):
    failing, delivery_of_failing = await hear("failing", ShipSailed)
    other, delivery_of_other = await hear("other", ShipSailed)
    failing.fails = lambda event: (event.ship, event.number) == ("Argo", 1)
    await publish(*(ShipSailed(ship, number) for number in (1, 2) for ship in ("Argo", "Pequod")))
    await moved(database)
    for each in (delivery_of_failing, delivery_of_other):
        await each.advance()
    assert ships(failing) == [("Pequod", 1), ("Pequod", 2)]
    assert len(other) == 4

    failing.fails = lambda _event: False
    await publish(ShipSailed("Argo", 3))
    await moved(database)
    await delivery_of_failing.advance()
    assert len(failing) == 2  # it still waits behind the first
    await make_due(database)
    while await delivery_of_failing.retry():
        pass
    assert ships(failing)[2:] == [("Argo", 1), ("Argo", 2), ("Argo", 3)]
    await publish(ShipSailed("Argo", 4))
    await moved(database)
    await delivery_of_failing.advance()
    assert ships(failing)[-1] == ("Argo", 4)


async def test_what_fails_too_often_is_dead_and_says_why(database, publish, hear):
    heard, delivery_ = await hear("one", ShipSailed)
    heard.fails = lambda _event: True
    await publish(ShipSailed("Argo"))
    await moved(database)
    await delivery_.advance()
    tried = 0
    while await delivery_.retry() or tried < delivery.MOST_ATTEMPTS:
        await make_due(database)
        tried += 1
    rows = await database.reader().fetch("SELECT attempts, is_dead, error FROM platform_held", ())
    assert [tuple(row) for row in rows] == [(delivery.MOST_ATTEMPTS, True, "ValueError: no ship Argo")]


async def test_the_pauses_between_attempts_grow_to_an_hour(database, publish, hear):
    heard, delivery_ = await hear("one", ShipSailed)
    heard.fails = lambda _event: True
    await publish(ShipSailed("Argo"))
    await moved(database)
    await delivery_.advance()
    for attempt in range(1, delivery.MOST_ATTEMPTS):
        await make_due(database)
        before = await _moment(database)
        await delivery_.retry()
        after = await _moment(database)
        [(due,)] = await database.reader().fetch("SELECT extract(epoch FROM due_at)::float8 FROM platform_held", ())
        pause = min(4.0**attempt, 3600)
        assert before + 0.8 * pause <= due <= after + 1.2 * pause, attempt


async def _moment(database) -> float:
    [(seconds,)] = await database.reader().fetch("SELECT extract(epoch FROM clock_timestamp())::float8", ())
    return seconds


async def test_an_event_that_two_workers_fail_at_is_lost_by_neither(database, publish):
    """The second tries it just when the first wants to hold it, and holds it only after the first has gone on."""
    begun, may_fail, failed, may_hold = (asyncio.Event() for _ in range(4))
    heard = []

    async def first_s(_work, event, _envelope) -> None:
        if event.number == 1:
            raise ValueError
        heard.append(event.number)

    async def second_s(work, event, envelope) -> None:
        if event.number == 1:
            begun.set()
            await may_fail.wait()
        await first_s(work, event, envelope)

    class Second(Delivery):
        async def _hold(self, envelope, error) -> bool:
            failed.set()
            await may_hold.wait()
            return await super()._hold(envelope, error)

    class First(Delivery):
        async def _hold(self, envelope, error) -> bool:
            self.other = asyncio.create_task(second.advance())
            await begun.wait()
            is_turn = await super()._hold(envelope, error)
            may_fail.set()
            await failed.wait()
            return is_turn

    await subscribe(database, ["one"])
    first, second = (
        kind(database, Subscriber("one", handler, (ShipSailed,)))
        for kind, handler in ((First, first_s), (Second, second_s))
    )
    await publish(ShipSailed("Argo", 1), ShipSailed("Pequod", 2))
    await moved(database)
    async with asyncio.timeout(30):
        await first.advance()
        may_hold.set()
        await first.other
    assert await held(database) == [1]
    assert heard == [2]


async def test_a_handler_that_reaches_nobody_holds_nobody_up(database, publish, deliver_to):
    """An OSError is no failure of the database's: the subscriber would wait for it for ever."""
    heard = []

    async def reach(_work, event, _envelope) -> None:
        if event.ship == "Argo":
            raise ConnectionRefusedError
        heard.append(event)

    delivery_ = await deliver_to(reach)
    await publish(ShipSailed("Argo"), ShipSailed("Pequod"))
    await moved(database)
    await delivery_.advance()
    assert [event.ship for event in heard] == ["Pequod"]


@pytest.mark.parametrize("left", [0, 1], ids=["clean", "with a cancellation that a handler before left standing"])
async def test_a_handler_that_is_cancelled_from_within_fails_and_ends_nobody(database, publish, deliver_to, left):
    async def give_up(_work, _event, _envelope) -> None:
        raise asyncio.CancelledError

    delivery_ = await deliver_to(give_up)
    await publish(ShipSailed("Argo"))
    await moved(database)

    async def advance() -> bool:
        for _ in range(left):
            asyncio.current_task().cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0)
        return await delivery_.advance()

    assert await asyncio.create_task(advance()) is False
    [(error,)] = await database.reader().fetch("SELECT error FROM platform_held", ())
    assert error == "RuntimeError: the handler was cancelled from within"


async def test_a_handler_that_runs_out_of_time_holds_its_event_at_once(database, publish, deliver_to, monkeypatch):
    """Its connection is closed behind it, and has the subscriber's row locked until that is done."""
    monkeypatch.setattr(delivery, "SECONDS", 1.0)

    async def dawdle(work, event, _envelope) -> None:
        if event.ship == "Argo":
            await work.fetch("SELECT pg_sleep(60)", ())

    delivery_ = await deliver_to(dawdle)
    await publish(ShipSailed("Argo"), ShipSailed("Pequod"))
    await moved(database)
    await delivery_.advance()
    assert await held(database) == [1]
    assert await database.reader().fetch("SELECT FROM platform_subscription WHERE position = 2", ())


async def test_a_delivery_that_is_cancelled_while_a_handler_runs_holds_nothing(database, publish, deliver_to):
    begun = asyncio.Event()

    async def wait(_work, _event, _envelope) -> None:
        begun.set()
        await asyncio.Event().wait()

    delivery_ = await deliver_to(wait)
    await publish(ShipSailed("Argo"))
    await moved(database)
    task = asyncio.create_task(delivery_.advance())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await held(database) == []


@pytest.mark.parametrize("point", [0, 0xD800], ids=["a NUL", "half a surrogate pair"])
async def test_an_error_whose_words_cannot_be_stored_is_kept_without_its_secrets(database, publish, deliver_to, point):
    async def fail(_work, _event, _envelope) -> None:
        raise ValueError(f"a{chr(point)} password=hunter2, b")

    delivery_ = await deliver_to(fail)
    await publish(ShipSailed("Argo"))
    await moved(database)
    await delivery_.advance()
    await make_due(database)
    await delivery_.retry()
    [(error, attempts)] = await database.reader().fetch("SELECT error, attempts FROM platform_held", ())
    assert (error[:13], error[-1], attempts) == ("ValueError: a", "b", 2)
    assert "password=***" in error


async def test_an_error_that_cannot_say_what_it_is_is_kept_all_the_same(database, publish, deliver_to):
    async def fail(_work, _event, _envelope) -> None:
        raise asyncpg.PostgresError  # made without words, it fails at str()

    delivery_ = await deliver_to(fail)
    await publish(ShipSailed("Argo"))
    await moved(database)
    await delivery_.advance()
    [(error,)] = await database.reader().fetch("SELECT error FROM platform_held", ())
    assert error == "asyncpg.exceptions._base.PostgresError: <exception str() failed>"


async def test_a_connection_that_the_orm_lost_is_no_fault_of_the_handler(database, publish, deliver_to, aside):
    others = await aside.connection()

    async def use_session(work, _event, _envelope) -> None:
        [(pid,)] = await work.fetch("SELECT pg_backend_pid()", ())
        await work.session.execute(text("SELECT 1"))
        await others.execute("SELECT pg_terminate_backend($1, 5000)", pid)
        await work.session.execute(text("SELECT 1"))

    delivery_ = await deliver_to(use_session)
    await publish(ShipSailed("Argo"))
    await moved(database)
    with pytest.raises(DBAPIError) as lost:
        await delivery_.advance()
    assert is_connection_lost(lost.value)  # in whatever words: asyncpg is in the middle of things
    assert await held(database) == []


async def test_what_goes_wrong_before_a_replay_reaches_the_handler_is_not_the_handler_s(
    database, publish, deliver_to, monkeypatch
):
    runs = []

    async def once(_work, event, _envelope) -> None:
        runs.append(event)
        raise asyncpg.DeadlockDetectedError("it waits for itself")

    fetch, turns = UnitOfWork.fetch, []

    async def fail_at_the_second_turn(work, sql, parameters):
        if sql is delivery.TURN:
            turns.append(work)
            if len(turns) == 2:
                raise LookupError("the turn")
        return await fetch(work, sql, parameters)

    delivery_ = await deliver_to(once)
    await publish(ShipSailed("Argo"))
    await moved(database)
    monkeypatch.setattr(UnitOfWork, "fetch", fail_at_the_second_turn)
    with pytest.raises(LookupError, match="the turn"):
        await delivery_.advance()
    assert len(runs) == 1

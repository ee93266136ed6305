"""What is published reaches each subscriber after its commit: in order, once in effect, not held up by others."""

import asyncio
from contextlib import suppress

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.kit.event import Event
from app.kit.identity import Viewer
from app.platform.database.refusals import is_connection_lost
from app.platform.database.work import UnitOfWork
from app.platform.events import delivery
from app.platform.events.delivery import Delivery, subscribe
from app.platform.events.sequencer import sequence
from app.platform.events.subscribers import Subscriber
from app.platform.observability.identity import IDS, Ids


class ShipSailed(Event, frozen=True):
    about = "ship"

    ship: str
    number: int = 0


class ShipSank(Event, frozen=True):
    about = "ship"

    ship: str


SAILED = "events.ship_sailed"
NOTE = "INSERT INTO platform_counter (name, key, shard, value) VALUES ($1, $2, 0, 1)"
NOTED = "SELECT key FROM platform_counter WHERE name = $1 ORDER BY created_at"


@pytest.fixture
def publish(database):
    """Publish events in one transaction."""

    async def publish(*events: Event, viewer: Viewer | None = None) -> None:
        work = database.unit_of_work(viewer or Viewer())

        async def do() -> None:
            for event in events:
                work.publish(event)

        await work.run(do)

    return publish


class Heard(list):
    """What a subscriber heard; `fails` says which events it fails at."""

    def __init__(self) -> None:
        self.fails = lambda _event: False

    async def __call__(self, _work, event, _envelope) -> None:
        if self.fails(event):
            raise ValueError(f"no ship {event.ship}")
        self.append(event)


@pytest.fixture
async def hear(database):
    """A subscriber that notes what it hears, and its delivery."""

    async def hear(name: str, *kinds: type[Event]) -> tuple[Heard, Delivery]:
        heard = Heard()
        await subscribe(database, [name])
        return heard, Delivery(database, Subscriber(name, heard, kinds))

    return hear


async def moved(database) -> None:
    """All that is published is in the log: once the transactions of other tests on this server have ended."""
    async with asyncio.timeout(60):
        while await database.reader().fetch("SELECT FROM platform_outbox LIMIT 1", ()):
            await sequence(database)


def ships(heard: Heard) -> list[tuple[str, int]]:
    return [(event.ship, event.number) for event in heard]


async def test_an_event_is_heard_with_what_the_log_knows_of_it(database, publish):
    kept = []

    async def keep(work, event, envelope) -> None:
        kept.append((event, envelope))

    await subscribe(database, ["one"])
    actor = await _user(database)
    await publish(ShipSailed("Argo"), viewer=Viewer(actor))
    await moved(database)
    assert not await Delivery(database, Subscriber("one", keep, (ShipSailed,))).advance()
    [(event, envelope)] = kept
    assert event == ShipSailed("Argo")
    assert (envelope.name, envelope.subject, envelope.actor) == (SAILED, "ship:Argo", actor)
    assert envelope.position == 1


async def _user(database):
    [(user,)] = await database.reader().fetch("SELECT uuidv7()", ())
    return user


async def test_whoever_hears_every_kind_gets_plain_values(database, publish, hear):
    heard, delivery = await hear("all")
    await publish(ShipSailed("Argo"), ShipSank("Argo"))
    await moved(database)
    await delivery.advance()
    assert heard == [{"ship": "Argo", "number": 0}, {"ship": "Argo"}]


async def test_what_is_rolled_back_was_never_published(database, publish, hear):
    heard, delivery = await hear("one", ShipSailed)
    work = database.unit_of_work()

    async def fail() -> None:
        work.publish(ShipSailed("Argo"))
        raise LookupError

    with pytest.raises(LookupError):
        await work.run(fail)
    await moved(database)
    await delivery.advance()
    assert heard == []


async def test_an_older_transaction_still_under_way_hides_nothing(database, publish, hear, aside):
    """The ids and numbers of its events are smaller than those that are committed before it."""
    heard, delivery = await hear("one", ShipSailed)
    connection = await aside.connection()
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(
        "INSERT INTO platform_outbox (name, subject, payload) VALUES ($1, 'ship:slow', '{\"ship\": \"slow\"}')", SAILED
    )
    await publish(ShipSailed("quick"))
    await sequence(database)
    await delivery.advance()
    assert heard == []  # it waits for the older one: taken now, the older one would lie behind it
    await transaction.commit()
    await publish(ShipSailed("last"))
    await moved(database)
    await delivery.advance()
    assert [event.ship for event in heard] == ["slow", "quick", "last"]


async def test_two_writers_of_one_subject_are_heard_in_the_order_of_their_writing(database, hear, aside):
    """The one that began first wrote second: it had waited for the other's lock."""
    heard, delivery = await hear("one", ShipSailed)
    first = await aside.connection()
    second = await asyncpg.connect(database.url)
    write = "INSERT INTO platform_outbox (name, subject, payload) VALUES ($1, 'ship:Argo', $2)"
    async with first.transaction():
        await first.execute("SELECT pg_current_xact_id()")
        async with second.transaction():
            await second.execute(write, SAILED, '{"ship": "Argo", "number": 1}')
        await sequence(database)
        await first.execute(write, SAILED, '{"ship": "Argo", "number": 2}')
    await second.close()
    await moved(database)
    await delivery.advance()
    assert ships(heard) == [("Argo", 1), ("Argo", 2)]


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
    await _make_due(database)
    while await delivery_of_failing.retry():
        pass
    assert ships(failing)[2:] == [("Argo", 1), ("Argo", 2), ("Argo", 3)]
    await publish(ShipSailed("Argo", 4))
    await moved(database)
    await delivery_of_failing.advance()
    assert ships(failing)[-1] == ("Argo", 4)


async def _make_due(database) -> None:
    work = database.unit_of_work()
    await work.run(lambda: work.fetch("UPDATE platform_held SET due_at = now()", ()))


async def test_what_fails_too_often_is_dead_and_says_why(database, publish, hear):
    heard, delivery_ = await hear("one", ShipSailed)
    heard.fails = lambda _event: True
    await publish(ShipSailed("Argo"))
    await moved(database)
    await delivery_.advance()
    tried = 0
    while await delivery_.retry() or tried < delivery.MOST_ATTEMPTS:
        await _make_due(database)
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
        await _make_due(database)
        before = await _moment(database)
        await delivery_.retry()
        after = await _moment(database)
        [(due,)] = await database.reader().fetch("SELECT extract(epoch FROM due_at)::float8 FROM platform_held", ())
        pause = min(4.0**attempt, 3600)
        assert before + 0.8 * pause <= due <= after + 1.2 * pause, attempt


async def _moment(database) -> float:
    [(seconds,)] = await database.reader().fetch("SELECT extract(epoch FROM clock_timestamp())::float8", ())
    return seconds


async def test_an_effect_and_the_step_forward_commit_together(database, publish, hear, monkeypatch):
    """A handler that is cut off after its write leaves no half of it, and is run again."""
    runs = []

    async def note(work, event, envelope) -> None:
        await work.fetch(NOTE, ("effect", str(envelope.id)))
        runs.append(event)
        if len(runs) == 1:
            await work.fetch("SELECT pg_terminate_backend(pg_backend_pid())", ())

    await subscribe(database, ["one"])
    delivery_ = Delivery(database, Subscriber("one", note, (ShipSailed,)))
    await publish(ShipSailed("Argo"))
    await moved(database)
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await delivery_.advance()
    assert await database.reader().fetch(NOTED, ("effect",)) == []
    await delivery_.advance()
    await delivery_.advance()
    assert len(await database.reader().fetch(NOTED, ("effect",))) == 1
    assert len(runs) == 2


async def test_several_workers_deliver_each_event_once(database, publish, hear):
    await subscribe(database, ["one"])

    async def note(work, event, envelope) -> None:
        await work.fetch(NOTE, ("effect", f"{event.number:03}"))  # a second time is refused by the key

    deliveries = [Delivery(database, Subscriber("one", note, (ShipSailed,))) for _ in range(4)]
    await publish(*(ShipSailed("Argo", number) for number in range(60)))

    async def drain(delivery_: Delivery) -> None:
        while len(await database.reader().fetch(NOTED, ("effect",))) < 60:
            await sequence(database)
            await delivery_.advance()

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        for each in deliveries:
            group.create_task(drain(each))
    rows = await database.reader().fetch("SELECT key FROM platform_counter WHERE name = 'effect' ORDER BY key", ())
    assert [row[0] for row in rows] == [f"{number:03}" for number in range(60)]
    assert await database.reader().fetch("SELECT FROM platform_held", ()) == []


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
    assert await _held(database) == [1]
    assert heard == [2]


async def _held(database) -> list[int]:
    rows = await database.reader().fetch("SELECT position FROM platform_held ORDER BY position", ())
    return [row[0] for row in rows]


async def test_who_subscribes_hears_what_comes_from_then_on(database, publish, hear):
    await publish(ShipSailed("before"))
    await moved(database)
    heard, delivery_ = await hear("late", ShipSailed)
    await publish(ShipSailed("after"))
    await moved(database)
    await delivery_.advance()
    assert [event.ship for event in heard] == ["after"]


async def test_a_handler_that_reaches_nobody_holds_nobody_up(database, publish, hear):
    """An OSError is no failure of the database's: the subscriber would wait for it for ever."""
    heard, delivery_ = await hear("one", ShipSailed)

    async def reach(_work, event, _envelope) -> None:
        if event.ship == "Argo":
            raise ConnectionRefusedError
        heard.append(event)

    delivery_ = Delivery(database, Subscriber("one", reach, (ShipSailed,)))
    await publish(ShipSailed("Argo"), ShipSailed("Pequod"))
    await moved(database)
    await delivery_.advance()
    assert [event.ship for event in heard] == ["Pequod"]


@pytest.mark.parametrize("left", [0, 1], ids=["clean", "with a cancellation that a handler before left standing"])
async def test_a_handler_that_is_cancelled_from_within_fails_and_ends_nobody(database, publish, left):
    async def give_up(_work, _event, _envelope) -> None:
        raise asyncio.CancelledError

    await subscribe(database, ["one"])
    delivery_ = Delivery(database, Subscriber("one", give_up, (ShipSailed,)))
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


async def test_a_handler_that_runs_out_of_time_holds_its_event_at_once(database, publish, monkeypatch):
    """Its connection is closed behind it, and has the subscriber's row locked until that is done."""
    monkeypatch.setattr(delivery, "SECONDS", 1.0)

    async def dawdle(work, event, _envelope) -> None:
        if event.ship == "Argo":
            await work.fetch("SELECT pg_sleep(60)", ())

    await subscribe(database, ["one"])
    delivery_ = Delivery(database, Subscriber("one", dawdle, (ShipSailed,)))
    await publish(ShipSailed("Argo"), ShipSailed("Pequod"))
    await moved(database)
    await delivery_.advance()
    assert await _held(database) == [1]
    assert await database.reader().fetch("SELECT FROM platform_subscription WHERE position = 2", ())


async def test_a_delivery_that_is_cancelled_while_a_handler_runs_holds_nothing(database, publish):
    begun = asyncio.Event()

    async def wait(_work, _event, _envelope) -> None:
        begun.set()
        await asyncio.Event().wait()

    await subscribe(database, ["one"])
    delivery_ = Delivery(database, Subscriber("one", wait, (ShipSailed,)))
    await publish(ShipSailed("Argo"))
    await moved(database)
    task = asyncio.create_task(delivery_.advance())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await _held(database) == []


@pytest.mark.parametrize("point", [0, 0xD800], ids=["a NUL", "half a surrogate pair"])
async def test_an_error_whose_words_cannot_be_stored_is_kept_without_its_secrets(database, publish, point):
    async def fail(_work, _event, _envelope) -> None:
        raise ValueError(f"a{chr(point)} password=hunter2, b")

    await subscribe(database, ["one"])
    delivery_ = Delivery(database, Subscriber("one", fail, (ShipSailed,)))
    await publish(ShipSailed("Argo"))
    await moved(database)
    await delivery_.advance()
    await _make_due(database)
    await delivery_.retry()
    [(error, attempts)] = await database.reader().fetch("SELECT error, attempts FROM platform_held", ())
    assert (error[:13], error[-1], attempts) == ("ValueError: a", "b", 2)
    assert "password=***" in error


async def test_an_error_that_cannot_say_what_it_is_is_kept_all_the_same(database, publish):
    async def fail(_work, _event, _envelope) -> None:
        raise asyncpg.PostgresError  # made without words, it fails at str()

    await subscribe(database, ["one"])
    delivery_ = Delivery(database, Subscriber("one", fail, (ShipSailed,)))
    await publish(ShipSailed("Argo"))
    await moved(database)
    await delivery_.advance()
    [(error,)] = await database.reader().fetch("SELECT error FROM platform_held", ())
    assert error == "asyncpg.exceptions._base.PostgresError: <exception str() failed>"


async def test_a_connection_that_the_orm_lost_is_no_fault_of_the_handler(database, publish, aside):
    others = await aside.connection()

    async def use_session(work, _event, _envelope) -> None:
        [(pid,)] = await work.fetch("SELECT pg_backend_pid()", ())
        await work.session.execute(text("SELECT 1"))
        await others.execute("SELECT pg_terminate_backend($1, 5000)", pid)
        await work.session.execute(text("SELECT 1"))

    await subscribe(database, ["one"])
    delivery_ = Delivery(database, Subscriber("one", use_session, (ShipSailed,)))
    await publish(ShipSailed("Argo"))
    await moved(database)
    with pytest.raises(DBAPIError) as lost:
        await delivery_.advance()
    assert is_connection_lost(lost.value)  # in whatever words: asyncpg is in the middle of things
    assert await _held(database) == []


async def test_what_goes_wrong_before_a_replay_reaches_the_handler_is_not_the_handler_s(database, publish, monkeypatch):
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

    await subscribe(database, ["one"])
    delivery_ = Delivery(database, Subscriber("one", once, (ShipSailed,)))
    await publish(ShipSailed("Argo"))
    await moved(database)
    monkeypatch.setattr(UnitOfWork, "fetch", fail_at_the_second_turn)
    with pytest.raises(LookupError, match="the turn"):
        await delivery_.advance()
    assert len(runs) == 1


@pytest.mark.parametrize("bound", ["LAGGING", "LAGGING_SECONDS"])
async def test_what_nobody_asked_for_is_passed_over(database, publish, hear, monkeypatch, bound):
    monkeypatch.setattr(delivery, bound, 0)
    heard, delivery_ = await hear("one", ShipSank)
    await publish(*(ShipSailed("Argo", number) for number in range(5)))
    await moved(database)
    await delivery_.advance()
    [(position,)] = await database.reader().fetch("SELECT position FROM platform_subscription WHERE name = 'one'", ())
    assert (position, heard) == (5, [])


async def test_what_follows_an_event_is_of_the_same_person_and_request(database, publish, sign_in):
    ann = Viewer((await sign_in()).id)

    async def sink(work, sailed, _envelope) -> None:
        work.publish(ShipSank(sailed.ship))

    await subscribe(database, ["sinker"])
    before = IDS.set(Ids("request", "errand"))
    await publish(ShipSailed("Pequod"), viewer=ann)
    IDS.reset(before)
    await moved(database)
    await Delivery(database, Subscriber("sinker", sink, (ShipSailed,))).advance()

    told = "SELECT name, actor, request_id, correlation_id FROM platform_outbox"
    rows = await database.reader().fetch(told, ())
    assert [tuple(row) for row in rows] == [("events.ship_sank", ann.id, "request", "errand")]
    assert IDS.get() is None

"""What is published reaches each subscriber after its commit: in order, once in effect, not held up by others."""

import asyncio

import asyncpg
import pytest

from app.kit.identity import Viewer
from app.platform.events import delivery
from app.platform.events.delivery import Delivery, subscribe
from app.platform.events.sequencer import sequence
from app.platform.events.subscribers import Subscriber
from app.platform.observability.identity import IDS, Ids
from tests.platform.events.ships import NOTE, NOTED, SAILED, ShipSailed, ShipSank, moved, ships


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


async def test_what_is_rolled_back_was_never_published(database, hear):
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


async def test_an_effect_and_the_step_forward_commit_together(database, publish, deliver_to):
    """A handler that is cut off after its write leaves no half of it, and is run again."""
    runs = []

    async def note(work, event, envelope) -> None:
        await work.fetch(NOTE, ("effect", str(envelope.id)))
        runs.append(event)
        if len(runs) == 1:
            await work.fetch("SELECT pg_terminate_backend(pg_backend_pid())", ())

    delivery_ = await deliver_to(note)
    await publish(ShipSailed("Argo"))
    await moved(database)
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await delivery_.advance()
    assert await database.reader().fetch(NOTED, ("effect",)) == []
    await delivery_.advance()
    await delivery_.advance()
    assert len(await database.reader().fetch(NOTED, ("effect",))) == 1
    assert len(runs) == 2


async def test_several_workers_deliver_each_event_once(database, publish):
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


async def test_who_subscribes_hears_what_comes_from_then_on(database, publish, hear):
    await publish(ShipSailed("before"))
    await moved(database)
    heard, delivery_ = await hear("late", ShipSailed)
    await publish(ShipSailed("after"))
    await moved(database)
    await delivery_.advance()
    assert [event.ship for event in heard] == ["after"]


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

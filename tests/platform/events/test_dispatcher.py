"""A worker's dispatcher: it hears of what is published, keeps the log's partitions, and ends between two events."""

import asyncio
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from app.kit.event import Event
from app.platform.console.reach import at
from app.platform.database.pools import Database
from app.platform.events import dispatcher as dispatching
from app.platform.events.delivery import subscribe
from app.platform.events.dispatcher import Dispatcher, telling
from app.platform.events.figures import PARTITIONS as AHEAD
from app.platform.events.sequencer import sequence
from app.platform.events.subscribers import Subscriber
from app.platform.notices import Notices

PARTITIONS = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'platform_event'::regclass"


class BellRung(Event, frozen=True):
    about = "bell"

    bell: str


class Heard:
    """A handler that lets tests wait for the events that it hears."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[Event] = asyncio.Queue()

    async def __call__(self, _work, event, _envelope) -> None:
        await self.events.put(event)

    async def next(self) -> str:
        async with asyncio.timeout(60):  # the sequencer waits for transactions of other tests on this server
            return (await self.events.get()).bell


@pytest.fixture
def notices(database, monkeypatch):
    """Those of the application's database, which tells of events in this test alone."""
    monkeypatch.setattr(database, "on_published", None)
    return telling(database)


@pytest.fixture
async def heard(database, notices):
    """What the only subscriber of a running dispatcher heard."""
    heard = Heard()
    await subscribe(database, ["one"])
    async with (
        notices.lifespan(),
        Dispatcher(database, notices, [Subscriber("one", heard, (BellRung,))], 30).lifespan(10),
    ):
        yield heard


async def publish(database, bell: str) -> None:
    work = database.unit_of_work()

    async def do() -> None:
        work.publish(BellRung(bell))

    await work.run(do)


async def test_what_is_published_is_heard_one_after_the_other(database, heard):
    for number in range(20):
        await publish(database, str(number))
    assert [await heard.next() for _ in range(20)] == [str(number) for number in range(20)]


async def test_a_lost_notice_delays_and_loses_nothing(database, heard):
    database.on_published = None
    await publish(database, "untold")
    assert await heard.next() == "untold"


async def test_an_end_waits_for_the_event_that_is_being_handled_and_begins_no_other(database, notices):
    begun, may_end, done = asyncio.Event(), asyncio.Event(), []

    async def handle(_work, event, _envelope) -> None:
        begun.set()
        await may_end.wait()
        done.append(event.bell)

    await subscribe(database, ["slow"])
    async with (
        notices.lifespan(),
        asyncio.timeout(60),
        Dispatcher(database, notices, [Subscriber("slow", handle, (BellRung,))], 30).lifespan(30),
    ):
        await publish(database, "first")
        await publish(database, "second")
        await begun.wait()
        asyncio.get_running_loop().call_soon(may_end.set)
    assert done == ["first"]


async def test_no_event_is_begun_any_more_while_the_listener_is_closed(database, notices, monkeypatch):
    heard, closed = Heard(), Notices.listening

    @asynccontextmanager
    async def closed_slowly(self):
        async with closed(self):
            yield
        await publish(database, "late")
        await sequenced(database)
        self.ring(dispatching.LOG)
        with suppress(TimeoutError):
            await asyncio.wait_for(heard.events.get(), 0.5)
            raise AssertionError("an event was begun after the end")

    monkeypatch.setattr(Notices, "listening", closed_slowly)
    await subscribe(database, ["one"])
    async with (
        asyncio.timeout(90),
        notices.lifespan(),
        Dispatcher(database, notices, [Subscriber("one", heard, (BellRung,))], 30).lifespan(30),
    ):
        await publish(database, "first")
        assert await heard.next() == "first"


async def sequenced(database) -> None:
    while await database.reader().fetch("SELECT FROM platform_outbox LIMIT 1", ()):
        await sequence(database)


async def test_a_dispatcher_that_breaks_tells_it_at_once_and_says_why(database, notices):
    class Broken(BaseException):
        pass

    async def handle(_work, _event, _envelope) -> None:
        raise Broken

    await subscribe(database, ["one"])
    dispatcher, ended = Dispatcher(database, notices, [Subscriber("one", handle, (BellRung,))], 30), asyncio.Event()

    async def live() -> None:
        async with asyncio.timeout(60), notices.lifespan(), dispatcher.lifespan(10, ended):
            await publish(database, "one")
            await ended.wait()

    with pytest.raises(BaseExceptionGroup) as broken:
        await live()
    assert broken.value.subgroup(Broken)


async def test_partitions_are_there_before_the_first_event_is_moved(fresh_database_url, settings, monkeypatch):
    async def keep_none(_self) -> bool:
        return False

    monkeypatch.setattr(Dispatcher, "_keep_partitions", keep_none)  # it is slower than the sequencer
    connection = await asyncpg.connect(fresh_database_url)
    names = [
        row[0]
        for row in await connection.fetch(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'platform_event'::regclass"
            " AND inhrelid <> 'eventlog_rest'::regclass"
        )
    ]
    for name in names:
        await connection.execute(f"DROP TABLE {name}")
    await connection.execute(
        "INSERT INTO platform_outbox (name, subject, payload) VALUES ($1, 'bell:1', '{\"bell\": \"1\"}')",
        BellRung.wire_name(),
    )
    await connection.execute("INSERT INTO platform_subscription VALUES ('one', 0)")
    heard = Heard()
    database = Database(at(settings, fresh_database_url), on_oversized=pytest.fail)
    notices = Notices(database)
    async with (
        database.lifespan(),
        Dispatcher(database, notices, [Subscriber("one", heard, (BellRung,))], 30).lifespan(10),
    ):
        assert await heard.next() == "1"
    assert await connection.fetchval("SELECT count(*) FROM eventlog_rest") == 0
    await connection.close()


async def test_a_week_that_began_in_the_rest_stops_no_other_and_goes_when_it_is_old(fresh_database_url):
    connection = await asyncpg.connect(fresh_database_url)
    weeks = dispatching.WEEKS_AHEAD + 3
    insert = (
        "INSERT INTO platform_event (position, id, at, name, subject, payload)"
        " VALUES ($1, uuidv7(), $2, 'a', 'b', '{}')"
    )
    now = datetime.now(UTC)
    await connection.execute(insert, 1, now - timedelta(days=400))
    await connection.execute(insert, 2, now - timedelta(days=399))
    await connection.execute(insert, 3, now + timedelta(weeks=weeks - 1))
    before = await connection.fetchval(PARTITIONS)
    await connection.fetch(dispatching.MAKE, weeks)
    ahead = await connection.fetchval(AHEAD)
    assert ahead == weeks - 1, "all but the one whose events lie in the rest"
    assert await connection.fetchval(PARTITIONS) > before

    await connection.execute("INSERT INTO platform_subscription VALUES ('late', 1)")
    await connection.execute("INSERT INTO platform_held (subscriber, position, subject) VALUES ('late', 1, 'b')")
    assert await connection.fetch(dispatching.DROP, 30) == []
    await connection.execute("DELETE FROM platform_held")
    assert [row[0] for row in await connection.fetch(dispatching.DROP, 30)] == ["eventlog_rest"]
    assert [row[0] for row in await connection.fetch("SELECT position FROM eventlog_rest ORDER BY 1")] == [2, 3]
    await connection.execute("UPDATE platform_subscription SET position = 3")
    await connection.fetch(dispatching.DROP, 30)
    assert [row[0] for row in await connection.fetch("SELECT position FROM eventlog_rest")] == [3]
    await connection.close()


async def test_partitions_are_made_ahead_and_old_ones_dropped_when_all_have_heard_them(fresh_database_url):
    connection = await asyncpg.connect(fresh_database_url)
    await connection.fetch(dispatching.MAKE, dispatching.WEEKS_AHEAD)  # the template may be of another week
    old = datetime.now(UTC) - timedelta(days=70)
    monday = (old - timedelta(days=old.weekday())).replace(hour=0, minute=0, second=0, microsecond=0)
    name = f"eventlog_{monday:%G}w{monday:%V}"
    await connection.execute(
        f"CREATE TABLE {name} PARTITION OF platform_event FOR VALUES FROM ('{monday}') TO ('{monday + timedelta(7)}')"
    )
    await connection.execute(
        "INSERT INTO platform_event (position, id, at, name, subject, payload)"
        " VALUES (7, uuidv7(), $1, 'a', 'b', '{}')",
        monday + timedelta(days=1),
    )
    await connection.execute("INSERT INTO platform_subscription VALUES ('late', 6)")
    dropped = await connection.fetch(dispatching.DROP, 30)
    assert dropped == []
    await connection.execute("UPDATE platform_subscription SET position = 7")
    await connection.execute("INSERT INTO platform_held (subscriber, position, subject) VALUES ('late', 7, 'b')")
    assert await connection.fetch(dispatching.DROP, 30) == []
    await connection.execute("DELETE FROM platform_held")
    assert [row[0] for row in await connection.fetch(dispatching.DROP, 30)] == [name]

    before = await connection.fetchval(PARTITIONS)
    await connection.fetch(dispatching.MAKE, dispatching.WEEKS_AHEAD + 2)
    assert await connection.fetchval(PARTITIONS) == before + 2
    await connection.close()


async def test_an_event_of_a_time_without_a_partition_is_kept_all_the_same(database, aside):
    connection = await aside.connection()
    await connection.execute(
        "INSERT INTO platform_event (position, id, at, name, subject, payload)"
        " VALUES (1, uuidv7(), '2001-01-01', 'a', 'b', '{}')"
    )
    assert await connection.fetchval("SELECT tableoid::regclass::text FROM platform_event") == "eventlog_rest"

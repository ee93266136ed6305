"""A worker's dispatcher: it hears of what is published, keeps the log's partitions, and ends between two events."""

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from app.kit.event import Event
from app.platform.events import dispatcher as dispatching
from app.platform.events.delivery import subscribe
from app.platform.events.dispatcher import Dispatcher, telling
from app.platform.events.subscribers import Subscriber


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
        async with asyncio.timeout(30):
            return (await self.events.get()).bell


@pytest.fixture
async def heard(database):
    """What the only subscriber of a running dispatcher heard."""
    heard = Heard()
    await subscribe(database, ["one"])
    notices = telling(database)
    async with (
        notices.lifespan(),
        Dispatcher(database, notices, [Subscriber("one", heard, (BellRung,))], 30).lifespan(10),
    ):
        yield heard
    database.on_published = None


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


async def test_a_listener_that_lost_its_connection_hears_again(database, heard, aside):
    connection = await aside.connection()
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'litehouse notices'"
    async with asyncio.timeout(30):
        while not await connection.fetch(f"{ended} AND datname = current_database()"):
            await asyncio.sleep(0.01)
    await publish(database, "afterwards")
    assert await heard.next() == "afterwards"


async def test_an_end_waits_for_the_event_that_is_being_handled_and_begins_no_other(database):
    begun, may_end, done = asyncio.Event(), asyncio.Event(), []

    async def handle(_work, event, _envelope) -> None:
        begun.set()
        await may_end.wait()
        done.append(event.bell)

    await subscribe(database, ["slow"])
    notices = telling(database)
    async with (
        notices.lifespan(),
        asyncio.timeout(60),
        Dispatcher(database, notices, [Subscriber("slow", handle, (BellRung,))], 30).lifespan(30),
    ):
        await publish(database, "first")
        await publish(database, "second")
        await begun.wait()
        asyncio.get_running_loop().call_soon(may_end.set)
    database.on_published = None
    assert done == ["first"]


async def test_partitions_are_made_ahead_and_old_ones_dropped_when_all_have_heard_them(fresh_database_url):
    connection = await asyncpg.connect(fresh_database_url)
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

    count = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'platform_event'::regclass"
    before = await connection.fetchval(count)
    await connection.fetch(dispatching.MAKE, dispatching.WEEKS_AHEAD + 2)
    assert await connection.fetchval(count) == before + 2
    await connection.close()


async def test_an_event_of_a_time_without_a_partition_is_kept_all_the_same(database, aside):
    connection = await aside.connection()
    await connection.execute(
        "INSERT INTO platform_event (position, id, at, name, subject, payload)"
        " VALUES (1, uuidv7(), '2001-01-01', 'a', 'b', '{}')"
    )
    assert await connection.fetchval("SELECT tableoid::regclass::text FROM platform_event") == "eventlog_rest"

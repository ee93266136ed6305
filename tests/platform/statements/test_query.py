"""Reads and hot writes against a real table: filters, pages, keysets, and one statement for each."""

import asyncio

import asyncpg
import pytest
from sqlalchemy import Select, String, bindparam, func, insert, literal, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.kit.errors import Invalid
from app.kit.pagination import After, Window
from app.kit.schema import Output
from app.platform.statements.query import by, command, query
from app.platform.statements.shape import Shape, param


class Scratch(DeclarativeBase):
    """Tables that no migration knows."""


class Ship(Scratch):
    __tablename__ = "ship"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    kind: Mapped[str]


class ShipOut(Output):
    id: int
    name: str
    mine: bool


ship = Shape(ShipOut, Ship, mine=Ship.name == param("owner", Ship.name))


@query(ship)
def ship_by_id(q: Select, *, id: int, owner: str | None) -> Select:  # noqa: A002
    return q.where(Ship.id == id)


@query(ship, page=by(Ship.id.desc()))
def ships(q: Select, *, owner: str | None, kind: str | None = None, names: list[str] | None = None) -> Select:
    if kind is not None:
        q = q.where(Ship.kind == kind)
    if names is not None:
        q = q.where(Ship.name == func.any(names))
    return q


def declared(*, owner: object, kind: object) -> object:
    return None if kind is not None else literal(1000)


@query(ship, page=by(Ship.id.desc()), total=declared)
def counted_ships(q: Select, *, owner: str | None, kind: str | None = None) -> Select:
    return q if kind is None else q.where(Ship.kind == kind)


@command(ship)
def launch(shown: Shape, *, id: int, name: str, owner: str) -> Select:  # noqa: A002
    source = select(id, name, bindparam("kind", "launched"))
    launched = insert(Ship).from_select(["id", "name", "kind"], source).returning(Ship.__table__).cte("launched")
    return shown.select(launched)


@pytest.fixture
async def database(pools, admin: asyncpg.Connection):
    await admin.execute(
        "CREATE TABLE ship (id bigint PRIMARY KEY, name text NOT NULL, kind text NOT NULL);"
        "INSERT INTO ship SELECT n, 'ship ' || n, (ARRAY['even', 'odd'])[n % 2 + 1] FROM generate_series(1, 50) n"
    )
    return await pools()


async def test_one_row_or_none(database):
    reader = database.reader()
    assert await ship_by_id.one(reader, id=7, owner="ship 7") == ShipOut(7, "ship 7", True)
    assert await ship_by_id.one(reader, id=7, owner=None) == ShipOut(7, "ship 7", None)
    assert await ship_by_id.one(reader, id=51, owner=None) is None


async def test_optional_filters_are_left_out_of_the_statement(database, statements):
    reader = database.reader()
    with statements() as sent:
        assert len(await ships.all(reader, owner="x")) == 50
        assert len(await ships.all(reader, owner="x", kind="even")) == 25
        assert [s.id for s in await ships.all(reader, owner="x", kind="even", names=["ship 1", "ship 2"])] == [2]
    assert [statement.count("ship.kind =") for statement in sent] == [0, 1, 1]
    assert "IS NULL" not in "".join(sent)


@query(ship)
def famous_ships(q: Select, *, owner: str | None, kind: str) -> Select:
    return q.where(Ship.name.in_(["ship 1", "ship 3"]), Ship.kind == kind, Ship.id.in_([1, 2, 3])).order_by(Ship.id)


async def test_a_list_of_constants_is_a_part_of_the_statement(database):
    assert [s.id for s in await famous_ships.all(database.reader(), owner="x", kind="odd")] == [1, 3]


@query(ship)
def unowned_ships(q: Select, *, owner: str | None, id: int) -> Select:  # noqa: A002
    return q.where(func.coalesce(literal(None, String()), Ship.name) == Ship.name, Ship.id == id)


async def test_a_constant_may_be_none(database):
    assert [s.id for s in await unowned_ships.all(database.reader(), owner="x", id=5)] == [5]


async def test_an_argument_that_is_a_list_is_compared_with_any(database):
    @query(ship)
    def named_ships(q: Select, *, owner: str | None, names: list[str]) -> Select:
        return q.where(Ship.name.in_(names))

    with pytest.raises(TypeError, match=r"compare with a list that is an argument by `== func.any\(names\)`"):
        await named_ships.all(database.reader(), owner="x", names=["ship 1"])


async def test_a_page_and_its_total_are_one_statement(database, statements):
    with statements(at_most=1):
        page = await ships.page(database.reader(), Window(2, 1), owner="x", kind="odd")
    assert [s.id for s in page.items] == [47, 45]
    assert page.total == 25


async def test_behind_the_end_of_a_list_its_total_is_still_told(database, statements):
    with statements(at_most=2):
        page = await ships.page(database.reader(), Window(2, 1000), owner="x")
    assert (page.items, page.total) == ([], 50)


async def test_an_empty_list_has_no_total_to_ask_for(database, statements):
    with statements(at_most=1):
        page = await ships.page(database.reader(), Window(), owner="x", kind="none")
    assert (page.items, page.total) == ([], 0)


async def test_a_declared_total_spares_the_count(database, statements):
    with statements() as sent:
        page = await counted_ships.page(database.reader(), Window(1), owner="x")
        filtered = await counted_ships.page(database.reader(), Window(1), owner="x", kind="even")
    assert (page.total, filtered.total) == (1000, 25)
    assert ["count(" in statement for statement in sent] == [False, True]


async def test_slices_neither_skip_nor_repeat_while_rows_come_and_go(database, admin):
    reader, seen, cursor, fresh = database.reader(), [], None, 100
    while True:
        part = await ships.after(reader, After(7, cursor), owner="x")
        seen += [s.id for s in part.items]
        if part.next is None:
            break
        cursor, fresh = part.next, fresh + 1
        await admin.execute("INSERT INTO ship VALUES ($1, 'late', 'late')", fresh)
        await admin.execute("DELETE FROM ship WHERE id = $1", seen[-1])
    assert seen == list(range(50, 0, -1))


@pytest.mark.parametrize("cursor", ["", "!", "WzEsMl0", "WyJhIl0", "bnVsbA", "WzFd\n"], ids=repr)
async def test_a_cursor_of_another_list_is_invalid(database, cursor):
    with pytest.raises(Invalid) as refusal:
        await ships.after(database.reader(), After(7, cursor), owner="x")
    assert refusal.value.violations[0].field == "after"


async def test_a_query_sees_what_its_unit_of_work_wrote(database, statements):
    work = database.unit_of_work()

    async def write_and_read() -> ShipOut | None:
        assert await launch.one(work, id=60, name="Rachel", owner="Rachel") == ShipOut(60, "Rachel", True)
        return await ship_by_id.one(work, id=60, owner=None)

    with statements(at_most=4):
        assert (await work.run(write_and_read)).name == "Rachel"


async def test_a_query_flushes_what_its_session_has_not(database):
    work = database.unit_of_work()

    async def add_and_read() -> ShipOut | None:
        work.session.add(Ship(id=61, name="Pequod", kind="whaler"))
        return await ship_by_id.one(work, id=61, owner=None)

    assert (await work.run(add_and_read)).name == "Pequod"


async def test_many_readers_share_the_statements(database):
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(ship_by_id.one(database.reader(), id=n % 50 + 1, owner=None)) for n in range(200)]
    assert [task.result().id for task in tasks] == [n % 50 + 1 for n in range(200)]


def test_an_argument_without_a_sql_type_is_an_error_at_import():
    with pytest.raises(TypeError, match=r"ships_of\(kinds\): no SQL type is known for"):

        @query(ship)
        def ships_of(q: Select, *, kinds: set[str]) -> Select:
            return q


def test_a_page_needs_one_direction():
    with pytest.raises(TypeError, match="all descending or all ascending"):
        by(Ship.name.asc(), Ship.id.desc())


async def test_a_page_of_a_query_without_an_order_is_a_mistake(database):
    with pytest.raises(TypeError, match=r"ship_by_id has no order: declare @query\(…, page=by\(…\)\)"):
        await ship_by_id.page(database.reader(), Window(), id=1, owner=None)

"""Every failure of the database is an error that its cause deserves, and names the field where there is one."""

import asyncio

import asyncpg
import pytest

from app.kit.errors import Busy, Conflict, Invalid
from app.platform.database.refusals import is_connection_lost, is_replayable, translate

PREPARE = """
    CREATE TABLE parent (id int PRIMARY KEY);
    CREATE TABLE child (
        id int CONSTRAINT pk_child PRIMARY KEY,
        name varchar(5) NOT NULL CONSTRAINT uq_child_name UNIQUE,
        parent_id int CONSTRAINT fk_child_parent_id REFERENCES parent
    );
    INSERT INTO child VALUES (1, 'ann', NULL);
"""


@pytest.mark.parametrize(
    ("statement", "kind", "field"),
    [
        pytest.param("INSERT INTO child VALUES (2, 'ann')", Conflict, "name", id="unique"),
        pytest.param("INSERT INTO child VALUES (2, 'bob', 9)", Conflict, "parent_id", id="foreign key"),
        pytest.param("INSERT INTO child VALUES (2, NULL)", Invalid, "name", id="not null"),
        pytest.param("INSERT INTO child VALUES (2, 'too long')", Invalid, "body", id="too long"),
        pytest.param("INSERT INTO child VALUES (3000000000, 'bob')", Invalid, "body", id="too large"),
        pytest.param("SELECT 'a'::int", Invalid, "body", id="no number"),
        pytest.param("SELECT 'a'::date", Invalid, "body", id="no date"),
        pytest.param("SELECT '2026-02-30'::date", Invalid, "body", id="no day of the calendar"),
        pytest.param(r"""SELECT '{"a": "\u0000"}'::jsonb ->> 'a'""", Invalid, "body", id="NUL in JSON"),
        pytest.param("SET statement_timeout = '20ms'; SELECT pg_sleep(5)", Busy, None, id="statement timeout"),
    ],
)
async def test_each_refusal_of_the_database_is_an_error_of_ours(admin, statement, kind, field):
    await admin.execute(PREPARE)
    with pytest.raises(asyncpg.PostgresError) as refusal:
        await admin.execute(statement)
    error = translate(refusal.value)
    assert type(error) is kind
    assert [violation.field for violation in error.violations] == ([field] if field else [])


@pytest.mark.parametrize(
    "statement",
    ["SELECT 1 / 0", "SELECT ln(-1)", "SELECT 'a' LIMIT -1", "SELECT 'a' ~ '('", "SELECT nonsense"],
    ids=["division by zero", "logarithm", "limit", "pattern", "column"],
)
async def test_a_statement_that_is_wrong_is_a_defect(admin, statement):
    with pytest.raises(asyncpg.PostgresError) as refusal:
        await admin.execute(statement)
    assert translate(refusal.value) is None


async def test_two_operations_at_once_on_a_connection_are_a_defect(admin):
    async with admin.transaction():
        first = asyncio.ensure_future(admin.fetch("SELECT pg_sleep(0.1)"))
        await asyncio.sleep(0)
        with pytest.raises(asyncpg.InterfaceError, match="another operation is in progress") as refusal:
            await admin.fetch("SELECT 1")
        await first
    assert not is_connection_lost(refusal.value)
    assert translate(refusal.value) is None


async def test_a_parameter_that_the_driver_refuses_is_invalid(admin):
    with pytest.raises(asyncpg.DataError) as refusal:
        await admin.fetch("SELECT $1::int", 2**70)
    assert isinstance(translate(refusal.value), Invalid)


async def test_a_nul_character_is_invalid(admin):
    with pytest.raises(asyncpg.PostgresError) as refusal:
        await admin.fetch("SELECT $1::text", "\0")
    assert isinstance(translate(refusal.value), Invalid)


async def test_a_lock_that_cannot_be_had_is_busy(admin, scratch_url):
    other = await asyncpg.connect(scratch_url)
    try:
        async with other.transaction():
            await other.execute("LOCK TABLE account")
            with pytest.raises(asyncpg.LockNotAvailableError) as refusal:
                await admin.execute("SET lock_timeout = '20ms'; LOCK TABLE account")
    finally:
        await other.close()
    assert isinstance(translate(refusal.value), Busy)


async def test_a_lost_connection_is_busy(scratch_url):
    other = await asyncpg.connect(scratch_url)
    ended = await ending(other.fetch("SELECT pg_terminate_backend(pg_backend_pid())"))
    closed = await ending(other.fetch("SELECT 1"))
    for error in (ended, closed):
        assert is_connection_lost(error)
        assert not is_replayable(error)
        assert isinstance(translate(error), Busy)


async def ending(operation) -> BaseException:
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)) as refusal:
        await operation
    return refusal.value


@pytest.mark.parametrize(
    "error",
    [KeyError("slug"), ConnectionResetError(), TimeoutError(), OSError("disk full")],
    ids=["bug", "upstream hung up", "upstream too slow", "file"],
)
def test_what_the_database_did_not_say_is_none_of_these(error):
    assert not is_connection_lost(error)
    assert translate(error) is None

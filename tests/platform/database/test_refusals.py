"""Every failure of the database is an error that its cause deserves, and names the field where there is one."""

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
        pytest.param("SELECT 1 / 0", Invalid, "body", id="data exception"),
        pytest.param("SET statement_timeout = '20ms'; SELECT pg_sleep(5)", Busy, None, id="statement timeout"),
    ],
)
async def test_the_database_s_refusals(admin, statement, kind, field):
    await admin.execute(PREPARE)
    with pytest.raises(asyncpg.PostgresError) as refusal:
        await admin.execute(statement)
    error = translate(refusal.value)
    assert type(error) is kind
    assert [violation.field for violation in error.violations] == ([field] if field else [])


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


@pytest.mark.parametrize("error", [ConnectionResetError(), asyncpg.InterfaceError("connection is closed")], ids=repr)
def test_a_lost_connection_is_busy(error):
    assert is_connection_lost(error)
    assert not is_replayable(error)
    assert isinstance(translate(error), Busy)


def test_a_defect_of_ours_is_none_of_these():
    assert translate(KeyError("slug")) is None

"""What every table keeps to, as PostgreSQL's own catalogue tells it."""

import asyncio
import re

import asyncpg
import pytest
from sqlalchemy import CheckConstraint

from app.platform.migration_writing import metadata, module_of
from app.platform.revisions import PLATFORM
from config.modules import MODULES

OURS = """
relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition AND relname <> 'alembic_version'
"""


@pytest.fixture
def catalogue(database_url: str):
    """Ask the catalogue of a migrated database: a list of rows, each as a tuple."""

    async def fetch(query: str) -> list[tuple[object, ...]]:
        connection = await asyncpg.connect(database_url)
        try:
            return [tuple(row) for row in await connection.fetch(query)]
        finally:
            await connection.close()

    return lambda query: asyncio.run(fetch(query))


def test_a_table_is_named_after_its_module(catalogue):
    names = {name for (name,) in catalogue(f"SELECT relname::text FROM pg_class WHERE {OURS}")}
    assert {name for name in names if module_of(name) not in (PLATFORM, *MODULES)} == set()
    assert names == {table.name for table in metadata().sorted_tables}


def test_every_table_has_a_primary_key(catalogue):
    query = f"""
        SELECT relname FROM pg_class
        WHERE {OURS} AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = pg_class.oid AND indisprimary)
    """
    # It is written with each change, read from end to end and soon emptied: an index would cost the writers.
    assert set(catalogue(query)) <= {("audit_journal",)}


def test_every_foreign_key_is_indexed(catalogue):
    """Its columns come first in some whole index: or else each DELETE of a referred row reads the whole table."""
    query = """
        SELECT conrelid::regclass::text, conname FROM pg_constraint
        WHERE contype = 'f' AND NOT EXISTS (
            SELECT FROM pg_index WHERE indrelid = conrelid AND indisvalid AND indpred IS NULL
            AND (indkey::int2[])[0:cardinality(conkey) - 1] @> conkey
        )
    """
    assert catalogue(query) == []


def test_every_time_has_its_zone(catalogue):
    query = f"""
        SELECT relname, attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE {OURS} AND attnum > 0 AND atttypid IN ('timestamp'::regtype, 'timetz'::regtype, 'time'::regtype)
    """
    assert catalogue(query) == []


def test_constraints_are_named_so_that_a_refusal_finds_its_field(catalogue):
    query = f"""
        SELECT conname::text, CASE contype WHEN 'p' THEN 'pk_' || relname
            WHEN 'c' THEN 'ck_' || relname || '_' || substr(conname, length(relname) + 5)
            ELSE CASE contype WHEN 'u' THEN 'uq_' WHEN 'x' THEN 'ex_' ELSE 'fk_' END || relname || '_' || attname END
        FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
        LEFT JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]
        WHERE {OURS} AND contype IN ('p', 'u', 'f', 'c', 'x')
    """
    found = catalogue(query)
    assert [name for name, expected in found if name != expected] == []
    assert found


def test_indexes_are_named_alike(catalogue):
    """By the first column, or by the one inside the first expression: `lower(email)` is `…_email`."""
    query = f"""
        SELECT indexrelid::regclass::text, relname::text, indisunique, pg_get_indexdef(indexrelid, 1, true)
        FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
        WHERE {OURS} AND NOT EXISTS (
            SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x')
        )
    """
    for name, table, is_unique, first in catalogue(query):
        column = re.findall(r"\w+", first)[-1]
        assert name == f"{'uq' if is_unique else 'ix'}_{table}_{column}"


def test_the_checks_of_the_models_are_those_of_the_database(catalogue):
    """Autogenerate does not look at them."""
    declared = {
        str(constraint.name)
        for table in metadata().sorted_tables
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
    }
    query = f"""
        SELECT conname::text FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid WHERE {OURS} AND contype = 'c'
    """
    assert {name for (name,) in catalogue(query)} == declared


def test_every_table_that_says_when_it_changed_has_the_trigger_for_it(catalogue):
    query = f"""
        SELECT relname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attname = 'updated_at'
        WHERE {OURS} AND NOT EXISTS (
            SELECT FROM pg_trigger WHERE tgrelid = pg_class.oid AND tgfoid = 'platform_touch'::regproc
        )
    """
    assert catalogue(query) == []


def test_a_counted_table_is_counted_at_every_event(catalogue):
    """A key can change in an UPDATE too; a table that is counted as a whole needs no trigger for that."""
    query = """
        SELECT tgrelid::regclass::text, tgargs, bit_or(tgtype)::int FROM pg_trigger
        WHERE tgfoid = 'platform_count'::regproc GROUP BY tgrelid, tgargs
    """
    insert, delete, update, truncate = 4, 8, 16, 32
    for table, arguments, events in catalogue(query):
        name, *key = arguments.decode().rstrip("\0").split("\0")
        needed = insert | delete | truncate | (update if key else 0)
        assert events & needed == needed, f"{table} is counted as {name}"

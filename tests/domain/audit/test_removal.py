"""The triggers of audited tables follow the declarations, and the module comes out without a trace on the others."""

import asyncio
import shutil
from pathlib import Path

import asyncpg
import pytest
from litestar import Litestar

from app.domain.audit.module import AS_MIGRATED, FUNCTIONS, unrecorded
from app.platform.database.pools import Database
from app.platform.migration_writing import write_removal
from app.platform.migrations import upgrade
from tests.platform.migrations_copy import Copy, fetch

TRIGGERS = "SELECT count(*) FROM pg_trigger WHERE starts_with(tgname, 'audited_')"
DEFINED = """
SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname = 'audited_delete' AND tgrelid = 'accounts_group'::regclass
"""
GROUP = "INSERT INTO accounts_group (name) VALUES ('a')"


def test_triggers_come_back_and_go_with_the_module(fresh_database_url: str, tmp_path: Path):
    async def say(*statements: str) -> int:
        connection = await asyncpg.connect(fresh_database_url)
        try:
            for statement in statements:
                await connection.execute(statement)
            return await connection.fetchval(TRIGGERS)
        finally:
            await connection.close()

    all_of_them = asyncio.run(say())
    lost = "DROP TRIGGER audited_delete ON accounts_group", "ALTER TABLE accounts_user DISABLE TRIGGER audited_insert"
    assert asyncio.run(say(*lost)) == all_of_them - 1
    assert upgrade(fresh_database_url) == []
    assert asyncio.run(say(GROUP)) == all_of_them > 0
    assert fetch(fresh_database_url, f"{TRIGGERS} AND tgenabled = 'O'")[0][0] == all_of_them

    copy = Copy(tmp_path)
    write_removal("audit", copy.path)
    shutil.rmtree(copy.path / "versions" / "audit")
    upgrade(fresh_database_url, folder=copy.path)
    assert asyncio.run(say("DELETE FROM accounts_group", GROUP)) == 0


async def test_the_functions_are_those_that_the_migrations_make(raw: asyncpg.Connection):
    """Where a migration changes one of them, AS_MIGRATED is to be what stands here first."""
    assert await raw.fetchval(FUNCTIONS) == AS_MIGRATED


@pytest.mark.parametrize(
    ("change", "back", "told"),
    [
        (
            "ALTER TABLE accounts_group DISABLE TRIGGER audited_update",
            "ALTER TABLE accounts_group ENABLE TRIGGER audited_update",
            "the triggers of accounts_group are not",
        ),
        ("{insert_only}", "{trigger}", "the triggers of accounts_group are not"),
        ("{no_delete}", "{function}", "audit_record and its like are not this version's"),
    ],
    ids=["disabled", "of another event", "another function"],
)
async def test_what_records_otherwise_is_complained_of(
    app: Litestar, database: Database, raw: asyncpg.Connection, change: str, back: str, told: str
):
    trigger = (await raw.fetchval(DEFINED)).replace("CREATE TRIGGER", "CREATE OR REPLACE TRIGGER")
    function = await raw.fetchval("SELECT pg_get_functiondef('audit_record'::regproc)")
    known = {
        "trigger": trigger,
        "insert_only": trigger.replace("AFTER DELETE", "AFTER INSERT").replace("OLD TABLE", "NEW TABLE"),
        "function": function,
        "no_delete": function.replace("TG_OP = 'DELETE'", "TG_OP = 'NEVER'"),
    }
    assert await unrecorded(app.state.settings, database) == []
    await raw.execute(known.get(change[1:-1], change))
    try:
        [fault] = await unrecorded(app.state.settings, database)
    finally:
        await raw.execute(known.get(back[1:-1], back))
    assert told in fault
    assert await unrecorded(app.state.settings, database) == []

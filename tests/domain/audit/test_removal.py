"""The triggers of audited tables follow the declarations, and the module comes out without a trace on the others."""

import asyncio
import shutil
from pathlib import Path

import asyncpg
from litestar import Litestar

from app.domain.audit.module import unrecorded
from app.platform.database.pools import Database
from app.platform.migration_writing import write_removal
from app.platform.migrations import upgrade
from tests.platform.migrations_copy import Copy

TRIGGERS = "SELECT count(*) FROM pg_trigger WHERE starts_with(tgname, 'audited_')"
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
    assert asyncio.run(say("DROP TRIGGER audited_delete ON accounts_group")) == all_of_them - 1
    assert upgrade(fresh_database_url) == []
    assert asyncio.run(say(GROUP)) == all_of_them > 0

    copy = Copy(tmp_path)
    write_removal("audit", copy.path)
    shutil.rmtree(copy.path / "versions" / "audit")
    upgrade(fresh_database_url, folder=copy.path)
    assert asyncio.run(say("DELETE FROM accounts_group", GROUP)) == 0


async def test_a_trigger_that_is_missing_or_another_is_complained_of(
    app: Litestar, database: Database, raw: asyncpg.Connection
):
    assert await unrecorded(app.state.settings, database) == []
    await raw.execute("ALTER TABLE accounts_group DISABLE TRIGGER audited_update")
    try:
        [fault] = await unrecorded(app.state.settings, database)
    finally:
        await raw.execute("ALTER TABLE accounts_group ENABLE TRIGGER audited_update")
    assert fault == "the triggers of accounts_group are not those that are declared: `just migrate`"

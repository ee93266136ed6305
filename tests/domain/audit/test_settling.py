"""While it is migrated, nothing that is to be hidden gets into the trail, and nobody who writes waits long."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import asyncpg
import pytest
from sqlalchemy import Column, MetaData, Table, Text, Uuid

from app.platform import audited, module
from app.platform.audited import Audited
from app.platform.migrations import upgrade
from app.platform.revisions import MigrationError
from tests.platform.migrations_copy import Copy, fetch

ENTRIES = (
    "SELECT operation, before::text, after::text FROM audit_trail WHERE relation = 'accounts_group' ORDER BY position"
)
EVERYTHING = "SELECT concat(key, before, after) FROM audit_trail WHERE relation = 'accounts_group'"
SECRETS = "SELECT count(*) FROM audit_journal AS j WHERE strpos(j::text, '555 0100') > 0"
FILLED = """
op.execute("ALTER TABLE accounts_group ADD COLUMN telephone text, ADD COLUMN nickname text")
    op.execute("UPDATE accounts_group SET telephone = '+1 555 0100', nickname = 'the Pequod'")
    op.execute("DELETE FROM accounts_group WHERE name = 'b'")
"""
RENAMED = """
op.execute("ALTER TABLE accounts_group RENAME COLUMN telephone TO phone")
    op.execute("INSERT INTO accounts_group (name, phone) VALUES ('c', '+1 555 0100')")
    op.execute("DELETE FROM accounts_group WHERE name = 'a'")
"""


def declare(monkeypatch: pytest.MonkeyPatch, *columns: str, **hidden: Any) -> None:
    """Have a table of such columns declared, as a later version of its module has it."""
    there = [Column("id", Uuid, primary_key=True), *(Column(name, Text) for name in ("name", *columns))]
    model: Any = SimpleNamespace(__table__=Table("accounts_group", MetaData(), *there))
    later = Audited(model=model, **hidden)
    known = module.audited
    monkeypatch.setattr(module, "audited", lambda modules: known(modules) | {"accounts_group": later})


def test_what_a_revision_adds_and_fills_is_hidden(
    fresh_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    copy = Copy(tmp_path)
    fetch(fresh_database_url, "INSERT INTO accounts_group (name) VALUES ('a'), ('b')")
    copy.add("accounts", FILLED.strip())
    declare(monkeypatch, "telephone", "nickname", masked=["telephone"], personal=["nickname"], person="id")
    upgrade(fresh_database_url, folder=copy.path)
    copy.add("accounts", RENAMED.strip(), title="Renamed")
    monkeypatch.undo()
    declare(monkeypatch, "phone", "nickname", masked=["phone"], personal=["nickname"], person="id")
    upgrade(fresh_database_url, folder=copy.path)

    told = [row[0] for row in fetch(fresh_database_url, EVERYTHING)]
    assert len(told) == 7
    assert not [text for text in told if "555 0100" in text or "Pequod" in text]
    assert fetch(fresh_database_url, SECRETS)[0][0] == 0
    rows = [tuple(row) for row in fetch(fresh_database_url, ENTRIES)]
    assert '"telephone": {"masked": true}' in rows[2][2]
    assert '"nickname": {"personal": true}' in rows[2][2]
    assert '"phone": {"masked": true}' in rows[6][1]
    assert "telephone" not in rows[6][1]
    personal = "SELECT personal_after ->> 'nickname' FROM audit_trail WHERE personal_after ? 'nickname'"
    assert fetch(fresh_database_url, personal)[0][0] == "the Pequod"


@pytest.mark.parametrize("is_ever_free", [True, False], ids=["free at last", "never free"])
def test_a_table_that_is_written_holds_up_no_other(
    fresh_database_url: str, monkeypatch: pytest.MonkeyPatch, is_ever_free: bool
):
    monkeypatch.setattr(audited, "TRIES", 50 if is_ever_free else 4)
    both = "DROP TRIGGER audited_insert ON {0}", "DROP TRIGGER audited_delete ON {0}"
    for table in ("accounts_group", "webhooks_endpoint"):
        for statement in both:
            fetch(fresh_database_url, statement.format(table))
    left = "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'audited_insert' AND tgenabled = 'O'"

    async def write(pool: ThreadPoolExecutor) -> None:
        slow, quick = await asyncpg.connect(fresh_database_url), await asyncpg.connect(fresh_database_url)
        writing = slow.transaction()
        await writing.start()
        await slow.execute("UPDATE webhooks_endpoint SET url = url")
        migrating = pool.submit(upgrade, fresh_database_url)
        while ("accounts_group",) not in await quick.fetch(left):
            await quick.execute("INSERT INTO accounts_group (name) VALUES (uuidv7()::text)", timeout=1)
        for _ in range(20):
            await quick.execute("UPDATE webhooks_endpoint SET url = url", timeout=1)
            await quick.execute("UPDATE accounts_group SET name = name", timeout=1)
            await asyncio.sleep(0.02)
        if is_ever_free:
            await writing.rollback()
            assert await asyncio.wrap_future(migrating) == []
            assert ("webhooks_endpoint",) in await quick.fetch(left)
        else:
            with pytest.raises(MigrationError, match="the triggers of webhooks_endpoint could not be made"):
                await asyncio.wrap_future(migrating)
            await writing.rollback()
        for connection in (slow, quick):
            await connection.close()

    with ThreadPoolExecutor(1) as pool:
        asyncio.run(write(pool))

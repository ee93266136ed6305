"""What is in the journal is read at once, and stays the same when it is posted; nothing is lost on the way."""

import asyncio
from collections.abc import Callable
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from app.platform.migrations import downgrade, upgrade
from tests.domain.audit.conftest import AUDIT, Look, Seal
from tests.domain.audit.test_persons import NAMES, WHERE_TEXT_IS
from tests.platform.migrations_copy import fetch

CALLED = "SELECT set_config('litehouse.caller', '{} by-hand-1 job:tell all', false)"
USER = "INSERT INTO accounts_user (username, email, password) VALUES ($1, $1, 'a hash') RETURNING id"
POSTED = "SELECT count(*) FROM audit_entry"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
BEFORE = (
    "INSERT INTO accounts_user (username, email, password) VALUES ('ahab', 'ahab@example.com', '!')",
    "INSERT INTO accounts_group (name) VALUES ('a'), ('b')",
    "UPDATE accounts_user SET bio = 'of the Pequod'",
    "DELETE FROM accounts_group WHERE name = 'b'",
)
WHOLE = """
SELECT relation, key, operation, origin, before::text, after::text, person, personal_before::text, personal_after::text
FROM audit_trail ORDER BY position
"""
FORMERLY = """
SELECT relation, key, operation, origin, e.before::text, e.after::text, person, q.before::text, q.after::text
FROM audit_entry AS e LEFT JOIN audit_personal_pending AS q USING (position) ORDER BY position
"""


async def change_all_ways(raw: asyncpg.Connection, actor: UUID) -> None:
    """By somebody and by nobody, one row and many, with a key of one column and of two, of persons and of nobody."""
    await raw.execute("INSERT INTO accounts_group (name) SELECT 'group ' || n FROM generate_series(1, 3) AS n")
    await raw.execute(CALLED.format(actor))
    ann, bea = [await raw.fetchval(USER, name) for name in ("ann", "bea")]
    group = await raw.fetchval("UPDATE accounts_group SET name = 'Editors' WHERE name = 'group 1' RETURNING id")
    await raw.execute("INSERT INTO accounts_membership VALUES ($1, $3), ($2, $3)", ann, bea, group)
    await raw.execute("UPDATE accounts_user SET bio = username, password = 'another hash'")
    await raw.execute("UPDATE accounts_user SET email = 'ann@example.com', is_staff = true WHERE id = $1", ann)
    await raw.execute("UPDATE accounts_group SET id = $1 WHERE name = 'group 2'", uuid4())
    await raw.execute("SELECT set_config('litehouse.caller', '', false)")
    await raw.execute("DELETE FROM accounts_membership WHERE user_id = $1", bea)
    await raw.execute("DELETE FROM accounts_user WHERE id = $1", bea)
    await raw.execute("TRUNCATE accounts_grant")


async def test_it_reads_the_same_before_and_after(
    client: httpx.AsyncClient, raw: asyncpg.Connection, sign_in: Callable, seal: Seal, verified: Look
):
    root = await sign_in("root", is_superuser=True)

    async def entries() -> list[dict]:
        return (await client.get(f"{AUDIT}/entries", params={"limit": 100}, auth=root)).json()["items"]

    await change_all_ways(raw, root.id)
    written = await entries()
    assert await raw.fetchval(POSTED) == 0
    assert len({(one["table"], one["operation"]) for one in written}) == 10
    assert {one["origin"] for one in written} > {"job:tell all"}
    await seal()
    assert await entries() == written
    assert await raw.fetchval(POSTED) == len(written)
    found, progress = await verified()
    assert (found, progress.entries, progress.unsealed) == ([], len(written), 0)


@pytest.mark.parametrize("is_deleted_first", [True, False], ids=["deleted first", "posted first"])
async def test_a_person_who_is_deleted_meanwhile_leaves_nothing(
    raw: asyncpg.Connection, database_url: str, sign_in: Callable, seal: Seal, verified: Look, is_deleted_first: bool
):
    ahab = await sign_in("ahab")
    await raw.execute("UPDATE accounts_user SET bio = 'of the Pequod'")
    slow, other = await asyncpg.connect(database_url), await asyncpg.connect(database_url)
    delete = "DELETE FROM accounts_user WHERE id = $1"

    async def waiting(number: int) -> None:
        async with asyncio.timeout(20):
            while await raw.fetchval(WAITING) < number:
                await asyncio.sleep(0.01)

    async with asyncio.TaskGroup() as tasks, slow.transaction():
        if is_deleted_first:
            await raw.execute("INSERT INTO accounts_group (name) VALUES ('later')")  # sealed no earlier than his
            await slow.execute(delete, ahab.id)
            tasks.create_task(seal())
            await waiting(1)
        else:  # which is held up when it has the keys
            await slow.execute("LOCK TABLE audit_entry IN SHARE MODE")
            tasks.create_task(seal())
            await waiting(1)
            tasks.create_task(other.execute(delete, ahab.id))
            await waiting(2)
    for connection in (slow, other):
        await connection.close()
    await seal()
    texts = "".join(row[0] for row in await raw.fetch(WHERE_TEXT_IS))
    assert not [name for name in NAMES if name in texts]
    assert (await verified())[0] == []


async def test_who_is_nobody_s_word_holds_nothing_up(
    raw: asyncpg.Connection, recorded: Callable, seal: Seal, verified: Look
):
    for caller in ("bob - psql", "x" * 5_000, f"- {'x' * 5_000} by hand"):
        await raw.execute("SELECT set_config('litehouse.caller', $1, false)", caller)
        await raw.execute("INSERT INTO accounts_group (name) VALUES (uuidv7()::text)")
    await raw.execute("SELECT set_config('litehouse.caller', '', false)")
    whole = await recorded("actor, request_id, origin")
    assert [row[0] for row in whole] == [None] * 3
    assert whole[0][2] == "psql"
    await seal()
    assert await recorded("actor, request_id, origin") == whole
    assert (await verified())[0] == []


def test_the_way_back_leaves_what_was_not_posted(fresh_database_url: str):
    for statement in BEFORE:
        fetch(fresh_database_url, statement)
    whole = fetch(fresh_database_url, WHOLE)
    downgrade(fresh_database_url, "audit_0003")
    assert fetch(fresh_database_url, FORMERLY) == whole
    fetch(fresh_database_url, "UPDATE accounts_user SET bio = 'of Nantucket'")
    upgrade(fresh_database_url)
    assert len(fetch(fresh_database_url, WHOLE)) == len(whole) + 1 == 6

"""What was recorded is sealed whole, and whatever is done to it afterwards is found, by name."""

import asyncio
from functools import partial
from uuid import UUID

import asyncpg
import pytest
from litestar import Litestar

from app.domain.audit import posting, sealing
from app.domain.audit.persons import KEYS
from app.domain.audit.seals import SEALS
from app.platform.console import rotation
from app.platform.database.pools import Database
from app.platform.sealing import Seal as Keys
from app.platform.sealing import keys_of
from tests.domain.audit.conftest import GROUPS, Look, Seal, forge

USERS = "INSERT INTO accounts_user (username, email, password) SELECT n, n, '!' FROM unnest($1::text[]) AS n"


async def test_all_is_sealed_in_batches_and_found_whole(
    raw: asyncpg.Connection, seal: Seal, verified: Look, monkeypatch
):
    monkeypatch.setattr(posting, "BATCH", 4)
    monkeypatch.setattr(sealing, "BATCH", 4)
    await raw.execute(GROUPS, 1, 9)
    await seal()
    await raw.execute(GROUPS, 10, 10)
    await seal()
    faults, progress = await verified()
    assert (faults, progress.seals, progress.entries, progress.unsealed) == ([], 4, 10, 0)
    assert (await verified(progress.head))[0] == []


async def test_what_an_open_transaction_may_still_add_waits(
    raw: asyncpg.Connection, seal: Seal, verified: Look, database_url: str
):
    slow = await asyncpg.connect(database_url)
    try:
        async with slow.transaction():
            await slow.execute(GROUPS, 1, 1)  # its number, and its position, are the first
            await raw.execute(GROUPS, 2, 2)
            await seal(wholly=False)
            assert (await verified())[1].entries == 0
        await seal()
    finally:
        await slow.close()
    faults, progress = await verified()
    assert (faults, progress.entries) == ([], 2)


async def test_writers_and_sealers_at_once_lose_nothing(
    raw: asyncpg.Connection, seal: Seal, verified: Look, database_url: str
):
    async def write(first: int) -> None:
        raw = await asyncpg.connect(database_url)
        for number in range(first, first + 10):
            await raw.execute(GROUPS, number, number)
        await raw.close()

    async with asyncio.TaskGroup() as tasks:
        for writer in range(4):
            tasks.create_task(write(writer * 10))
        for _ in range(2):  # two workers
            tasks.create_task(seal(wholly=False))
    await seal()
    faults, progress = await verified()
    assert (faults, progress.entries, progress.unsealed) == ([], 40, 0)


ADDED = """
INSERT INTO audit_entry (xid, position, at, relation, key, operation, origin)
SELECT xid, {3} + 100, at, 'accounts_group', 'forged', 'delete', 'request' FROM audit_entry WHERE position = {2}
"""


@pytest.mark.parametrize(
    ("forgery", "told"),
    [
        ("UPDATE audit_entry SET actor = uuidv7() WHERE position = {2}", ["entry {2} (accounts_group {key2}"]),
        ("DELETE FROM audit_entry WHERE position = {2}", ["entry {2} is missing"]),
        (
            ADDED,
            ["(accounts_group forged: delete"],
        ),
        (
            ADDED.replace("xid, {3} + 100", "-1, -1"),
            ["(accounts_group forged: delete"],
        ),
        ("UPDATE audit_seal SET leaves = substr(leaves, 41), count = count - 1", ["its root is not", "entry {1} ("]),
        ("UPDATE audit_seal SET root = sha256('x')", ["seal 1: its root", "seal 1: it was changed"]),
        (
            "UPDATE audit_seal SET head = sha256('x')",
            ["seal 1: it was changed", "seal 1: it is not the one that the installation's secret vouches for"],
        ),
        ("UPDATE audit_seal SET mark = substr(mark, 1, 20) || sha256('x')", ["does not vouch for it"]),
        ("DELETE FROM audit_seal WHERE number = 1", ["seal 2: those from 1 to 1 are missing"]),
        (
            "UPDATE audit_seal SET part = 'auditlog_1999m01' WHERE number = 2",
            ["auditlog_1999m01, the part that it is over, is missing"],
        ),
    ],
    ids=["changed", "missing", "added", "added below", "leaves", "root", "head", "mark", "seal", "part"],
)
async def test_what_was_tampered_with_is_named(
    raw: asyncpg.Connection, seal: Seal, verified: Look, forgery: str, told: list[str]
):
    await raw.execute(GROUPS, 1, 3)
    await seal()
    await raw.execute(GROUPS, 4, 4)
    await seal()
    rows = await raw.fetch("SELECT position, key FROM audit_entry ORDER BY position")
    names = {"key2": rows[1][1]}
    numbers = [0, *(row[0] for row in rows)]
    await forge(raw, forgery.format(*numbers, **names))
    faults, _ = await verified()
    for one in told:
        assert any(one.format(*numbers, **names) in fault for fault in faults), (one, faults)


async def test_seals_that_were_taken_back_are_missed_by_who_noted_the_last_one(
    raw: asyncpg.Connection, seal: Seal, verified: Look
):
    await raw.execute(GROUPS, 1, 1)
    await seal()
    await raw.execute(GROUPS, 2, 2)
    await seal()
    head = (await verified())[1].head
    await forge(raw, "DELETE FROM audit_seal WHERE number = 2", "DELETE FROM audit_entry WHERE key <> ''")
    [fault, *_] = [one for one in (await verified(head))[0] if head in one]
    assert "taken back" in fault


async def test_a_new_secret_vouches_for_all_and_opens_the_keys(
    app: Litestar, database: Database, raw: asyncpg.Connection, seal: Seal, verified: Look
):
    await raw.execute(USERS, ["ann", "bea"])
    await seal()
    sealing, new = app.state.resources.sealing, "n" * 32
    former = await sealing.seal()
    keys = Keys([new, (await asyncio.to_thread(keys_of, app.state.settings))[0]])
    for column in (KEYS, SEALS):
        work = database.unit_of_work()
        _, count, faults = await work.run(partial(rotation._renew, work, keys, column, UUID(int=0)))
        assert (count > 0, faults) == (True, [])
    assert "does not vouch for it" in (await verified())[0][0]
    sealing._seal = Keys([new])
    try:
        assert (await verified())[0] == []
    finally:
        sealing._seal = former

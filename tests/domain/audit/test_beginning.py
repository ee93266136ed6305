"""A trail that was restored from another server is noticed, goes on when one says so, and is found whole or not."""

from datetime import date
from functools import partial

import asyncpg
import pytest
from litestar import Litestar
from structlog.testing import capture_logs

from app.domain.audit.beginning import begin_anew
from app.domain.audit.module import restored_here
from app.domain.audit.posting import post
from app.domain.audit.pruning import prune
from app.domain.audit.sealing import parts, seal_batch
from app.kit.errors import Conflict
from app.platform.database.pools import Database
from tests.domain.audit.conftest import GROUPS, Look, Seal, forge, job_work

AHEAD = 1_000_000_000  # transactions
UNSEALED_LONG_AGO = """
INSERT INTO audit_entry (xid, position, at, relation, key, operation, origin)
SELECT {xid}, {position}, now(), 'accounts_group', 'forged', 'delete', 'request'
"""


@pytest.fixture
async def restored(app: Litestar, database: Database, raw: asyncpg.Connection) -> list[int]:
    """Three entries of another server, the first two sealed there, and one made here; their positions."""
    await raw.execute(GROUPS, 1, 3)
    await forge(raw, f"UPDATE audit_journal SET xid = xid + {AHEAD}")
    positions = [row[0] for row in await raw.fetch("SELECT position FROM audit_trail ORDER BY 1")]
    work = job_work(app, database)
    opened = await app.state.resources.sealing.seal()

    async def seal_there() -> None:
        await post(work, opened)
        for part in await parts(work):
            await seal_batch(work, opened, part, 2 * AHEAD, positions[1])

    await work.run(seal_there)
    await raw.execute(GROUPS, 4, 4)
    return [row[0] for row in await raw.fetch("SELECT position FROM audit_trail ORDER BY 1")]


async def begin(app: Litestar, database: Database) -> int:
    work = database.unit_of_work()
    return await work.run(partial(begin_anew, work, await app.state.resources.sealing.seal()))


async def test_it_is_noticed_and_goes_on(
    app: Litestar,
    database: Database,
    raw: asyncpg.Connection,
    seal: Seal,
    verified: Look,
    restored: list[int],
):
    with capture_logs() as logged:
        await seal(wholly=False)
    assert ["just audit-begin-anew" in str(line.get("reason")) for line in logged] == [True]
    found, progress = await verified()
    assert "just audit-begin-anew" in found[0]
    assert [one for one in found[1:] if f"entry {restored[3]} " not in one] == []
    assert progress.entries == 2
    [told] = await restored_here(app.state.settings, database)
    assert "just audit-begin-anew" in told
    work = job_work(app, database)
    opened = await app.state.resources.sealing.seal()
    assert await work.run(partial(prune, work, opened, date(2999, 1, 1))) is None

    assert await begin(app, database) == 1
    await seal()
    await raw.execute(GROUPS, 5, 5)
    await seal()
    found, progress = await verified()
    assert (found, progress.entries, progress.unsealed) == ([], 5, 0)
    assert await restored_here(app.state.settings, database) == []
    with pytest.raises(Conflict):
        await begin(app, database)


@pytest.mark.parametrize("is_begun", [False, True], ids=["before", "after"])
async def test_what_was_changed_or_taken_away_is_found_before_and_after(
    app: Litestar,
    database: Database,
    raw: asyncpg.Connection,
    seal: Seal,
    verified: Look,
    restored: list[int],
    is_begun: bool,
):
    if is_begun:
        await begin(app, database)
        await seal()
    await forge(
        raw,
        f"UPDATE audit_entry SET key = 'forged' WHERE position = {restored[0]}",
        f"DELETE FROM audit_entry WHERE position = {restored[1]}",
    )
    found, _ = await verified()
    assert [one for one in found if f"entry {restored[0]} (accounts_group forged" in one and "was changed" in one]
    assert [one for one in found if f"entry {restored[1]} is missing" in one]


async def test_nothing_is_put_among_what_either_server_counted(
    app: Litestar, database: Database, raw: asyncpg.Connection, seal: Seal, verified: Look, restored: list[int]
):
    await begin(app, database)
    await seal()
    first = restored[0] - 1
    for xid, position in ((AHEAD + 1, first), (3 * AHEAD, first - 1), (4, restored[3] + 100)):
        await raw.execute(UNSEALED_LONG_AGO.format(xid=xid, position=position))
        found, _ = await verified()
        assert [one for one in found if f"entry {position} (accounts_group forged" in one and "was added" in one]

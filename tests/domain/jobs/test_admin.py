"""Jobs and schedules at the admin site: who manages jobs sees all and why they failed, others their own."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import asyncpg
import pytest
from litestar import Litestar

from app.domain.jobs.policies import MANAGE_JOBS
from app.kit.identity import Viewer
from app.platform.database.pools import Database
from app.platform.jobs.declaration import Job, job
from app.platform.module import Module
from tests.conftest import Aside
from tests.domain.admin.conftest import Browser, staff

__all__ = ["staff"]

Enter = Callable[..., Awaitable[Browser]]
GIVE_UP = """
UPDATE platform_job SET state = 'dead', attempts = 5, ended_at = now(),
    error = E'Traceback\\n  in the boiler room\\nOSError: no\\n' WHERE id = $1
"""
LATE = "INSERT INTO platform_schedule VALUES ('accounts.clear_sessions', '1 3 * * *', now() - interval '1 h', NULL)"


@job()
async def stoke(work, boiler: int) -> None: ...


@job()
async def rake(work, boiler: int) -> None: ...


@pytest.fixture
def offered(app: Litestar, monkeypatch: pytest.MonkeyPatch) -> None:
    """One asks for fire, and not for what follows from it."""
    ours = Module(name="jobs", summary="", jobs=[stoke, rake], on_request=[stoke])
    monkeypatch.setattr(app.state, "modules", [*app.state.modules, ours])


@pytest.fixture
async def connection(aside: Aside) -> asyncpg.Connection:
    return await aside.connection()


@pytest.fixture
def enqueue(database: Database, offered: None) -> Callable[..., Awaitable[UUID]]:
    async def enqueue(user: UUID | None = None, what: Job = stoke) -> UUID:
        work = database.unit_of_work(Viewer(user))
        return await work.run(lambda: work.enqueue(what(boiler=1)))

    return enqueue


async def states(connection: asyncpg.Connection) -> list[str]:
    return [row["state"] for row in await connection.fetch("SELECT state FROM platform_job ORDER BY id")]


async def test_who_manages_jobs_sees_why_they_failed_and_has_them_tried_anew(
    staff: Enter, enqueue, connection, statements
):
    manager = await staff(MANAGE_JOBS)
    dead = [await enqueue(), await enqueue()]
    for one in dead:
        await connection.execute(GIVE_UP, one)
    with statements(at_most=5):
        shown = await manager.page("/-/jobs?state=dead")
    assert "OSError: no" in shown
    assert "boiler room" not in shown
    assert "2 jobs were given up" in await manager.page("/")
    page = f"/-/jobs?job={dead[0]}"
    with statements(at_most=4):
        assert "in the boiler room" in await manager.page(page)
    assert "is tried anew" in await manager.deed(page, "retry", job=dead[0])
    assert "1 job is tried anew" in await manager.deed("/-/jobs", "retry_all")
    assert await states(connection) == ["waiting", "waiting"]
    assert "is cancelled" in await manager.deed(page, "cancel", job=dead[0])
    assert 'role="alert"' in await manager.deed(page, "cancel", job=dead[0])
    assert await states(connection) == ["cancelled", "waiting"]


async def test_others_see_how_far_their_own_are(staff: Enter, enqueue, connection):
    somebody = await staff()
    me = await connection.fetchval("SELECT user_id FROM accounts_token WHERE is_session")
    mine, other, follows = await enqueue(me), await enqueue(), await enqueue(me, rake)
    await connection.execute("UPDATE platform_job SET step = 30, total = 120")
    shown = await somebody.page(f"/-/jobs?job={mine}")
    assert "30 / 120" in shown
    assert "every 2s" in shown
    await connection.execute(GIVE_UP, mine)
    shown = await somebody.page(f"/-/jobs?job={mine}")
    assert "OSError" not in shown
    assert "every 2s" not in shown
    await somebody.page(f"/-/jobs?job={other}", 404)
    await somebody.page("/-/jobs?job=none", 404)
    assert str(other) not in await somebody.page("/-/jobs")
    assert str(follows) not in await somebody.page("/-/jobs")
    for one in (other, follows):
        assert "not found" in await somebody.deed("/-/jobs", "cancel", job=one)
    await somebody.deed("/-/jobs", "retry_all", 404)
    assert await states(connection) == ["dead", "waiting", "waiting"]


async def test_a_list_goes_on(staff: Enter, connection):
    manager = await staff(MANAGE_JOBS)
    await connection.execute(
        "INSERT INTO platform_job (name, queue, arguments, tries) SELECT 'ship.sail_' || n, 2, '{}', 1"
        " FROM generate_series(1, 60) AS n"
    )
    shown = await manager.page("/-/jobs")
    assert "ship.sail_11<" in shown
    assert "ship.sail_10<" not in shown
    onward = shown.partition("?after=")[2].partition('"')[0]
    assert "ship.sail_10<" in await manager.page(f"/-/jobs?after={onward}")
    await manager.page("/-/jobs?after=nothing", 422)


async def test_schedules_tell_when_and_what_is_late(staff: Enter, connection, statements):
    manager, nobody = await staff(MANAGE_JOBS), await staff()
    await nobody.page("/-/schedules", 404)
    await connection.execute(LATE)
    await connection.execute("INSERT INTO platform_schedule VALUES ('gone.with_the_wind', '1 3 * * *', now(), now())")
    with statements(at_most=3):
        shown = await manager.page("/-/schedules")
    for text in ("accounts.clear_sessions", "1 3 * * *", ">late<", "no module offers it any more"):
        assert text in shown
    assert "1 schedule is late" in await manager.page("/")

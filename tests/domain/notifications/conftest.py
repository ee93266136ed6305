"""Kinds of the tests' own, which some module offers, and how a user is told of them."""

from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import httpx
import pytest
from litestar import Litestar

from app.domain.notifications.services import notify
from app.kit.news import Kind, News
from app.platform.database.pools import Database
from app.platform.module import Module
from tests.conftest import Aside, SignedIn

SIGHTED = Kind("whales.sighted", "A whale was sighted")
SUNG = Kind("whales.sung", "A whale sang", inbox=False, mail="digest")

TAKE = "DELETE FROM platform_job WHERE name = ANY($1) RETURNING name, arguments"

Tell = Callable[..., Awaitable[UUID]]


@pytest.fixture(autouse=True)
def whales(app: Litestar, monkeypatch: pytest.MonkeyPatch) -> None:
    """No other module tells of anything."""
    monkeypatch.setattr(app.state, "modules", [Module(name="whales", summary="Whales", kinds=[SIGHTED, SUNG])])


@pytest.fixture
def tell(database: Database) -> Tell:
    """Tell a user of something; returns what it was caused by."""

    async def tell(
        user: SignedIn, kind: Kind = SIGHTED, text: str = "saw a whale", *, cause: UUID | None = None, **news: object
    ) -> UUID:
        work, cause = database.unit_of_work(), cause or uuid4()
        await work.run(lambda: notify(work, user.id, kind, cause, News(text, **news)))
        return cause

    return tell


@pytest.fixture
def choose(client: httpx.AsyncClient) -> Callable[..., Awaitable[httpx.Response]]:
    """Have a user choose channels for a kind."""

    async def choose(who: SignedIn, kind: Kind, **choice: object) -> httpx.Response:
        return await client.put(f"/api/v1/notifications/preferences/{kind.name}", json=choice, auth=who)

    return choose


@pytest.fixture
def verified(sign_in: Callable, aside: Aside) -> Callable[[str], Awaitable[SignedIn]]:
    """A user who has confirmed their address."""

    async def verified(name: str) -> SignedIn:
        user = await sign_in(name)
        connection = await aside.connection()
        await connection.execute("UPDATE accounts_user SET email_verified_at = now() WHERE id = $1", user.id)
        return user

    return verified


@pytest.fixture
def work_off(database: Database, do: Callable, aside: Aside) -> Callable[..., Awaitable[list[str]]]:
    """Do all of these jobs that waits, whenever it is due, and what that leaves; the names of what was done."""

    async def work_off(*jobs) -> list[str]:
        known, done, connection = {job.name: job for job in jobs}, [], await aside.connection()
        while rows := await connection.fetch(TAKE, list(known)):
            for row in rows:
                job = known[row["name"]]
                await do(job, **job.bound(row["arguments"]))
                done.append(row["name"])
        return done

    return work_off

"""Whose a token is: by one statement, written aside, and nobody's once it has ended."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import asyncpg
import httpx
import pytest

from app.domain.accounts import authentication
from app.domain.accounts.authentication import Authentication
from app.domain.accounts.models import User
from app.domain.accounts.tokens import digest_of, new_token
from app.main import create_app
from app.platform.database.pools import Database
from config.settings import Settings
from tests.domain.accounts.doors import ME, TOKENS
from tests.domain.accounts.factories import TokenFactory, UserFactory


@pytest.fixture
def authenticate(settings: Settings) -> Authentication:
    """The authenticator of a process of its own."""
    return Authentication(settings)


@pytest.mark.parametrize("is_superuser", [False, True], ids=["user", "superuser"])
@pytest.mark.parametrize("scopes", [None, ["signed_in"]], ids=["unlimited", "limited"])
async def test_a_token_is_its_users(
    database: Database, authenticate: Authentication, statements: Callable, is_superuser: bool, scopes: list[str] | None
) -> None:
    user = await UserFactory.saved(database, is_superuser=is_superuser)
    token = await TokenFactory.clear_for(database, user, scopes=scopes)
    await TokenFactory.clear_for(database, await UserFactory.saved(database))

    with statements(at_most=1) as sent:
        viewer = await authenticate(database.reader(), token)

    assert viewer is not None
    assert (viewer.id, viewer.is_superuser) == (user.id, is_superuser)
    assert viewer.scopes == (None if scopes is None else {"signed_in"})
    assert viewer.credential is not None
    assert sent[0].startswith("SELECT")


async def test_a_token_that_was_never_given_out_is_nobodys(database: Database, authenticate: Authentication) -> None:
    assert await authenticate(database.reader(), new_token()) is None


async def test_what_is_no_token_costs_no_statement(
    database: Database, authenticate: Authentication, statements: Callable
) -> None:
    with statements(at_most=0):
        assert await authenticate(database.reader(), "x" * 46) is None


@pytest.mark.parametrize(
    ("idle", "left", "is_known"),
    [
        pytest.param(timedelta(), timedelta(seconds=-1), False, id="expired"),
        pytest.param(timedelta(days=29), timedelta(days=1), True, id="used within the idle days"),
        pytest.param(timedelta(days=30, minutes=1), timedelta(days=1), True, id="the last use may not be written yet"),
        pytest.param(timedelta(days=30, minutes=3), timedelta(days=1), False, id="idle"),
    ],
)
async def test_a_token_ends_by_its_time_and_by_lying_idle(
    database: Database, authenticate: Authentication, idle: timedelta, left: timedelta, is_known: bool
) -> None:
    user, now = await UserFactory.saved(database), datetime.now(UTC)
    token = await TokenFactory.clear_for(database, user, last_used_at=now - idle, expires_at=now + left)
    assert (await authenticate(database.reader(), token) is not None) is is_known


async def test_a_token_of_a_user_who_is_not_active_is_nobodys(database: Database, authenticate: Authentication) -> None:
    token = await TokenFactory.clear_for(database, await UserFactory.saved(database, is_active=False))
    assert await authenticate(database.reader(), token) is None


# The last use


async def last_use(database: Database, token: str) -> datetime:
    rows = await database.reader().fetch(
        "SELECT last_used_at FROM accounts_token WHERE digest = $1", (digest_of(token),)
    )
    return rows[0][0]


async def aged(database: Database, user: User) -> str:
    """A token that was used yesterday."""
    return await TokenFactory.clear_for(database, user, last_used_at=datetime.now(UTC) - timedelta(days=1))


async def test_last_uses_are_written_together_and_aside(
    database: Database, authenticate: Authentication, statements: Callable
) -> None:
    user = await UserFactory.saved(database)
    used, unused = [await aged(database, user) for _ in range(3)], await aged(database, user)
    before = datetime.now(UTC)
    with statements(at_most=6) as asked:
        for token in used * 2:
            await authenticate(database.reader(), token)
    assert all(statement.startswith("SELECT") for statement in asked)

    with statements(at_most=3) as sent:
        await authenticate.write(database)
    with statements(at_most=0):
        await authenticate.write(database)

    assert [statement for statement in sent if "UPDATE" in statement] == [authentication.WRITE]
    assert all([before <= await last_use(database, token) <= datetime.now(UTC) for token in used])
    assert await last_use(database, unused) < before


async def test_many_last_uses_are_written_in_batches(
    database: Database, authenticate: Authentication, statements: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authentication, "WRITTEN_AT_ONCE", 2)
    user, before = await UserFactory.saved(database), datetime.now(UTC)
    tokens = [await aged(database, user) for _ in range(5)]
    for token in tokens:
        await authenticate(database.reader(), token)
    with statements() as sent:
        await authenticate.write(database)
    assert len([statement for statement in sent if "UPDATE" in statement]) == 3
    assert all([await last_use(database, token) >= before for token in tokens])


async def test_a_later_use_that_another_worker_wrote_stays(
    database: Database, authenticate: Authentication, database_url: str
) -> None:
    token = await aged(database, await UserFactory.saved(database))
    await authenticate(database.reader(), token)
    later = datetime.now(UTC) + timedelta(seconds=5)
    elsewhere = await asyncpg.connect(database_url)
    await elsewhere.execute("UPDATE accounts_token SET last_used_at = $1", later)
    await elsewhere.close()
    await authenticate.write(database)
    assert await last_use(database, token) == later


async def test_two_workers_that_write_the_same_tokens_do_not_wait_for_each_other(
    database: Database, settings: Settings
) -> None:
    user, before = await UserFactory.saved(database), datetime.now(UTC)
    tokens = [await aged(database, user) for _ in range(200)]
    forwards, backwards = Authentication(settings), Authentication(settings)
    for one, two in zip(tokens, reversed(tokens), strict=True):
        await forwards(database.reader(), one)
        await backwards(database.reader(), two)
    async with asyncio.TaskGroup() as group:
        group.create_task(forwards.write(database))
        group.create_task(backwards.write(database))
    assert all([await last_use(database, token) >= before for token in tokens])


async def test_what_could_not_be_written_is_written_later(
    database: Database, authenticate: Authentication, database_url: str
) -> None:
    token, before = await aged(database, await UserFactory.saved(database)), datetime.now(UTC)
    await authenticate(database.reader(), token)
    elsewhere = await asyncpg.connect(database_url)
    await elsewhere.execute("ALTER TABLE accounts_token RENAME TO hidden")
    try:
        with pytest.raises(asyncpg.UndefinedTableError):
            await authenticate.write(database)
    finally:
        await elsewhere.execute("ALTER TABLE hidden RENAME TO accounts_token")
        await elsewhere.close()
    await authenticate.write(database)
    assert await last_use(database, token) >= before


async def test_last_uses_are_written_now_and_then_and_at_the_end(
    database: Database, authenticate: Authentication, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authentication, "WRITTEN_EVERY", 0.01)
    user, before = await UserFactory.saved(database), datetime.now(UTC)
    first, last = await aged(database, user), await aged(database, user)
    async with authenticate.lifespan(database):
        await authenticate(database.reader(), first)
        async with asyncio.timeout(30):
            while await last_use(database, first) < before:
                await asyncio.sleep(0.01)
    monkeypatch.setattr(authentication, "WRITTEN_EVERY", 3600.0)
    async with authenticate.lifespan(database):
        await authenticate(database.reader(), last)
    assert await last_use(database, last) >= before


# Other workers


@pytest.mark.parametrize("path", ["", "/others", "/{token}"], ids=["everywhere", "all others", "by id"])
async def test_what_is_revoked_in_one_worker_has_ended_in_another_within_a_second(
    client: httpx.AsyncClient, settings: Settings, database: Database, sign_in: Callable, path: str
) -> None:
    me = await sign_in()
    lost = {"Authorization": f"Bearer {await TokenFactory.clear_for(database, User(id=me.id))}"}
    token = (await client.get(TOKENS, auth=me)).json()["items"][0]["id"]
    other = create_app(settings)
    async with other.lifespan(), httpx.AsyncClient(transport=httpx.ASGITransport(other), base_url="http://b") as worker:
        assert (await worker.get(ME, headers=lost)).status_code == 200
        assert (await client.delete(TOKENS + path.format(token=token), auth=me)).status_code == 204
        revoked_at = asyncio.get_running_loop().time()
        asked = revoked_at
        while (answer := await worker.get(ME, headers=lost)).status_code == 200:
            assert asked < revoked_at + 1.0
            await asyncio.sleep(0.02)
            asked = asyncio.get_running_loop().time()
        assert answer.status_code == 401

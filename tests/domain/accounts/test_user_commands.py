"""What admins type about who is let in."""

import asyncio
from collections.abc import Callable

import click
import httpx
import pytest
from litestar import Litestar

from app.domain.accounts.user_commands import user_activate, user_deactivate, user_unlock
from app.platform.database.pools import Database
from config.rates import Rate
from tests.conftest import SignedIn
from tests.domain.accounts.doors import ME, TOKENS
from tests.domain.accounts.factories import PASSWORD, UserFactory


@pytest.fixture
def guess(client: httpx.AsyncClient, app: Litestar, monkeypatch: pytest.MonkeyPatch) -> Callable:
    """Try to sign in, where three failures are one too many from an address, and four from everywhere."""
    security = app.state.settings.security
    monkeypatch.setitem(security.__dict__, "sign_in_limit", Rate(3, 3600))
    monkeypatch.setitem(security.__dict__, "sign_in_account_limit", Rate(4, 3600))

    async def status(email: str, password: str = "a wrong guess") -> int:
        return (await client.post(TOKENS, json={"email": email, "password": password})).status_code

    return status


async def test_a_lockout_is_ended_and_that_of_others_stays(
    type_in: Callable, guess: Callable, database: Database
) -> None:
    ann = await UserFactory.saved(database, username="Ann", email="Ann.Smith@example.com")
    bea = await UserFactory.saved(database)
    for user in (ann, bea):
        assert [await guess(user.email) for _ in range(3)] == [401] * 3
        assert await guess(user.email, PASSWORD) == 429

    result = await type_in(user_unlock, "ann")

    assert (result.exit_code, result.output) == (0, "ann can sign in again.\n")
    assert await guess(ann.email, PASSWORD) == 201
    assert await guess(bea.email, PASSWORD) == 429
    assert [await guess(ann.email) for _ in range(4)] == [401] * 3 + [429], "it is counted anew"


async def test_a_lockout_by_name_is_ended_too(type_in: Callable, guess: Callable, database: Database) -> None:
    await UserFactory.saved(database, username="ann")
    assert [await guess("ann") for _ in range(4)] == [401] * 3 + [429]
    assert (await type_in(user_unlock, "ann")).output == "ann can sign in again.\n"
    assert await guess("ann", PASSWORD) == 201


async def test_a_lockout_from_everywhere_is_ended_too(
    type_in: Callable, guess: Callable, client: httpx.AsyncClient, database: Database
) -> None:
    ann = await UserFactory.saved(database, username="ann")
    transport = client._transport
    for host in ("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"):
        transport.client = (host, 4711)  # ty: ignore[unresolved-attribute]
        assert await guess(ann.email) == 401
    transport.client = ("192.0.2.5", 4711)  # ty: ignore[unresolved-attribute]
    assert await guess(ann.email, PASSWORD) == 429
    assert (await type_in(user_unlock, "ann")).exit_code == 0
    assert await guess(ann.email, PASSWORD) == 201


async def test_who_was_not_locked_out_is_said_to_be_so(type_in: Callable, database: Database) -> None:
    await UserFactory.saved(database, username="ann")
    result = await type_in(user_unlock, "ann")
    assert (result.exit_code, result.output) == (0, "ann was not locked out: no failed sign-in was counted.\n")


async def test_a_user_is_kept_out_and_let_in_again(
    type_in: Callable, client: httpx.AsyncClient, database: Database, sign_in: Callable
) -> None:
    ann = await sign_in("Ann")
    kept_out = await type_in(user_deactivate, "ann")
    assert kept_out.output == "ann is not active any more, and is signed out everywhere.\n"
    assert (await client.get(ME, auth=ann)).status_code == 401
    assert (await type_in(user_activate, "ann")).output == "ann is active.\n"
    assert (await client.get(ME, auth=ann)).status_code == 401, "the token has ended for good"
    rows = await database.reader().fetch("SELECT is_active FROM accounts_user", ())
    assert [row[0] for row in rows] == [True]


async def test_the_last_active_superuser_stays(type_in: Callable, sign_in: Callable) -> None:
    for name in ("ann", "bea"):
        await sign_in(name, is_superuser=True)
    assert (await type_in(user_deactivate, "bea")).exit_code == 0
    last = await type_in(user_deactivate, "ann")
    assert (last.exit_code, last.output) == (1, "Error: user: is the last active superuser\n")
    assert (await type_in(user_deactivate, "bea")).exit_code == 0, "who is not active any more is not the last"


async def test_of_two_superusers_who_are_kept_out_at_once_one_stays(
    type_in: Callable, sign_in: Callable, client: httpx.AsyncClient
) -> None:
    both: list[SignedIn] = [await sign_in(name, is_superuser=True) for name in ("ann", "bea")]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(type_in(user_deactivate, one.username)) for one in both]
    assert sorted(task.result().exit_code for task in tasks) == [0, 1]
    assert sorted([(await client.get(ME, auth=one)).status_code for one in both]) == [200, 401]


@pytest.mark.parametrize("command", [user_unlock, user_activate, user_deactivate], ids=lambda one: one.name)
async def test_an_unknown_user_is_said_in_words(type_in: Callable, command: click.Command) -> None:
    result = await type_in(command, "nobody")
    assert (result.exit_code, result.output) == (1, "Error: user: not found\n")

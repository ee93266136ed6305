"""What others hear of accounts: one event where each thing happens, within its transaction, and no secret in any."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from app.domain.accounts.commands import changepassword, createsuperuser
from app.platform.database.pools import Database
from config.settings import Settings
from tests.conftest import Outbox
from tests.domain.accounts.doors import LINKS, ME, TOKENS, USERS, bearer
from tests.domain.accounts.factories import PASSWORD, SignUpFactory, UserFactory
from tests.domain.accounts.links import NEW, ask, follow

REGISTERED, SIGNED_IN, CHANGED, DELETED = (
    f"accounts.{name}" for name in ("user_registered", "user_signed_in", "password_changed", "user_deleted")
)


@pytest.fixture
def told(database: Database) -> Callable:
    """What was told since it was asked last: name and payload of each, all about this user."""
    heard: list[Any] = []

    async def told(user: object) -> list[tuple[str, dict[str, Any]]]:
        rows = await database.reader().fetch("SELECT name, subject, payload FROM platform_outbox ORDER BY id", ())
        new = rows[len(heard) :]
        heard.extend(new)
        assert {row["subject"] for row in new} <= {f"user:{user}"}
        return [(row["name"], row["payload"]) for row in new]

    return told


@pytest.mark.parametrize("by_link", [False, True], ids=["at once", "by a link"])
async def test_who_signs_up_is_registered_and_signed_in(
    client: httpx.AsyncClient, outbox: Outbox, told: Callable, by_link: bool
) -> None:
    body = SignUpFactory.body()
    if by_link:
        await ask(client, "join", body["email"])
        secret = outbox.token(body["email"])
        made = (await follow(client, "join", secret, username="ann", password=PASSWORD)).json()
    else:
        made = (await client.post(USERS, json=body)).json()
    user = made["user"]["id"]
    assert await told(user) == [
        (REGISTERED, {"userId": user}),
        (SIGNED_IN, {"userId": user, "tokenId": made["id"], "isSession": False}),
    ]
    assert (await client.post(USERS, json=body | {"username": "ann"})).status_code == 409
    assert await told(user) == []


@pytest.mark.parametrize("is_session", [False, True], ids=["token", "session"])
async def test_a_sign_in_is_told_and_a_failed_one_is_not(
    client: httpx.AsyncClient, database: Database, told: Callable, is_session: bool
) -> None:
    user = await UserFactory.saved(database)
    door, ours = ("/api/v1/accounts/session" if is_session else TOKENS), {"Sec-Fetch-Site": "same-origin"}
    wrong = await client.post(door, json={"email": user.email, "password": "a wrong guess"}, headers=ours)
    assert (wrong.status_code, await told(user.id)) == (401, [])
    made = (await client.post(door, json={"email": user.email, "password": PASSWORD}, headers=ours)).json()
    expected = {"userId": str(user.id), "tokenId": made["id"], "isSession": is_session}
    assert await told(user.id) == [(SIGNED_IN, expected)]


async def test_who_is_asked_for_a_second_factor_is_not_signed_in_yet(
    client: httpx.AsyncClient, database: Database, told: Callable
) -> None:
    user = await UserFactory.saved(database, has_second_factor=True)
    answer = await client.post(TOKENS, json={"email": user.email, "password": PASSWORD})
    assert (answer.status_code, await told(user.id)) == (202, [])


async def test_a_new_password_and_the_end_of_an_account_are_told(
    client: httpx.AsyncClient, outbox: Outbox, database: Database, told: Callable
) -> None:
    user = await UserFactory.saved(database)
    made = (await client.post(TOKENS, json={"email": user.email, "password": PASSWORD})).json()
    await told(user.id)

    await client.patch(ME, json={"bio": "I sail."}, headers=bearer(made["token"]))
    assert await told(user.id) == []
    await client.patch(ME, json={"password": NEW}, headers=bearer(made["token"]))
    assert await told(user.id) == [(CHANGED, {"userId": str(user.id)})]
    await ask(client, "reset", user.email)
    assert (await follow(client, "reset", outbox.token(user.email), password=PASSWORD)).status_code == 204
    assert await told(user.id) == [(CHANGED, {"userId": str(user.id)})]
    made = (await client.post(TOKENS, json={"email": user.email, "password": PASSWORD})).json()
    await told(user.id)
    gone = await client.post(f"{ME}/deletion", json={"password": PASSWORD}, headers=bearer(made["token"]))
    assert (gone.status_code, await told(user.id)) == (204, [(DELETED, {"userId": str(user.id)})])
    assert (await client.post(f"{LINKS}/verify/follow", json={"token": "x"})).status_code == 410


async def test_what_admins_type_is_told_too(database: Database, settings: Settings, told: Callable) -> None:
    async def type_in(command: Any, *arguments: str) -> None:
        given = [*arguments, "--password-stdin"]
        result = await asyncio.to_thread(CliRunner().invoke, command, given, obj=settings, input=f"{PASSWORD}\n")
        assert result.exit_code == 0, result.output

    await type_in(createsuperuser, "--username", "root", "--email", "root@example.com")
    [row] = await database.reader().fetch("SELECT id FROM accounts_user", ())
    assert await told(row[0]) == [(REGISTERED, {"userId": str(row[0])})]
    await type_in(changepassword, "root")
    assert await told(row[0]) == [(CHANGED, {"userId": str(row[0])})]

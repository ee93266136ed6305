"""Signing in makes a token, tells nobody who has an account, and keeps nobody else waiting."""

import asyncio
from collections.abc import Callable
from unittest.mock import create_autospec

import httpx
import pytest
from litestar import Litestar
from pwdlib import PasswordHash

from app.platform import passwords
from app.platform.database.pools import Database
from app.platform.passwords import PasswordHasher
from tests.domain.accounts.doors import ME, TOKENS, bearer
from tests.domain.accounts.factories import PASSWORD, TokenFactory, UserFactory
from tests.domain.accounts.gate import Gate


async def test_signing_in_makes_another_token(client: httpx.AsyncClient, database: Database) -> None:
    user = await UserFactory.saved(database, email="ann@example.com")
    first = await TokenFactory.clear_for(database, user)

    answer = await client.post(TOKENS, json={"email": " ANN@example.com", "password": PASSWORD})

    assert answer.status_code == 201
    made = answer.json()
    assert answer.headers["location"] == f"{TOKENS}/{made['id']}"
    assert answer.headers["cache-control"] == "no-store"
    assert made["user"]["id"] == str(user.id)
    for token in (first, made["token"]):
        assert (await client.get(ME, headers=bearer(token))).status_code == 200


@pytest.mark.parametrize("scheme", ["Bearer", "Token", "bearer"])
async def test_a_token_is_known_by_either_scheme(client: httpx.AsyncClient, sign_in: Callable, scheme: str) -> None:
    user = await sign_in()
    answer = await client.get(ME, headers={"Authorization": f"{scheme} {user.token}"})
    assert (answer.status_code, answer.json()["username"]) == (200, user.username)


async def test_a_wrong_password_and_an_unknown_address_are_told_the_same(
    client: httpx.AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = await UserFactory.saved(database)
    idle = await UserFactory.saved(database, is_active=False)
    locked = await UserFactory.saved(database, password="!")
    verify = create_autospec(PasswordHash.verify, side_effect=PasswordHash.verify)
    monkeypatch.setattr(PasswordHash, "verify", verify)

    answers = [
        await client.post(TOKENS, json={"email": email, "password": password})
        for email, password in [
            (known.email, "wrong password"),
            ("nobody@example.com", PASSWORD),
            (idle.email, PASSWORD),
            (locked.email, "!"),
        ]
    ]

    assert [answer.status_code for answer in answers] == [401] * 4
    assert answers[0].json()["errors"] == {"credentials": ["invalid"]}
    assert len({tuple(answer.headers.keys()) for answer in answers}) == 1
    assert len({answer.content.replace(answer.json()["requestId"].encode(), b"") for answer in answers}) == 1
    # Whoever the address belongs to, one hash is worked out: a fast answer would tell that it is nobody's.
    assert [call.args[2] for call in verify.call_args_list] == [known.password, *3 * [passwords.NOBODYS]]


@pytest.mark.parametrize(
    ("body", "blank"),
    [
        ({"email": "", "password": PASSWORD}, {"email"}),
        ({"email": "ann@example.com", "password": " "}, {"password"}),
        ({"email": "\t", "password": ""}, {"email", "password"}),
        ({}, {"email", "password"}),
    ],
    ids=["address", "password", "both", "missing"],
)
async def test_blank_credentials_are_refused(client: httpx.AsyncClient, body: dict[str, str], blank: set[str]) -> None:
    answer = await client.post(TOKENS, json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"] == {field: ["can't be blank"] for field in blank}


async def test_a_flood_of_sign_ins_leaves_others_answering(
    app: Litestar, client: httpx.AsyncClient, sign_in: Callable, gate: Gate, hasher: PasswordHasher
) -> None:
    me = await sign_in()
    async with asyncio.TaskGroup() as group:
        body = {"email": me.email, "password": "wrong password"}
        flood = [group.create_task(client.post(TOKENS, json=body)) for _ in range(10)]
        await gate.arrival()
        refused = await _first(8, flood)

        assert (await client.get(ME, auth=me)).status_code == 200
        # Neither the one whose password is being hashed nor the one who waits holds a connection.
        assert app.state.database.write.gauges()["in_use"] == app.state.database.read.gauges()["in_use"] == 0
        gate.open()

    assert all(answer.status_code == 503 and int(answer.headers["retry-after"]) > 0 for answer in refused)
    assert sorted(task.result().status_code for task in flood) == [401] * 2 + [503] * 8


async def _first(count: int, tasks: list[asyncio.Task[httpx.Response]]) -> list[httpx.Response]:
    """The first answers; the others are still awaited."""
    ended: set[asyncio.Task[httpx.Response]] = set()
    while len(ended) < count:
        done, _ = await asyncio.wait(set(tasks) - ended, return_when=asyncio.FIRST_COMPLETED)
        ended |= done
    return [task.result() for task in ended]

"""Tokens are listed to whom they are of, in slices, and ended one by one or all at once."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest

from app.domain.accounts.models import User
from app.platform.database.pools import Database
from tests.domain.accounts.doors import ME, TOKENS, bearer
from tests.domain.accounts.factories import TokenFactory


@pytest.mark.parametrize("count", [1, 100], ids="{} tokens".format)
async def test_tokens_are_listed_by_one_statement(
    client: httpx.AsyncClient, database: Database, sign_in: Callable, statements: Callable, count: int
) -> None:
    me = await sign_in()
    for _ in range(count - 1):
        await TokenFactory.clear_for(database, User(id=me.id))

    with statements(at_most=2):  # one of them says whose the token is
        answer = await client.get(TOKENS, params={"limit": 100}, auth=me)

    items = answer.json()["items"]
    assert (len(items), answer.json()["next"]) == (count, None)
    assert [item["current"] for item in items] == [False] * (count - 1) + [True]
    known = {"id", "name", "device", "scopes", "isSession", "createdAt", "expiresAt", "lastUsedAt", "current"}
    assert items[0].keys() == known


async def test_tokens_that_have_expired_and_those_of_others_are_not_listed(
    client: httpx.AsyncClient, database: Database, sign_in: Callable
) -> None:
    me = await sign_in()
    await sign_in()
    await TokenFactory.clear_for(database, User(id=me.id), expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert [item["current"] for item in (await client.get(TOKENS, auth=me)).json()["items"]] == [True]


async def test_tokens_are_listed_in_slices_without_gaps(
    client: httpx.AsyncClient, database: Database, sign_in: Callable
) -> None:
    me, other = await sign_in(), await sign_in()
    for user in (me, other):
        for _ in range(6):
            await TokenFactory.clear_for(database, User(id=user.id))
    whole = [item["id"] for item in (await client.get(TOKENS, auth=me)).json()["items"]]

    seen, after = [], {}
    while after is not None:
        answer = (await client.get(TOKENS, params={"limit": 3, **after}, auth=me)).json()
        await TokenFactory.clear_for(database, User(id=me.id))  # newer than all that were asked for
        seen += [item["id"] for item in answer["items"]]
        after = answer["next"] and {"after": answer["next"]}

    assert len(whole) == 7
    assert seen == whole


@pytest.mark.parametrize(
    ("query", "pointer"),
    [("limit=0", "query:limit"), ("limit=101", "query:limit"), ("limit=x", "query:limit"), ("after=x", "query:after")],
    ids=["none", "too many", "no number", "no cursor"],
)
async def test_a_slice_that_cannot_be_is_refused(
    client: httpx.AsyncClient, sign_in: Callable, query: str, pointer: str
) -> None:
    answer = await client.get(f"{TOKENS}?{query}", auth=await sign_in())
    assert (answer.status_code, answer.json()["violations"][0]["pointer"]) == (422, pointer)


async def test_a_token_of_ones_own_can_be_ended_by_its_id(
    client: httpx.AsyncClient, database: Database, sign_in: Callable
) -> None:
    me = await sign_in()
    lost = await TokenFactory.clear_for(database, User(id=me.id))
    newest = (await client.get(TOKENS, auth=me)).json()["items"][0]["id"]

    assert (await client.delete(f"{TOKENS}/{newest}", auth=me)).status_code == 204
    assert (await client.get(ME, headers=bearer(lost))).status_code == 401
    assert (await client.delete(f"{TOKENS}/{newest}", auth=me)).status_code == 404


async def test_another_ones_token_is_as_good_as_none(client: httpx.AsyncClient, sign_in: Callable) -> None:
    me, other = await sign_in(), await sign_in()
    theirs = (await client.get(TOKENS, auth=other)).json()["items"][0]["id"]

    answers = [await client.delete(f"{TOKENS}/{token}", auth=me) for token in (theirs, uuid4())]

    assert [(answer.status_code, answer.json()["errors"]) for answer in answers] == [
        (404, {"token": ["not found"]})
    ] * 2
    assert (await client.get(ME, auth=other)).status_code == 200


async def test_what_cannot_be_the_id_of_a_token_is_not_found(client: httpx.AsyncClient, sign_in: Callable) -> None:
    assert (await client.delete(f"{TOKENS}/7", auth=await sign_in())).status_code == 404


@pytest.mark.parametrize(
    ("path", "others_stay"), [("/current", True), ("", False)], ids=["sign out", "sign out everywhere"]
)
async def test_signing_out_ends_tokens(
    client: httpx.AsyncClient, database: Database, sign_in: Callable, path: str, others_stay: bool
) -> None:
    me, other = await sign_in(), await sign_in()
    second = await TokenFactory.clear_for(database, User(id=me.id))

    answer = await client.delete(f"{TOKENS}{path}", auth=me)

    assert (answer.status_code, answer.content) == (204, b"")
    assert (await client.get(ME, auth=me)).json()["errors"] == {"token": ["is invalid"]}
    assert (await client.get(ME, headers=bearer(second))).status_code == (200 if others_stay else 401)
    assert (await client.get(ME, auth=other)).status_code == 200

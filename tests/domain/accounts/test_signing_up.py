"""Signing up makes a user of what may be given, and says all that is wrong at once."""

import asyncio

import httpx
import pytest

from app.domain.accounts.models import User
from app.platform.database.pools import Database
from tests.domain.accounts.doors import ME, USERS, bearer, faults
from tests.domain.accounts.factories import PASSWORD, SignUpFactory, UserFactory


async def test_signing_up_makes_a_user_and_a_token(client: httpx.AsyncClient) -> None:
    answer = await client.post(USERS, json={"username": "Ann", "email": "Ann@Example.com", "password": PASSWORD})

    assert answer.status_code == 201
    assert answer.headers["location"] == ME
    assert answer.headers["cache-control"] == "no-store"
    made = answer.json()
    assert made["user"] | {"id": "", "createdAt": "", "updatedAt": ""} == {
        "id": "",
        "username": "Ann",
        "email": "Ann@example.com",
        "emailVerifiedAt": None,
        "displayName": None,
        "bio": None,
        "image": None,
        "isStaff": False,
        "isSuperuser": False,
        "createdAt": "",
        "updatedAt": "",
    }
    assert made["expiresAt"] > made["user"]["createdAt"]
    assert (await client.get(ME, headers=bearer(made["token"]))).json() == made["user"]


async def test_all_that_is_wrong_with_a_sign_up_is_said_at_once(client: httpx.AsyncClient) -> None:
    answer = await client.post(USERS, json={"username": "p\u0430ypal", "email": "nobody", "password": "short"})

    assert answer.status_code == 422
    assert faults(answer) == [("/username", "mixed_scripts"), ("/email", "email"), ("/password", "too_short")]
    assert answer.json()["errors"].keys() == {"username", "email", "password"}


@pytest.mark.parametrize("field", ["username", "email", "password"])
async def test_a_blank_field_is_refused(client: httpx.AsyncClient, field: str) -> None:
    answer = await client.post(USERS, json=SignUpFactory.body(**{field: " \u3000 "}))
    assert (answer.status_code, answer.json()["errors"]) == (422, {field: ["can't be blank"]})


@pytest.mark.parametrize("field", ["username", "email", "password"])
async def test_a_giant_field_is_refused_before_it_is_looked_at(client: httpx.AsyncClient, field: str) -> None:
    answer = await client.post(USERS, json=SignUpFactory.body(**{field: "ﷺ" * 100_000}))
    assert (answer.status_code, answer.json()["errors"].keys()) == (422, {field})


COLUMNS = [column.name for column in User.__table__.columns]


@pytest.mark.parametrize("column", sorted({*COLUMNS, "isSuperuser", "isStaff", "isActive"} - {*SignUpFactory.body()}))
async def test_no_other_column_can_be_written_by_signing_up(client: httpx.AsyncClient, column: str) -> None:
    answer = await client.post(USERS, json=SignUpFactory.body(**{column: True}))
    assert (answer.status_code, faults(answer)) == (422, [(f"/{column}", "unknown")])


@pytest.mark.parametrize(
    ("taken", "field"),
    [
        ({"username": "ANN"}, "username"),
        ({"email": "ANN@Example.COM"}, "email"),
        ({"username": "\uff41nn"}, "username"),
    ],
    ids=["username in capitals", "address in capitals", "username in full width"],
)
async def test_a_taken_name_is_a_conflict(
    client: httpx.AsyncClient, database: Database, taken: dict[str, str], field: str
) -> None:
    await UserFactory.saved(database, username="ann", email="ann@example.com")

    answer = await client.post(USERS, json=SignUpFactory.body(**taken))

    assert (answer.status_code, answer.json()["errors"]) == (409, {field: ["has already been taken"]})


async def test_of_several_sign_ups_with_one_name_one_succeeds(client: httpx.AsyncClient) -> None:
    async with asyncio.TaskGroup() as group:
        posts = [
            group.create_task(client.post(USERS, json=SignUpFactory.body(username=name)))
            for name in ("ann", "Ann", "ANN", "aNN")
        ]
    assert sorted(post.result().status_code for post in posts) == [201, 409, 409, 409]

"""Who comes by a provider for the first time: their name, their address, and that it is nobody else's."""

import asyncio

import httpx
import pytest

from app.platform.database.pools import Database
from tests.domain.accounts.doors import ME
from tests.domain.accounts.factories import UserFactory
from tests.domain.accounts.openid.going import GO, counts, gone_to, refused
from tests.domain.accounts.openid.provider import SUBJECT, Provider
from tests.domain.accounts.pages import title

pytestmark = pytest.mark.usefixtures("trusted")


async def test_nobody_becomes_who_is_there_by_an_address(browser: httpx.AsyncClient, database: Database) -> None:
    await UserFactory.saved(database, email="Ann@example.com")
    answer = await browser.get(GO)
    assert (answer.status_code, title(answer)) == (409, "There is an account with this address")
    assert await counts(database) == (1, 0, 0)


@pytest.mark.parametrize(
    "claims",
    [
        {"email_verified": False},
        {"email_verified": None},
        {"email_verified": "false"},
        {"email": None},
        {"email": "no address"},
        {"email": 7},
    ],
    ids=str,
)
async def test_an_address_that_nobody_vouches_for_signs_nobody_in(
    browser: httpx.AsyncClient, provider: Provider, database: Database, claims: dict[str, object]
) -> None:
    provider.claims |= claims
    await refused(browser, database, 403, "Address not confirmed")


async def test_an_address_that_is_told_beside_the_token_is_of_its_subject_alone(
    browser: httpx.AsyncClient, provider: Provider
) -> None:
    provider.claims = {}
    provider.userinfo = {"sub": "another", "email": "ann@example.com", "email_verified": True}
    assert (await browser.get(GO)).status_code == 403
    provider.userinfo["sub"] = SUBJECT
    assert (await browser.get(GO)).status_code == 200
    assert (await browser.get(ME)).json()["email"] == "ann@example.com"


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("ann", "ann-2"),
        ("Ann Smith!", "Ann-Smith"),
        ("bea@corp.example", "bea"),
        ("\u202eevil", "evil"),
        ("аnn", "аnn"),  # noqa: RUF001 - Cyrillic throughout is one script; mixed it would not be
        ("a" * 100, "a" * 54),
        ("", "ann-2"),
        ("🙂", "ann-2"),
        (7, "ann-2"),
    ],
    ids=str,
)
async def test_somebody_new_is_called_as_is_told_or_by_the_next_free_name(
    browser: httpx.AsyncClient, provider: Provider, database: Database, told: object, expected: str
) -> None:
    await UserFactory.saved(database, username="ANN")
    provider.claims["preferred_username"] = told
    assert (await browser.get(GO)).status_code == 200
    name = (await browser.get(ME)).json()["username"]
    assert name == (expected if told != "аnn" else "ann-2")  # noqa: RUF001


async def test_of_several_who_are_new_at_once_one_user_is_made(
    browsers: list[httpx.AsyncClient], database: Database
) -> None:
    backs = [await gone_to(one, GO) for one in browsers]
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(one.get(back, headers={"Cookie": f"openid={one.cookies['openid']}"}))
            for one, back in zip(browsers, backs, strict=True)
        ]
    assert [task.result().status_code for task in tasks] == [200] * 4
    assert await counts(database) == (1, 4, 1)

"""An address changes when both the old and the new one confirm it."""

import asyncio

import httpx
import pytest

from app.platform.database.pools import Database
from tests.conftest import Outbox
from tests.domain.accounts.doors import ME, TOKENS, bearer
from tests.domain.accounts.factories import PASSWORD, UserFactory
from tests.domain.accounts.links import NEW, OLD, OTHER, change, follow, me


@pytest.mark.parametrize("order", [(OLD, OTHER), (OTHER, OLD)], ids=["the old one first", "the new one first"])
async def test_an_address_changes_when_both_confirm_it(
    client: httpx.AsyncClient, outbox: Outbox, token: str, order: tuple[str, str]
) -> None:
    asked = await change(client, token)
    assert (asked.status_code, asked.json()) == (202, {"goodFor": 86_400})
    first, second = (outbox.token(address) for address in order)
    assert (await me(client, token))["email"] == OLD

    half = await follow(client, "change", first)
    assert (half.status_code, half.json()) == (200, {"changed": False, "email": OTHER})
    assert (await me(client, token))["email"] == OLD
    assert (await follow(client, "change", first)).status_code == 410

    done = await follow(client, "change", second)
    assert (done.status_code, done.json()) == (200, {"changed": True, "email": OTHER})
    changed = await me(client, token)
    assert (changed["email"], changed["emailVerifiedAt"] is not None) == (OTHER, True)
    assert [mail.subject for mail in outbox.to(OLD)] == ["Your address is about to change", "Your address was changed"]
    assert [mail.subject for mail in outbox.to(OTHER)] == ["Confirm your new address"]
    assert (await client.post(TOKENS, json={"email": OTHER, "password": PASSWORD})).status_code == 201


async def test_both_halves_at_once_change_it(client: httpx.AsyncClient, outbox: Outbox, token: str) -> None:
    await change(client, token)
    async with asyncio.TaskGroup() as group:
        tries = [group.create_task(follow(client, "change", outbox.token(address))) for address in (OLD, OTHER)]
    assert sorted(one.result().json()["changed"] for one in tries) == [False, True]
    assert (await me(client, token))["email"] == OTHER


async def test_another_change_or_a_new_password_calls_a_change_off(
    client: httpx.AsyncClient, outbox: Outbox, token: str
) -> None:
    await change(client, token)
    first = [outbox.token(OLD), outbox.token(OTHER)]
    await change(client, token, "ann@example.net")
    for secret in first:
        assert (await follow(client, "change", secret)).status_code == 410
    second = [outbox.token(OLD), outbox.token("ann@example.net")]
    await client.patch(ME, json={"password": NEW}, headers=bearer(token))
    for secret in second:
        assert (await follow(client, "change", secret)).status_code == 410


async def test_an_address_that_is_somebody_s_is_not_told_and_not_taken(
    client: httpx.AsyncClient, outbox: Outbox, token: str, database: Database
) -> None:
    await UserFactory.saved(database, email=OTHER)
    asked = await change(client, token, OTHER.upper())
    assert (asked.status_code, asked.json()) == (202, {"goodFor": 86_400})
    assert [mail.subject for mail in outbox.to(OTHER.upper().replace("EXAMPLE.ORG", "example.org"))] == [
        "You have an account already"
    ]
    assert (await follow(client, "change", outbox.token(OLD))).json()["changed"] is False
    assert (await me(client, token))["email"] == OLD


async def test_an_address_that_is_taken_meanwhile_is_a_conflict_and_the_link_stays_good(
    client: httpx.AsyncClient, outbox: Outbox, token: str, database: Database
) -> None:
    await change(client, token)
    await follow(client, "change", outbox.token(OLD))
    await UserFactory.saved(database, email=OTHER)
    answer = await follow(client, "change", outbox.token(OTHER))
    assert (answer.status_code, answer.json()["errors"]) == (409, {"email": ["has already been taken"]})
    assert "Your address was changed" not in outbox.subjects


@pytest.mark.parametrize(
    ("given", "field", "code"),
    [
        pytest.param({"email": "nobody"}, "/email", "email", id="no address"),
        pytest.param({"email": f" {OLD} "}, "/email", "same", id="the present one"),
        pytest.param({"password": "a wrong guess"}, "/password", "wrong", id="another password"),
    ],
)
async def test_what_is_wrong_with_a_change_is_said(
    client: httpx.AsyncClient, outbox: Outbox, token: str, given: dict[str, str], field: str, code: str
) -> None:
    answer = await change(client, token, **given)
    assert answer.status_code == 422
    assert [(one["pointer"], one["code"]) for one in answer.json()["violations"]] == [(field, code)]
    assert len(outbox) == 0

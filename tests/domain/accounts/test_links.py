"""Links that are mailed: each works once, for its own purpose, until it expires or something ends it."""

import asyncio

import httpx
import pytest
from litestar import Litestar

from app.domain.accounts.links import LIFETIMES, Purpose, in_words
from app.domain.accounts.models import User
from app.platform.database.pools import Database
from tests.conftest import Outbox
from tests.domain.accounts.doors import LINKS, ME, bearer
from tests.domain.accounts.links import NEW, ask, follow
from tests.domain.accounts.stored import execute, stored


async def mailed(client: httpx.AsyncClient, outbox: Outbox, purpose: str, ann: User, token: str) -> str:
    if purpose == "verify":
        await client.post(f"{LINKS}/verify", headers=bearer(token))
    else:
        await ask(client, purpose, ann.email)
    return outbox.token(ann.email)


def given_for(purpose: str) -> dict[str, str]:
    return {"password": NEW} if purpose == "reset" else {}


@pytest.mark.parametrize("purpose", ["verify", "reset", "sign-in"])
async def test_a_link_is_good_once(
    client: httpx.AsyncClient, outbox: Outbox, ann: User, token: str, purpose: str
) -> None:
    secret = await mailed(client, outbox, purpose, ann, token)
    first, second = [await follow(client, purpose, secret, **given_for(purpose)) for _ in range(2)]
    assert first.status_code in (201, 204)
    assert (second.status_code, second.json()["code"]) == (410, "dead_link")
    assert (await client.get(second.json()["type"])).status_code == 200


@pytest.mark.parametrize("purpose", ["verify", "reset", "sign-in"])
async def test_of_several_at_once_one_follows_it(
    client: httpx.AsyncClient, outbox: Outbox, ann: User, token: str, purpose: str
) -> None:
    secret = await mailed(client, outbox, purpose, ann, token)
    async with asyncio.TaskGroup() as group:
        tries = [group.create_task(follow(client, purpose, secret, **given_for(purpose))) for _ in range(5)]
    assert sorted(one.result().status_code for one in tries)[1:] == [410] * 4


@pytest.mark.parametrize("purpose", ["verify", "reset", "sign-in"])
async def test_a_link_expires(
    client: httpx.AsyncClient, outbox: Outbox, ann: User, token: str, database: Database, purpose: str
) -> None:
    secret = await mailed(client, outbox, purpose, ann, token)
    await execute(database, "UPDATE accounts_link SET expires_at = now()")
    assert (await follow(client, purpose, secret, **given_for(purpose))).status_code == 410


@pytest.mark.parametrize("purpose", ["verify", "reset", "sign-in"])
async def test_a_link_is_of_no_use_for_another_purpose(
    client: httpx.AsyncClient, outbox: Outbox, ann: User, token: str, purpose: str
) -> None:
    secret = await mailed(client, outbox, purpose, ann, token)
    for other in {"verify", "reset", "sign-in", "change"} - {purpose}:
        assert (await follow(client, other, secret, **given_for(other))).status_code == 410
    assert (await client.get(ME, headers=bearer(secret))).status_code == 401
    assert (await follow(client, purpose, secret, **given_for(purpose))).status_code < 300


@pytest.mark.parametrize("purpose", ["verify", "reset", "sign-in"])
async def test_a_new_password_ends_every_link(
    client: httpx.AsyncClient, outbox: Outbox, ann: User, token: str, purpose: str
) -> None:
    secret = await mailed(client, outbox, purpose, ann, token)
    assert (await client.patch(ME, json={"password": NEW}, headers=bearer(token))).status_code == 200
    assert (await follow(client, purpose, secret, **given_for(purpose))).status_code == 410


@pytest.mark.parametrize("purpose", ["verify", "reset", "sign-in"])
async def test_a_link_of_somebody_who_is_shut_out_is_dead(
    client: httpx.AsyncClient, outbox: Outbox, ann: User, token: str, database: Database, purpose: str
) -> None:
    secret = await mailed(client, outbox, purpose, ann, token)
    await execute(database, "UPDATE accounts_user SET is_active = false")
    assert (await follow(client, purpose, secret, **given_for(purpose))).status_code == 410


@pytest.mark.parametrize("secret", ["", "x", "lh_link_", f"lh_link_{'x' * 43}", f"lh_{'x' * 43}", "\u0661" * 51])
async def test_what_never_was_a_link_is_dead(client: httpx.AsyncClient, secret: str) -> None:
    assert (await follow(client, "verify", secret)).status_code == 410


async def test_the_newest_three_are_good_and_what_expired_is_cleared_away(
    client: httpx.AsyncClient, outbox: Outbox, ann: User, database: Database
) -> None:
    secrets = []
    for _ in range(5):
        await ask(client, "sign-in", ann.email)
        secrets.append(outbox.token(ann.email))
    assert await stored(database, "SELECT count(*) FROM accounts_link") == 3
    assert (await follow(client, "sign-in", secrets[1])).status_code == 410
    assert (await follow(client, "sign-in", secrets[2])).status_code == 201

    for n in range(4):
        await ask(client, "reset", f"nobody-{n}@example.com")
    await execute(database, "UPDATE accounts_link SET expires_at = now()")
    await ask(client, "reset", ann.email)
    assert await stored(database, "SELECT count(*) FROM accounts_link") == 1


async def test_no_secret_and_no_address_of_a_stranger_is_kept(
    client: httpx.AsyncClient, outbox: Outbox, ann: User, database: Database
) -> None:
    await ask(client, "reset", ann.email)
    await ask(client, "reset", "stranger@example.com")
    kept = await stored(database, "SELECT string_agg(row_to_json(l)::text, '') FROM accounts_link l")
    assert outbox.token(ann.email) not in kept
    assert "stranger" not in kept


def test_how_long_a_link_is_good_is_said_in_words() -> None:
    assert {in_words(LIFETIMES[purpose]) for purpose in Purpose} == {
        "3 days",
        "1 hour",
        "15 minutes",
        "1 day",
        "7 days",
    }


async def test_a_link_leads_to_the_configured_address_whatever_the_request_says(
    client: httpx.AsyncClient, outbox: Outbox, ann: User
) -> None:
    forged = {
        "Host": "evil.example",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
        "Forwarded": "host=evil.example",
    }
    for purpose in ("reset", "sign-in"):
        answer = await client.post(f"{LINKS}/{purpose}", json={"email": ann.email}, headers=forged)
        assert answer.status_code == 202
        mail = outbox.to(ann.email)[-1]
        assert f"http://localhost:8000/account/{purpose}?token=lh_link_" in mail.text
        assert f'href="http://localhost:8000/account/{purpose}?token=lh_link_' in mail.html
        assert "evil" not in mail.text + mail.html


async def test_a_link_leads_to_a_front_end_that_is_named(
    app: Litestar, client: httpx.AsyncClient, outbox: Outbox, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = "https://front.example/#/link/{purpose}/{token}"
    mailer = app.state.resources.mailer
    monkeypatch.setattr(mailer, "settings", mailer.settings.model_copy(update={"link_template": template}))
    await ask(client, "reset", ann.email)
    assert f"https://front.example/#/link/reset/{outbox.token(ann.email)}\n" in outbox.to(ann.email)[-1].text

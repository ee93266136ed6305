"""Links let in whom strangers have locked out, and are mailed and tried so often alone."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from litestar import Litestar

from app.domain.accounts.models import User
from app.platform.database.pools import Database
from config.rates import Rate
from tests.conftest import Outbox
from tests.domain.accounts.doors import LINKS, ME, TOKENS, USERS, bearer
from tests.domain.accounts.factories import PASSWORD, SignUpFactory, UserFactory
from tests.domain.accounts.links import NEW, OLD, ask, change, follow


@pytest.mark.parametrize("login", [OLD, "ann"], ids=["by address", "by name"])
@pytest.mark.parametrize("purpose", ["reset", "sign-in"])
async def test_whom_strangers_have_locked_out_is_let_in_by_a_link(
    app: Litestar,
    come: Callable,
    outbox: Outbox,
    ann: User,
    monkeypatch: pytest.MonkeyPatch,
    purpose: str,
    login: str,
) -> None:
    for name, rate in (("sign_in_limit", Rate(2, 600)), ("sign_in_account_limit", Rate(3, 600))):
        monkeypatch.setitem(app.state.settings.security.__dict__, name, rate)
    home = come("198.51.100.7")
    for stranger in (home, home, come("192.0.2.1")):
        await stranger.post(TOKENS, json={"email": login, "password": "a wrong guess"})
    assert (await home.post(TOKENS, json={"email": login, "password": PASSWORD})).status_code == 429

    await ask(home, purpose, OLD)
    given = {"password": NEW} if purpose == "reset" else {}
    assert (await follow(home, purpose, outbox.token(OLD), **given)).status_code < 300

    password = NEW if purpose == "reset" else PASSWORD
    assert (await home.post(TOKENS, json={"email": login, "password": password})).status_code == 201
    elsewhere = come("203.0.113.5")
    assert (await elsewhere.post(TOKENS, json={"email": login, "password": password})).status_code == 201


async def test_a_link_alone_does_not_unlock_who_has_a_second_factor(
    app: Litestar, client: httpx.AsyncClient, outbox: Outbox, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.state.settings.security.__dict__, "sign_in_limit", Rate(2, 3600))
    await UserFactory.saved(database, email=OLD, has_second_factor=True)
    for _ in range(2):
        await client.post(TOKENS, json={"email": OLD, "password": "a wrong guess"})
    await ask(client, "sign-in", OLD)
    assert (await follow(client, "sign-in", outbox.token(OLD))).status_code == 202
    assert (await client.post(TOKENS, json={"email": OLD, "password": PASSWORD})).status_code == 429


@pytest.mark.parametrize("purpose", ["reset", "sign-in"])
async def test_mail_is_limited_by_account_and_by_address(
    app: Litestar, come: Callable, outbox: Outbox, ann: User, monkeypatch: pytest.MonkeyPatch, purpose: str
) -> None:
    for name, rate in (("mail_limit", Rate(2, 3600)), ("mail_address_limit", Rate(4, 3600))):
        monkeypatch.setitem(app.state.settings.mail.__dict__, name, rate)
    for email in (OLD, "nobody@example.com"):
        client = come("192.0.2.1" if email == OLD else "192.0.2.2")
        answers = [await ask(client, purpose, email) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [202, 202, 429]
        assert answers[0].headers["RateLimit"] == '"address";r=3;t=3600, "account";r=1;t=3600'
        assert int(answers[2].headers["Retry-After"]) > 0
    assert len(outbox) == 2
    assert (await ask(come("192.0.2.3"), purpose, OLD.upper())).status_code == 429, "the account, whoever asks"
    client = come("192.0.2.4")
    statuses = [(await ask(client, purpose, f"nobody-{n}@example.com")).status_code for n in range(5)]
    assert statuses == [202] * 4 + [429]


async def test_links_are_tried_so_often_alone(
    app: Litestar, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.state.settings.mail.__dict__, "link_address_limit", Rate(3, 3600))
    statuses = [(await follow(client, "verify", f"lh_link_{n:043}")).status_code for n in range(4)]
    assert statuses == [410, 410, 410, 429]


async def test_one_link_is_tried_so_often_alone(
    app: Litestar, client: httpx.AsyncClient, outbox: Outbox, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.state.settings.security.__dict__, "sign_in_limit", Rate(3, 3600))
    await ask(client, "reset", OLD)
    answers = [await follow(client, "reset", outbox.token(OLD), password="short") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [422, 422, 422, 429]


async def test_without_mail_what_needs_it_is_refused_and_all_else_goes_on(
    app: Litestar, client: httpx.AsyncClient, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.state.resources.mailer, "backend", None)
    asked: list[Any] = [
        await ask(client, "reset", OLD),
        await ask(client, "sign-in", "nobody@example.com"),
        await client.post(f"{LINKS}/verify", headers=bearer(token)),
        await change(client, token),
    ]
    assert [(answer.status_code, answer.json()["detail"]) for answer in asked] == [
        (503, "no mail can be sent from here")
    ] * 4
    assert (await client.post(USERS, json=SignUpFactory.body())).status_code == 201
    assert (await client.patch(ME, json={"password": NEW}, headers=bearer(token))).status_code == 200
    gone = await client.post(f"{ME}/deletion", json={"password": NEW}, headers=bearer(token))
    assert gone.status_code == 204

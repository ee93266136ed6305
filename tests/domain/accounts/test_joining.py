"""One joins by a link that is mailed, which confirms the address."""

import httpx
import pytest
from litestar import Litestar

from app.domain.accounts.models import User
from tests.conftest import Outbox
from tests.domain.accounts.doors import ME, USERS
from tests.domain.accounts.factories import PASSWORD, SignUpFactory
from tests.domain.accounts.links import ask, follow, me


async def test_one_joins_by_a_link_and_the_address_is_confirmed_by_it(
    client: httpx.AsyncClient, outbox: Outbox
) -> None:
    asked = await ask(client, "join", " Ann@EXAMPLE.com ")
    assert (asked.status_code, asked.json()) == (202, {"goodFor": 86_400})
    secret = outbox.token("Ann@example.com")

    refused = await follow(client, "join", secret, username="", password="Ann@example.co")
    assert [(one["pointer"], one["code"]) for one in refused.json()["violations"]] == [
        ("/username", "blank"),
        ("/password", "too_similar"),
    ]
    answer = await follow(client, "join", secret, username="Ann", password=PASSWORD)

    made = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, ME)
    assert (made["user"]["username"], made["user"]["email"]) == ("Ann", "Ann@example.com")
    assert made["user"]["emailVerifiedAt"] is not None
    assert await me(client, made["token"]) == made["user"]
    assert (await follow(client, "join", secret, username="bea", password=PASSWORD)).status_code == 410
    assert outbox.subjects == ["Finish your sign-up"]


async def test_a_name_that_is_taken_is_a_conflict_and_the_link_stays_good(
    client: httpx.AsyncClient, outbox: Outbox, ann: User
) -> None:
    await ask(client, "join", "bea@example.com")
    secret = outbox.token("bea@example.com")
    taken = await follow(client, "join", secret, username=ann.username.upper(), password=PASSWORD)
    assert (taken.status_code, taken.json()["errors"]) == (409, {"username": ["has already been taken"]})
    assert (await follow(client, "join", secret, username="bea", password=PASSWORD)).status_code == 201


async def test_of_two_links_to_one_address_the_second_meets_the_first(
    client: httpx.AsyncClient, outbox: Outbox
) -> None:
    secrets = []
    for _ in range(2):
        await ask(client, "join", "bea@example.com")
        secrets.append(outbox.token("bea@example.com"))
    answers = [
        await follow(client, "join", secret, username=f"bea-{n}", password=PASSWORD) for n, secret in enumerate(secrets)
    ]
    assert [answer.status_code for answer in answers] == [201, 409]
    assert answers[1].json()["errors"] == {"email": ["has already been taken"]}


async def test_where_it_is_so_set_one_signs_up_by_a_link_alone(
    app: Litestar, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.state.settings.security.__dict__, "direct_sign_up", False)
    answer = await client.post(USERS, json=SignUpFactory.body())
    assert (answer.status_code, answer.json()["code"]) == (403, "by_link_alone")
    assert (await client.get(answer.json()["type"])).status_code == 200
    assert (await ask(client, "join", "bea@example.com")).status_code == 202

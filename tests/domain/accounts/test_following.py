"""What a link does: confirm an address, give a new password, sign in."""

import asyncio
from collections.abc import Callable

import httpx
import pytest

from app.domain.accounts.link_repositories import make_for_address
from app.domain.accounts.links import Purpose, digest_of_secret, new_secret
from app.domain.accounts.models import User
from app.domain.accounts.services import AccountService, Changes
from app.kit.identity import Viewer
from app.platform.database.pools import Database
from tests.conftest import Outbox
from tests.domain.accounts.doors import LINKS, ME, TOKENS, USERS, bearer
from tests.domain.accounts.factories import PASSWORD, SignUpFactory
from tests.domain.accounts.links import NEW, ask, follow, me
from tests.domain.accounts.stored import stored
from tests.waiting import until_waiting


async def test_who_signs_up_is_mailed_a_link_that_confirms_the_address(
    client: httpx.AsyncClient, outbox: Outbox
) -> None:
    body = SignUpFactory.body()
    made = (await client.post(USERS, json=body)).json()
    assert made["user"]["emailVerifiedAt"] is None
    assert outbox.subjects == ["Confirm your address"]

    answer = await follow(client, "verify", outbox.token(body["email"]))

    assert (answer.status_code, answer.content) == (204, b"")
    assert (await me(client, made["token"]))["emailVerifiedAt"] is not None


async def test_a_link_is_asked_for_again_until_the_address_is_confirmed(
    client: httpx.AsyncClient, outbox: Outbox, ann: User, token: str
) -> None:
    for _ in range(2):
        answer = await client.post(f"{LINKS}/verify", headers=bearer(token))
        assert (answer.status_code, answer.json()) == (202, {"goodFor": 3 * 86_400})
    assert len(outbox) == 2
    assert (await follow(client, "verify", outbox.token(ann.email))).status_code == 204

    assert (await client.post(f"{LINKS}/verify", headers=bearer(token))).status_code == 202
    assert len(outbox) == 2


async def test_whoever_is_not_signed_in_is_told_so(client: httpx.AsyncClient) -> None:
    assert (await client.post(f"{LINKS}/verify")).status_code == 401


async def test_a_reset_gives_a_new_password_and_ends_all_tokens(
    client: httpx.AsyncClient, outbox: Outbox, ann: User, token: str, database: Database
) -> None:
    await ask(client, "reset", " ANN@example.com")
    answer = await follow(client, "reset", outbox.token(ann.email), password=NEW)

    assert (answer.status_code, answer.content) == (204, b"")
    assert await stored(database, "SELECT count(*) FROM accounts_token") == 0
    assert outbox.subjects == ["Choose a new password", "Your password was changed"]
    old, new = [(await client.post(TOKENS, json={"email": ann.email, "password": p})) for p in (PASSWORD, NEW)]
    assert (old.status_code, new.status_code) == (401, 201)
    assert new.json()["user"]["emailVerifiedAt"] is not None, "whoever followed the link reads that mail"


async def test_a_password_that_is_refused_leaves_the_link_good(
    client: httpx.AsyncClient, outbox: Outbox, ann: User
) -> None:
    await ask(client, "reset", ann.email)
    secret = outbox.token(ann.email)
    refused = await follow(client, "reset", secret, password="12345678")
    assert refused.status_code == 422
    assert [one["code"] for one in refused.json()["violations"]] == ["too_common", "entirely_numeric"]
    similar = await follow(client, "reset", secret, password="ann@example.co")
    assert [one["code"] for one in similar.json()["violations"]] == ["too_similar"]
    assert (await follow(client, "reset", secret, password=NEW)).status_code == 204


async def test_no_password_is_hashed_for_a_link_that_is_dead(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pwdlib.PasswordHash.hash", lambda *_: pytest.fail("a password was hashed"))
    assert (await follow(client, "reset", f"lh_link_{'x' * 43}", password=NEW)).status_code == 410


async def test_a_new_password_waits_for_a_link_that_is_being_made_and_ends_it(
    database: Database, accounts: Callable[[], AccountService], ann: User
) -> None:
    work, changing = database.unit_of_work(), accounts()
    async with asyncio.TaskGroup() as group:

        async def make_slowly() -> None:
            made = await make_for_address(work, ann.email, Purpose.RESET, digest_of_secret(new_secret()))
            assert made.user_id == ann.id
            group.create_task(changing.work.run(lambda: changing.change(Viewer(ann.id), Changes(password=NEW))))
            await until_waiting(database.url)

        await work.run(make_slowly)
    assert await stored(database, "SELECT count(*) FROM accounts_link") == 0


async def test_a_reset_ends_tokens_at_once(client: httpx.AsyncClient, outbox: Outbox, ann: User, token: str) -> None:
    await ask(client, "reset", ann.email)
    assert (await client.get(ME, headers=bearer(token))).status_code == 200  # known for a second from now
    assert (await follow(client, "reset", outbox.token(ann.email), password=NEW)).status_code == 204
    assert (await client.get(ME, headers=bearer(token))).status_code == 401


async def test_a_link_signs_in_and_confirms_the_address(client: httpx.AsyncClient, outbox: Outbox, ann: User) -> None:
    await ask(client, "sign-in", ann.email)
    answer = await follow(client, "sign-in", outbox.token(ann.email))

    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"{TOKENS}/{made['id']}"
    assert answer.headers["cache-control"] == "no-store"
    assert made["user"]["emailVerifiedAt"] is not None
    assert await me(client, made["token"]) == made["user"]

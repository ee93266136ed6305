"""Links that are mailed: each works once, for its own purpose, until it expires or something ends it."""

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg
import httpx
import pytest
from litestar import Litestar

from app.domain.accounts.link_repositories import make_for_address
from app.domain.accounts.links import LIFETIMES, Purpose, digest_of_secret, in_words, new_secret
from app.domain.accounts.models import User
from app.domain.accounts.services import AccountService, Changes
from app.kit.identity import Viewer
from app.platform.database.pools import Database
from tests.conftest import Outbox
from tests.domain.accounts.factories import PASSWORD, SignUpFactory, TokenFactory, UserFactory

USERS, TOKENS, ME = "/api/v1/accounts/users", "/api/v1/accounts/tokens", "/api/v1/accounts/me"
LINKS = "/api/v1/accounts/links"
NEW = "a password of today"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def me(client: httpx.AsyncClient, token: str) -> dict[str, Any]:
    return (await client.get(ME, headers=bearer(token))).raise_for_status().json()


async def follow(client: httpx.AsyncClient, purpose: str, token: str, **given: str) -> httpx.Response:
    return await client.post(f"{LINKS}/{purpose}/follow", json={"token": token, **given})


async def ask(client: httpx.AsyncClient, purpose: str, email: str) -> httpx.Response:
    return await client.post(f"{LINKS}/{purpose}", json={"email": email})


@pytest.fixture
async def ann(database: Database) -> User:
    return await UserFactory.saved(database, email="ann@example.com")


@pytest.fixture
async def token(database: Database, ann: User) -> str:
    """What Ann is signed in by."""
    return await TokenFactory.clear_for(database, ann)


# Joining


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


async def test_who_asks_to_join_does_not_learn_who_has_an_address(
    client: httpx.AsyncClient, outbox: Outbox, ann: User, database: Database
) -> None:
    known, unknown = await ask(client, "join", ann.email.upper()), await ask(client, "join", "nobody@example.com")
    assert (known.status_code, known.content, told(known)) == (unknown.status_code, unknown.content, told(unknown))
    assert [mail.subject for mail in outbox.to("ANN@example.com")] == ["You have an account already"]
    assert "lh_link_" not in outbox.to("ANN@example.com")[0].text
    assert [mail.subject for mail in outbox.to("nobody@example.com")] == ["Finish your sign-up"]


async def test_joining_costs_the_same_statements_whether_anybody_has_the_address(
    client: httpx.AsyncClient, ann: User, statements: Callable
) -> None:
    with statements() as for_known:
        await ask(client, "join", ann.email)
    with statements() as for_unknown:
        await ask(client, "join", "nobody@example.com")
    assert for_known == for_unknown


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


# Confirming an address


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


# What every link has in common


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
    assert await count(database, "SELECT count(*) FROM accounts_link") == 3
    assert (await follow(client, "sign-in", secrets[1])).status_code == 410
    assert (await follow(client, "sign-in", secrets[2])).status_code == 201

    for n in range(4):
        await ask(client, "reset", f"nobody-{n}@example.com")
    await execute(database, "UPDATE accounts_link SET expires_at = now()")
    await ask(client, "reset", ann.email)
    assert await count(database, "SELECT count(*) FROM accounts_link") == 1


async def test_no_secret_and_no_address_of_a_stranger_is_kept(
    client: httpx.AsyncClient, outbox: Outbox, ann: User, database: Database
) -> None:
    await ask(client, "reset", ann.email)
    await ask(client, "reset", "stranger@example.com")
    kept = await count(database, "SELECT string_agg(row_to_json(l)::text, '') FROM accounts_link l")
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


# Where links lead


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


# A new password


async def test_a_reset_gives_a_new_password_and_ends_all_tokens(
    client: httpx.AsyncClient, outbox: Outbox, ann: User, token: str, database: Database
) -> None:
    await ask(client, "reset", " ANN@example.com")
    answer = await follow(client, "reset", outbox.token(ann.email), password=NEW)

    assert (answer.status_code, answer.content) == (204, b"")
    assert await count(database, "SELECT count(*) FROM accounts_token") == 0
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
            async with asyncio.timeout(30):
                while not (await database.reader().fetch(WAITING, ()))[0][0]:
                    await asyncio.sleep(0.01)

        await work.run(make_slowly)
    assert await count(database, "SELECT count(*) FROM accounts_link") == 0


async def test_a_reset_ends_tokens_at_once(client: httpx.AsyncClient, outbox: Outbox, ann: User, token: str) -> None:
    await ask(client, "reset", ann.email)
    assert (await client.get(ME, headers=bearer(token))).status_code == 200  # known for a second from now
    assert (await follow(client, "reset", outbox.token(ann.email), password=NEW)).status_code == 204
    assert (await client.get(ME, headers=bearer(token))).status_code == 401


# Signing in


async def test_a_link_signs_in_and_confirms_the_address(client: httpx.AsyncClient, outbox: Outbox, ann: User) -> None:
    await ask(client, "sign-in", ann.email)
    answer = await follow(client, "sign-in", outbox.token(ann.email))

    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"{TOKENS}/{made['id']}"
    assert answer.headers["cache-control"] == "no-store"
    assert made["user"]["emailVerifiedAt"] is not None
    assert await me(client, made["token"]) == made["user"]


# What strangers learn


@pytest.mark.parametrize("purpose", ["reset", "sign-in"])
async def test_the_answer_is_the_same_whether_anybody_has_the_address(
    client: httpx.AsyncClient, outbox: Outbox, ann: User, database: Database, purpose: str
) -> None:
    await UserFactory.saved(database, email="gone@example.com", is_active=False)
    known = await ask(client, purpose, ann.email)
    for other in ("nobody@example.com", "gone@example.com"):
        unknown = await ask(client, purpose, other)
        assert (unknown.status_code, unknown.content) == (known.status_code, known.content)
        assert told(unknown) == told(known)
    assert outbox.recipients == [ann.email]


def told(answer: httpx.Response) -> dict[str, str]:
    """The headers, without what counts or names the request."""
    return {name: value for name, value in answer.headers.items() if name not in ("x-request-id", "ratelimit")}


@pytest.mark.parametrize("purpose", ["reset", "sign-in", "join"])
async def test_the_statements_are_the_same_whether_anybody_has_the_address(
    client: httpx.AsyncClient, ann: User, statements: Callable, purpose: str
) -> None:
    with statements() as for_known:
        await ask(client, purpose, ann.email)
    with statements() as for_unknown:
        await ask(client, purpose, "nobody@example.com")
    assert for_known == for_unknown
    assert [sent.split()[0] for sent in for_known] == ["WITH", "BEGIN", "WITH", "WITH", "COMMIT"], (
        "the link, and the mail with its job"
    )


@pytest.mark.parametrize("purpose", ["reset", "sign-in"])
async def test_a_mail_goes_to_the_address_as_it_is_kept(
    client: httpx.AsyncClient, outbox: Outbox, ann: User, purpose: str
) -> None:
    await ask(client, purpose, " A\uff2eN@EXAMPLE.com")
    assert outbox.recipients == ["ann@example.com"]


async def execute(database: Database, statement: str) -> None:
    connection = await asyncpg.connect(database.url)
    await connection.execute(statement)
    await connection.close()


async def count(database: Database, statement: str) -> Any:
    connection = await asyncpg.connect(database.url)
    found = await connection.fetchval(statement)
    await connection.close()
    return found

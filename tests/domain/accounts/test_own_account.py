"""One's own account: another address, confirmed at both; its end; all that is held of one; and notices by mail."""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from litestar import Litestar

from app.domain.accounts.mails import described
from app.domain.accounts.models import User
from app.platform.database.pools import Database
from app.platform.migration_writing import metadata
from app.platform.module import installed
from config.modules import MODULES
from config.rates import Rate
from tests.conftest import Outbox, Watched
from tests.domain.accounts.factories import PASSWORD, SignUpFactory, TokenFactory, UserFactory
from tests.domain.accounts.test_links import LINKS, ME, NEW, TOKENS, USERS, ask, bearer, count, follow, me

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
OLD, OTHER = "ann@example.com", "ann@example.org"
SECRET = "what nobody is shown"


@pytest.fixture
async def ann(database: Database) -> User:
    return await UserFactory.saved(database, username="ann", email=OLD)


@pytest.fixture
async def token(database: Database, ann: User) -> str:
    return await TokenFactory.clear_for(database, ann, device="a device")


async def change(client: httpx.AsyncClient, token: str, email: str = OTHER, password: str = PASSWORD) -> httpx.Response:
    return await client.post(f"{LINKS}/change", json={"email": email, "password": password}, headers=bearer(token))


# Another address


@pytest.mark.parametrize("order", [(OLD, OTHER), (OTHER, OLD)], ids=["the old one first", "the new one first"])
async def test_an_address_changes_when_both_confirm_it(
    client: httpx.AsyncClient, outbox: Outbox, ann: User, token: str, order: tuple[str, str]
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


async def test_both_halves_at_once_change_it(client: httpx.AsyncClient, outbox: Outbox, ann: User, token: str) -> None:
    await change(client, token)
    async with asyncio.TaskGroup() as group:
        tries = [group.create_task(follow(client, "change", outbox.token(address))) for address in (OLD, OTHER)]
    assert sorted(one.result().json()["changed"] for one in tries) == [False, True]
    assert (await me(client, token))["email"] == OTHER


async def test_another_change_or_a_new_password_calls_a_change_off(
    client: httpx.AsyncClient, outbox: Outbox, ann: User, token: str
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
    client: httpx.AsyncClient, outbox: Outbox, ann: User, token: str, database: Database
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
    client: httpx.AsyncClient, outbox: Outbox, ann: User, token: str, database: Database
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
    client: httpx.AsyncClient, outbox: Outbox, ann: User, token: str, given: dict[str, str], field: str, code: str
) -> None:
    answer = await change(client, token, **given)
    assert answer.status_code == 422
    assert [(one["pointer"], one["code"]) for one in answer.json()["violations"]] == [(field, code)]
    assert len(outbox) == 0


# Its end


async def test_an_account_is_deleted_by_its_password(
    client: httpx.AsyncClient, outbox: Outbox, ann: User, token: str, database: Database
) -> None:
    wrong = await client.post(f"{ME}/deletion", json={"password": "a wrong guess"}, headers=bearer(token))
    assert (wrong.status_code, wrong.json()["errors"]) == (422, {"password": ["is not the right one"]})

    keyed = [bearer(token) | {"Idempotency-Key": key} for key in ("k-1", "k-2")]
    assert (await client.patch(ME, json={"bio": "I go"}, headers=keyed[0])).status_code == 200
    answer = await client.post(f"{ME}/deletion", json={"password": PASSWORD}, headers=keyed[1])

    assert (answer.status_code, answer.content) == (204, b"")
    assert await count(database, "SELECT count(*) FROM platform_idempotency") == 0
    assert (await client.get(ME, headers=bearer(token))).status_code == 401
    assert await count(database, "SELECT count(*) FROM accounts_user") == 0
    assert outbox.subjects == ["Your account is deleted"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("links/change", {"email": OTHER, "password": "wrong"}),
        ("me/deletion", {"password": "wrong"}),
        ("proof", {"password": "wrong"}),
    ],
    ids=["another address", "the end", "a proof"],
)
async def test_passwords_are_not_guessed_there_either(
    app: Litestar,
    client: httpx.AsyncClient,
    ann: User,
    token: str,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    body: dict[str, str],
) -> None:
    monkeypatch.setitem(app.state.settings.security.__dict__, "sign_in_limit", Rate(3, 3600))
    statuses = [
        (await client.post(f"/api/v1/accounts/{path}", json=body, headers=bearer(token))).status_code for _ in range(4)
    ]
    assert statuses == [422, 422, 422, 429]
    assert (await client.post(TOKENS, json={"email": OLD, "password": PASSWORD})).status_code == 429, "one account"


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "links/verify"), ("POST", "links/change"), ("POST", "me/deletion"), ("GET", "me/export")],
    ids=["verify", "change", "deletion", "export"],
)
async def test_a_limited_token_comes_to_none_of_it(
    client: httpx.AsyncClient, database: Database, ann: User, method: str, path: str
) -> None:
    limited = await TokenFactory.clear_for(database, ann, scopes=["signed_in"])
    body = {"email": OTHER, "password": PASSWORD} if path == "links/change" else {"password": PASSWORD}
    answer = await client.request(
        method, f"/api/v1/accounts/{path}", json=body if method == "POST" else None, headers=bearer(limited)
    )
    assert (answer.status_code, answer.json()["errors"]) == (403, {"scope": ["forbidden"]})


# All that is held of one


async def test_an_export_has_all_that_accounts_holds_and_no_secret(
    client: httpx.AsyncClient, outbox: Outbox, ann: User, token: str, database: Database
) -> None:
    await ask(client, "reset", OLD)
    await UserFactory.saved(database)
    await fill(database, ann)

    answer = await client.get(f"{ME}/export", headers=bearer(token))

    assert answer.headers["content-disposition"] == 'attachment; filename="account.json"'
    assert answer.headers["cache-control"] == "no-store"
    held = answer.json()
    assert held["account"] == await me(client, token)
    assert held["modules"].keys() == {module.name for module in installed(MODULES) if module.share}
    [kept], [link] = held["modules"]["accounts"]["tokens"], held["modules"]["accounts"]["links"]
    assert (kept["device"], link["purpose"], link["email"]) == ("a device", "reset", OLD)
    [passkey] = held["modules"]["accounts"].pop("passkeys")
    assert passkey.keys() == {"name", "transports", "createdAt", "lastUsedAt"}
    assert (passkey["name"], passkey["transports"]) == ("my telephone", ["hybrid"])
    assert {name: value for name, value in held["modules"]["accounts"].items() if name not in {"tokens", "links"}} == {
        "invitations": [],
        "totp": True,
        "recoveryCodesLeft": 2,
        "identities": [],
        "groups": ["Keepers"],
        "permissions": ["accounts.manage_users"],
    }
    secrets = (token, outbox.token(OLD), "argon2", "digest", SECRET, SECRET.encode().hex())
    assert not [secret for secret in secrets if secret in answer.text]


async def fill(database: Database, user: User) -> None:
    """Whatever there can be of a user besides tokens and links."""
    work = database.unit_of_work()
    key, secret = f"'{user.id}'::uuid", f"'{SECRET}'::bytea"

    async def insert() -> None:
        for sql in (
            f"INSERT INTO accounts_totp (user_id, secret, confirmed) VALUES ({key}, {secret}, true)",
            f"INSERT INTO accounts_recovery_code (user_id, digest) VALUES ({key}, {secret}), ({key}, 'x')",
            (
                "INSERT INTO accounts_passkey (user_id, credential_id, public_key, sign_count, name, transports)"
                f" VALUES ({key}, {secret}, {secret}, 7, 'my telephone', '{{hybrid}}')"
            ),
            "INSERT INTO accounts_group (name) VALUES ('Keepers'), ('Others')",
            (
                f"INSERT INTO accounts_membership (user_id, group_id) SELECT {key}, id FROM accounts_group"
                " WHERE name = 'Keepers'"
            ),
            f"INSERT INTO accounts_grant (user_id, permission) VALUES ({key}, 'accounts.manage_users')",
        ):
            await work.fetch(sql, ())

    await work.run(insert)


# Tables that refer to users and are in no export.
NOT_SHARED = {"accounts_challenge": "a question that waits for five minutes, of which a digest is kept"}


async def test_an_export_looks_into_each_table_that_refers_to_users(
    client: httpx.AsyncClient, token: str, statements: Callable
) -> None:
    with statements() as sent:
        assert (await client.get(f"{ME}/export", headers=bearer(token))).status_code == 200
    asked = set(re.findall(r"\b(?:FROM|JOIN) (\w+)", " ".join(sent)))
    referring = {
        table.name
        for table in metadata().sorted_tables
        for key in table.foreign_keys
        if key.column.table.name == "accounts_user"
    }
    assert referring - asked == NOT_SHARED.keys()


# Notices


async def signed_in_from(client: httpx.AsyncClient, device: str) -> None:
    body = {"email": OLD, "password": PASSWORD}
    (await client.post(TOKENS, json=body, headers={"User-Agent": device})).raise_for_status()


async def test_a_sign_in_from_a_new_device_is_told_by_mail(
    client: httpx.AsyncClient, outbox: Outbox, ann: User
) -> None:
    await signed_in_from(client, "the first")
    await signed_in_from(client, "the first")
    assert len(outbox) == 0, "nothing is new where there was nothing before, nor what was there"

    await signed_in_from(client, FIREFOX)

    [notice] = outbox.to(OLD)
    assert notice.subject == "A sign-in from a new device"
    assert "Firefox on Linux" in " ".join(notice.text.split())
    await signed_in_from(client, FIREFOX)
    assert len(outbox) == 1


async def test_a_link_from_a_new_device_is_told_too(
    client: httpx.AsyncClient, outbox: Outbox, ann: User, token: str
) -> None:
    await ask(client, "sign-in", OLD)
    await follow(client, "sign-in", outbox.token(OLD))
    assert outbox.subjects == ["Your link to sign in", "A sign-in from a new device"]


async def test_tokens_made_by_name_are_no_devices(
    client: httpx.AsyncClient, outbox: Outbox, ann: User, database: Database
) -> None:
    await TokenFactory.clear_for(database, ann, name="nightly import")
    await signed_in_from(client, FIREFOX)
    assert len(outbox) == 0


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (FIREFOX, "Firefox on Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1", "Safari on iOS"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Visit evil.example now", "a program on an unknown system"),
        (None, "a program on an unknown system"),
    ],
    ids=["firefox", "safari", "edge", "somebody's text", "nothing"],
)
def test_a_device_is_described_in_words_of_our_own(told: str | None, expected: str) -> None:
    assert described(told) == expected


async def test_a_new_password_is_told_by_mail(client: httpx.AsyncClient, outbox: Outbox, ann: User, token: str) -> None:
    await client.patch(ME, json={"password": NEW, "bio": "x"}, headers=bearer(token))
    await client.patch(ME, json={"bio": "y"}, headers=bearer(token))
    assert outbox.subjects == ["Your password was changed"]


# What lets a victim of lockout in, and what keeps mail from being a nuisance


@pytest.fixture
def come(app: Litestar) -> Callable[[str], httpx.AsyncClient]:
    """A client at an address."""

    def at(host: str) -> httpx.AsyncClient:
        transport = Watched(app)
        transport.client = (host, 4711)
        return httpx.AsyncClient(transport=transport, base_url="http://testserver")

    return at


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
    app: Litestar, client: httpx.AsyncClient, ann: User, token: str, monkeypatch: pytest.MonkeyPatch
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


def test_what_a_module_shares_is_declared() -> None:
    """Where a table refers to users, its module says what of theirs it holds."""
    from app.platform.database.model import Base  # noqa: PLC0415

    referring = {
        table.name.split("_")[0]
        for table in Base.metadata.tables.values()
        for key in table.foreign_keys
        if key.column.table.name == "accounts_user"
    }
    assert referring <= {module.name for module in installed(MODULES) if module.share}

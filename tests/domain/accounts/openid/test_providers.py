"""Providers are trusted by who may say so, at the API and on the command line; their secrets are never told."""

import asyncio
from collections.abc import Callable

import httpx
import pytest
from click.testing import CliRunner, Result
from litestar import Litestar

from app.domain.accounts.openid import PROVIDER_SECRETS
from app.domain.accounts.openid_commands import identities_remove, provider_add, provider_remove, providers
from app.domain.accounts.policies import MANAGE_PROVIDERS
from app.platform.cli import console
from app.platform.database.pools import Database
from app.platform.sealing import Seal, keys_of
from config.settings import Settings, load
from tests.conftest import SignedIn
from tests.domain.accounts.doors import ME
from tests.domain.accounts.openid.going import IDENTITIES, PROVIDERS, counts
from tests.domain.accounts.openid.provider import SECRET, Provider

NEW = {"name": "example", "label": "Example", "issuer": "https://accounts.example.com", "clientId": "litehouse"}
WHOLE = NEW | {"clientSecret": SECRET}


@pytest.fixture
async def manager(sign_in: Callable, database: Database) -> SignedIn:
    """Somebody who holds that permission alone."""
    manager = await sign_in()
    work = database.unit_of_work()
    sql = "INSERT INTO accounts_grant (user_id, permission) VALUES ($1, $2)"
    await work.run(lambda: work.fetch(sql, (manager.id, MANAGE_PROVIDERS.name)))
    return manager


async def test_a_provider_is_trusted_changed_and_trusted_no_more(
    client: httpx.AsyncClient, database: Database, settings: Settings, manager: SignedIn
) -> None:
    made = await client.post(PROVIDERS, json=WHOLE, auth=manager)
    assert (made.status_code, made.headers["location"]) == (201, f"{PROVIDERS}/example")
    assert (await client.post(PROVIDERS, json=WHOLE, auth=manager)).status_code == 409
    broken = WHOLE | {"name": "other\n", "scopes": ["openid", "email\n"]}
    refused = await client.post(PROVIDERS, json=broken, auth=manager)
    assert (refused.status_code, set(refused.json()["errors"])) == (422, {"name", "scopes"})
    read = await client.get(f"{PROVIDERS}/example", auth=manager)
    assert read.json() == made.json()
    assert read.json()["scopes"] == ["openid", "email", "profile"]
    changes = {"label": "Another", "clientSecret": "another secret", "clientId": "me", "scopes": ["openid"]}
    changed = await client.patch(f"{PROVIDERS}/example", json=changes, auth=manager)
    assert changed.json() == made.json() | {"label": "Another", "clientId": "me", "scopes": ["openid"]}
    for answer in (made, read, changed):
        assert "ecret" not in answer.text

    [(key, secret)] = await database.reader().fetch("SELECT id, secret FROM accounts_provider", ())
    assert Seal(keys_of(settings)).open(secret, PROVIDER_SECRETS.place(key)) == b"another secret"
    assert (await client.get(PROVIDERS)).json() == {"items": [{"name": "example", "label": "Another"}]}

    assert (await client.delete(f"{PROVIDERS}/example", auth=manager)).status_code == 204
    for method in ("GET", "DELETE"):
        assert (await client.request(method, f"{PROVIDERS}/example", auth=manager)).status_code == 404
    assert (await client.patch(f"{PROVIDERS}/example", json={}, auth=manager)).status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "Two words"},
        {"name": ""},
        {"name": "a/b"},
        {"label": " "},
        {"issuer": "accounts.example.com"},
        {"issuer": "http://accounts.example.com"},
        {"issuer": "https://accounts.example.com/?a=1"},
        {"issuer": "https://accounts.example.com/#a"},
        {"issuer": "https://me@accounts.example.com"},
        {"issuer": "https://accounts.example.com:port"},
        {"clientId": ""},
        {"clientSecret": ""},
        {"scopes": []},
        {"scopes": ["email"]},
        {"scopes": ["openid", "two words"]},
        {"scopes": ["openid", 'quo"ted']},
        {"unknown": 1},
    ],
    ids=str,
)
async def test_what_cannot_be_trusted(client: httpx.AsyncClient, manager: SignedIn, wrong: dict[str, object]) -> None:
    answer = await client.post(PROVIDERS, json=WHOLE | wrong, auth=manager)
    assert answer.status_code == 422, answer.text
    assert next(iter(wrong)) in answer.text


async def test_its_issuer_stays(client: httpx.AsyncClient, manager: SignedIn) -> None:
    await client.post(PROVIDERS, json=WHOLE, auth=manager)
    for change in ({"issuer": "https://evil.example"}, {"scopes": ["email"]}):
        assert (await client.patch(f"{PROVIDERS}/example", json=change, auth=manager)).status_code == 422


async def test_what_admins_type_about_providers_is_done(
    type_in: Callable, browser: httpx.AsyncClient, provider: Provider, app: Litestar, database: Database
) -> None:
    arguments = ("fake", "--issuer", provider.issuer, "--client-id", "litehouse")
    made = await type_in(provider_add, *arguments, typed=f"{SECRET}\n")
    assert made.exit_code == 0, made.output
    assert "http://localhost:8000/account/openid/fake/callback" in made.output
    assert (await browser.get("/account/openid/fake")).status_code == 200
    assert (await type_in(providers)).output == f"fake  fake  {provider.issuer}  1\n"

    removed = await type_in(identities_remove, "ann")
    assert removed.output == "1 identities of ann were removed, and they are signed out everywhere.\n"
    assert await counts(database) == (1, 0, 0)

    again = await type_in(provider_add, *arguments, typed=SECRET)
    assert (again.exit_code, "has already been taken" in again.output) == (1, True)
    wrong = await type_in(provider_add, "A b", "--issuer", "x", "--client-id", "x", typed=SECRET)
    assert (wrong.exit_code, "name" in wrong.output) == (1, True)
    assert (await type_in(provider_remove, "fake")).exit_code == 0
    assert (await type_in(provider_remove, "fake")).exit_code == 1
    app.state.pop("directory", None)


async def test_identities_go_with_their_provider(
    client: httpx.AsyncClient,
    browser: httpx.AsyncClient,
    trusted: object,
    manager: SignedIn,
) -> None:
    await browser.get("/account/openid/fake")
    assert (await client.delete(f"{PROVIDERS}/fake", auth=manager)).status_code == 204
    assert (await browser.get(IDENTITIES)).json() == {"items": []}
    assert (await browser.get(ME)).status_code == 200, "who is signed in stays so"
    assert (await browser.get("/account/openid/fake")).status_code == 404


async def test_secrets_are_encrypted_anew(fresh_database_url: str, app: Litestar) -> None:
    old, new = "o" * 32, "n" * 32
    environ = {"DATABASE_URL": fresh_database_url, "LITEHOUSE_ENVIRONMENT": "test"}

    async def kept() -> bytes:
        database = Database(load(None, environ), on_oversized=print)
        async with database.lifespan():
            [(key, secret)] = await database.reader().fetch("SELECT id, secret FROM accounts_provider", ())
        return Seal([new]).open(secret, PROVIDER_SECRETS.place(key))

    def invoke(keys: str, *arguments: str) -> Result:
        return CliRunner().invoke(console, arguments, env=environ | {"LITEHOUSE_SECRET_KEYS": keys}, input=SECRET)

    add = ("provider-add", "fake", "--issuer", "https://a.example", "--client-id", "x")
    assert (await asyncio.to_thread(invoke, old, *add)).exit_code == 0
    done = await asyncio.to_thread(invoke, f"{new},{old}", "rotate-secrets")
    assert done.stdout == "1 secrets were encrypted anew.\n", done.output
    assert await kept() == SECRET.encode()

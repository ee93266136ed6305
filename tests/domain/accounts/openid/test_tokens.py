"""What a provider's token has to prove: whose it is, for whom, when, and by a key of the provider's."""

from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from app.domain.accounts import openid_directory
from app.platform.database.pools import Database
from tests.domain.accounts.openid.going import GO, KEYS, refused
from tests.domain.accounts.openid.provider import CLIENT, Provider, ec, rsa
from tests.domain.accounts.pages import title

pytestmark = pytest.mark.usefixtures("trusted")


WRONG_TOKENS = {
    "issuer": {"iss": "https://evil.example"},
    "no issuer": {"iss": None},
    "audience": {"aud": "another"},
    "no audience": {"aud": None},
    "many audiences, none said": {"aud": [CLIENT, "another"]},
    "many audiences, another": {"aud": [CLIENT, "another"], "azp": "another"},
    "party": {"azp": "another"},
    "nonce": {"nonce": "of-another-sign-in"},
    "no nonce": {"nonce": None},
    "expired": {"exp": 1_000_000_000},
    "no end": {"exp": None},
    "end no number": {"exp": "tomorrow"},
    "of the future": {"iat": 9_000_000_000},
    "no time": {"iat": None},
    "not yet": {"nbf": 9_000_000_000},
    "no subject": {"sub": None},
    "empty subject": {"sub": ""},
    "subject no text": {"sub": 7},
    "subject too long": {"sub": "x" * 256},
    "subject with NUL": {"sub": "a\0b"},
}


@pytest.mark.parametrize("claims", WRONG_TOKENS.values(), ids=WRONG_TOKENS.keys())
async def test_a_token_that_does_not_prove_it(
    browser: httpx.AsyncClient, provider: Provider, database: Database, claims: dict[str, object]
) -> None:
    provider.claims |= claims
    await refused(browser, database, 401, "Not proven")


async def test_a_token_for_several_is_taken_where_it_was_given_to_us(
    browser: httpx.AsyncClient, provider: Provider
) -> None:
    provider.claims |= {"aud": ["another", CLIENT], "azp": CLIENT}
    assert title(await browser.get(GO)) == "You are signed in"


@pytest.mark.parametrize(("seconds", "status"), [(25, 200), (35, 401)], ids=["within", "beyond"])
@pytest.mark.parametrize("clock", ["behind", "before"])
async def test_clocks_may_differ_by_half_a_minute(
    browser: httpx.AsyncClient,
    provider: Provider,
    monkeypatch: pytest.MonkeyPatch,
    clock: str,
    seconds: int,
    status: int,
) -> None:
    now = 2_000_000_000

    class Clock:
        @staticmethod
        def now(_: object) -> object:
            return datetime.fromtimestamp(now, UTC)

    monkeypatch.setattr("app.domain.accounts.openid_exchange.datetime", Clock)
    far = {"iat": now - 90, "exp": now - seconds} if clock == "behind" else {"iat": now + seconds, "exp": now + 90}
    provider.claims |= far
    assert (await browser.get(GO)).status_code == status


async def unsigned(provider: Provider) -> None:
    provider.header = {"alg": "none"}


async def by_a_public_key(provider: Provider) -> None:
    provider.header = {"alg": "HS256", "kid": "r1"}


async def by_another_algorithm(provider: Provider) -> None:
    provider.header = {"alg": "RS512", "kid": "r1"}


async def by_another_key(provider: Provider) -> None:
    provider.signs_by = rsa("r2")


async def by_an_unknown_key(provider: Provider) -> None:
    provider.sign_by("RS256", rsa("r2"))


async def by_a_key_of_another_kind(provider: Provider) -> None:
    provider.header, provider.signs_by = {"alg": "ES256", "kid": "r1"}, ec("e1")


@pytest.mark.parametrize(
    "misbehave",
    [unsigned, by_a_public_key, by_another_algorithm, by_another_key, by_an_unknown_key, by_a_key_of_another_kind],
    ids=lambda misbehave: misbehave.__name__,
)
async def test_a_token_that_the_provider_has_not_signed(
    browser: httpx.AsyncClient, provider: Provider, database: Database, misbehave: Callable
) -> None:
    await misbehave(provider)
    await refused(browser, database, 401, "Not proven")


@pytest.mark.parametrize("is_named", [True, False], ids=["named", "without a name"])
async def test_keys_may_change_and_unknown_ones_are_asked_for_once_a_minute(
    browser: httpx.AsyncClient, provider: Provider, monkeypatch: pytest.MonkeyPatch, is_named: bool
) -> None:
    provider.shows_names = is_named
    assert (await browser.get(GO)).status_code == 200
    provider.keys = [rsa("r2")]
    provider.sign_by("RS256", rsa("r2"))
    assert (await browser.get(GO)).status_code == 200
    assert provider.asked[KEYS] == 2
    provider.sign_by("RS256", rsa("r3"))
    assert [(await browser.get(GO)).status_code for _ in range(2)] == [401, 401]
    assert provider.asked[KEYS] == 2
    provider.keys = [rsa("r3")]
    monkeypatch.setattr(openid_directory, "AGAIN_SECONDS", 0.0)
    assert (await browser.get(GO)).status_code == 200

"""A provider that answers nonsense, is away, or says that it is another signs nobody in."""

import asyncio
from collections.abc import Callable

import httpx
import pytest
from aiohttp import web
from litestar import Litestar
from msgspec.structs import replace

from app.domain.accounts.openid_directory import PROVIDERS
from app.platform.database.pools import Database
from app.platform.observability.logging import flush_log
from tests.domain.accounts.doors import BASE, OURS
from tests.domain.accounts.openid.going import CONFIGURATION, GO, KEYS, TOKEN, gone_to, refused, trust
from tests.domain.accounts.openid.provider import SECRET, Provider

pytestmark = pytest.mark.usefixtures("trusted")


def said(text: str = "", status: int = 200, **headers: str) -> web.Response:
    return web.Response(text=text, status=status, headers=headers)


LARGE = '{"keys": [], "more": "' + "x" * 1_000_000 + '"}'


@pytest.mark.parametrize(
    ("path", "answer", "status"),
    [
        pytest.param(TOKEN, lambda: said("<html>Sign in</html>"), 502, id="HTML for a token"),
        pytest.param(TOKEN, lambda: said("{}"), 502, id="no token"),
        pytest.param(TOKEN, lambda: said('{"id_token": "nonsense"}'), 401, id="nonsense for a token"),
        pytest.param(TOKEN, lambda: said('{"id_token": 7}'), 502, id="a number for a token"),
        pytest.param(TOKEN, lambda: said("{}", 400), 502, id="refused"),
        pytest.param(TOKEN, lambda: said('{"error": "invalid_grant"}', 400), 400, id="code used up"),
        pytest.param(TOKEN, lambda: said("", 302, Location="/token"), 502, id="led elsewhere"),
        pytest.param(TOKEN, lambda: said("", 500), 503, id="token endpoint broken"),
        pytest.param(TOKEN, lambda: said(LARGE), 502, id="token endpoint says too much"),
        pytest.param(KEYS, lambda: said(LARGE), 502, id="too many keys"),
        pytest.param(KEYS, lambda: said("[]"), 502, id="keys no object"),
        pytest.param(KEYS, lambda: said('{"keys": []}'), 401, id="no keys"),
        pytest.param(KEYS, lambda: said('{"keys": [{"kty": "RSA", "kid": "r1", "n": "AQAB"}]}'), 401, id="key short"),
        pytest.param(KEYS, lambda: said("", 404), 502, id="keys missing"),
        pytest.param(KEYS, lambda: said("", 503), 503, id="keys busy"),
        pytest.param(CONFIGURATION, lambda: said("<html>"), 502, id="HTML for a configuration"),
        pytest.param(CONFIGURATION, lambda: said("", 429), 503, id="too often"),
        pytest.param(CONFIGURATION, lambda: said("[" * 100_000), 502, id="nested"),
    ],
)
async def test_a_provider_that_answers_nonsense(
    browser: httpx.AsyncClient,
    provider: Provider,
    database: Database,
    capfd: pytest.CaptureFixture[str],
    path: str,
    answer: Callable[[], web.Response],
    status: int,
) -> None:
    provider.answers[path] = answer
    await refused(browser, database, status)
    flush_log()
    log = capfd.readouterr().out
    for canary in (SECRET, "code-0", "access", "canary"):
        assert canary not in log
    assert "unhandled" not in log


@pytest.mark.parametrize(
    "told",
    [
        {"issuer": "https://evil.example"},
        {"authorization_endpoint": "http://evil.example/authorize"},
        {"token_endpoint": "http://evil.example/token"},
        {"token_endpoint": "ftp://127.0.0.1/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"userinfo_endpoint": "http://user@127.0.0.1/"},
        {"token_endpoint_auth_methods_supported": ["private_key_jwt"]},
    ],
    ids=str,
)
async def test_a_configuration_that_cannot_be_used(
    browser: httpx.AsyncClient, provider: Provider, database: Database, told: dict[str, object]
) -> None:
    provider.configuration |= told
    await refused(browser, database, 502, "Upstream failed")


async def test_a_provider_that_is_down_or_too_slow(
    app: Litestar, browser: httpx.AsyncClient, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    await trust(app, "down", "http://127.0.0.1:1")
    answer = await browser.get("/account/openid/down")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    begun = await browser.post(f"{BASE}/session/openid/down", headers=OURS)
    assert (begun.status_code, begun.json()["code"]) == (503, "busy")

    client = app.state.resources.outbound.to(PROVIDERS)
    monkeypatch.setattr(client, "upstream", replace(PROVIDERS, total=0.2))
    provider.slow.clear()
    assert (await browser.get(GO)).status_code == 503


async def test_a_code_of_another_provider_is_not_taken(
    app: Litestar, browser: httpx.AsyncClient, provider: Provider
) -> None:
    await trust(app, "other", provider.issuer)
    back = await gone_to(browser, GO)
    assert (await browser.get(back.replace("/fake/", "/other/"))).status_code == 400
    assert provider.asked["/token"] == 0


@pytest.mark.parametrize(
    ("returned", "status"),
    [
        pytest.param({"error": "access_denied"}, 401, id="denied"),
        pytest.param({"error": "temporarily_unavailable"}, 503, id="not now"),
        pytest.param({"code": ""}, 401, id="no code"),
        pytest.param({"iss": "https://evil.example"}, 400, id="of another issuer"),
        pytest.param({"error": "<script>"}, 401, id="strange"),
    ],
)
async def test_what_a_provider_sends_back_instead_of_a_code(
    browser: httpx.AsyncClient, provider: Provider, database: Database, returned: dict[str, str], status: int
) -> None:
    provider.returned = returned
    answer = await refused(browser, database, status)
    assert "<script>" not in answer.text
    assert provider.asked["/token"] == 0


async def test_a_provider_that_says_who_it_is_has_to(
    browser: httpx.AsyncClient, provider: Provider, database: Database
) -> None:
    provider.configuration["authorization_response_iss_parameter_supported"] = True
    await refused(browser, database, 400)
    provider.returned["iss"] = provider.issuer
    assert (await browser.get(GO)).status_code == 200


async def test_what_a_provider_publishes_is_asked_for_once(
    browsers: list[httpx.AsyncClient], provider: Provider
) -> None:
    provider.slow.clear()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one.get(GO, follow_redirects=False)) for one in browsers]
        while not provider.asked[CONFIGURATION]:
            await asyncio.sleep(0.01)
        provider.slow.set()
    assert {task.result().status_code for task in tasks} == {303}
    assert provider.asked == {CONFIGURATION: 1}

"""Sign-in by a provider over HTTP: real flows of a browser that follows redirects, and each way in which one fails."""

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from aiohttp import web
from litestar import Litestar
from msgspec.structs import replace

from app.domain.accounts import openid_directory
from app.domain.accounts.models import User
from app.domain.accounts.openid import opened, pending_cookie, sealed
from app.domain.accounts.openid_directory import PROVIDERS
from app.domain.accounts.openid_schemas import ManagedProvider
from app.domain.accounts.totp import recovery_digest
from app.platform.database.pools import Database
from app.platform.observability.logging import flush_log
from config.rates import Rate
from config.settings import load
from tests.domain.accounts.factories import PASSWORD, UserFactory
from tests.domain.accounts.openid import (
    BASE,
    HERE,
    IDENTITIES,
    ME,
    OURS,
    a_browser,
    browser,
    counts,
    gone_to,
    provider,
    trust,
    trusted,
)
from tests.domain.accounts.provider import CLIENT, SECRET, SUBJECT, Provider, ec, rsa
from tests.domain.accounts.test_link_pages import Form

__all__ = ["browser", "provider", "trusted"]

pytestmark = pytest.mark.usefixtures("trusted")
GO = "/account/openid/fake"


def title(answer: httpx.Response) -> str:
    return re.search(r"<h1>(.*)</h1>", answer.text)[1]


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
async def test_somebody_new_signs_in_and_comes_again(
    browser: httpx.AsyncClient, provider: Provider, database: Database, algorithm: str, method: str
) -> None:
    provider.configuration["token_endpoint_auth_methods_supported"] = [method]
    provider.sign_by(algorithm, rsa("r1") if algorithm == "RS256" else ec("e1"))

    answer = await browser.get(GO)

    assert (answer.status_code, title(answer)) == (200, "You are signed in")
    assert "openid" not in browser.cookies
    me = (await browser.get(ME)).json()
    assert (me["username"], me["email"], me["emailVerifiedAt"] is not None) == ("ann", "ann@example.com", True)
    [identity] = (await browser.get(IDENTITIES)).json()["items"]
    assert (identity["provider"], identity["subject"], identity["email"]) == ("fake", SUBJECT, me["email"])
    assert ("client_secret" in provider.forms[0]) == (method == "client_secret_post")

    events = await database.reader().fetch("SELECT name FROM platform_outbox ORDER BY id", ())
    assert [name for (name,) in events] == ["accounts.user_registered", "accounts.user_signed_in"]

    first = browser.cookies["session"]
    provider.claims |= {"email": "other@example.com", "preferred_username": "bea"}
    assert title(await browser.get(GO)) == "You are signed in"
    assert browser.cookies["session"] != first
    assert (await browser.get(ME)).json()["username"] == "ann", "by the subject alone one is known"
    assert await counts(database) == (1, 1, 1), "the session of before has ended"


async def test_nobody_signs_in_by_the_password_of_who_has_none(browser: httpx.AsyncClient) -> None:
    await browser.get(GO)
    browser.cookies.clear()
    for password in ("!", PASSWORD):
        answer = await browser.post(f"{BASE}/tokens", json={"email": "ann@example.com", "password": password})
        assert answer.status_code == 401


async def test_scripts_begin_by_json_and_come_back_to_where_they_were(
    browser: httpx.AsyncClient, provider: Provider
) -> None:
    where = f"{BASE}/session/openid/fake"
    assert (await browser.post(where)).status_code == 403
    begun = await browser.post(where, params={"back": "/docs?a=1"}, headers=OURS)
    assert (begun.status_code, begun.headers["cache-control"]) == (200, "no-store")
    assert "HttpOnly; SameSite=Lax" in begun.headers["set-cookie"]
    address = begun.json()["authorizationUrl"]
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert asked["redirect_uri"] == f"{HERE}/account/openid/fake/callback"
    assert (asked["scope"], asked["code_challenge_method"]) == ("openid email profile", "S256")
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    at_provider = await browser.get(address, follow_redirects=False)
    answer = await browser.get(at_provider.headers["location"], follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/docs?a=1")
    assert (await browser.get(ME)).status_code == 200


@pytest.mark.parametrize(
    "back", ["//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil.example", "/there\n", ""]
)
async def test_one_is_led_to_this_site_alone(browser: httpx.AsyncClient, provider: Provider, back: str) -> None:
    for method, where in (("POST", f"{BASE}/session/openid/fake"), ("GET", GO)):
        answer = await browser.request(method, where, params={"back": back}, headers=OURS)
        assert answer.status_code == 422, answer.text
    assert not provider.codes


async def test_a_provider_that_nobody_trusts(browser: httpx.AsyncClient) -> None:
    assert (await browser.get("/account/openid/nobody")).status_code == 404
    assert (await browser.post(f"{BASE}/session/openid/nobody", headers=OURS)).status_code == 404
    assert (await browser.get("/account/openid/nobody/callback?state=a&code=b")).status_code == 400


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


def said(text: str = "", status: int = 200, **headers: str) -> web.Response:
    return web.Response(text=text, status=status, headers=headers)


LARGE = '{"keys": [], "more": "' + "x" * 1_000_000 + '"}'
TOKEN, KEYS, CONFIGURATION = "/token", "/keys", "/.well-known/openid-configuration"


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


async def refused(browser: httpx.AsyncClient, database: Database, status: int, heading: str = "") -> httpx.Response:
    """One is told so on a page, and nothing has changed."""
    answer = await browser.get(GO)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("text/html")
    assert heading in title(answer)
    assert "session" not in browser.cookies
    assert await counts(database) == (0, 0, 0)
    return answer


async def test_a_state_is_good_once_and_in_its_browser_alone(
    app: Litestar, browser: httpx.AsyncClient, database: Database
) -> None:
    back = await gone_to(browser, GO)
    cookie = browser.cookies["openid"]

    async with a_browser(app) as other:
        assert (await other.get(back)).status_code == 400, "without the cookie"
        await gone_to(other, GO)
        assert (await other.get(back)).status_code == 400, "with that of another sign-in"
        assert "openid" not in other.cookies, "it is taken back"
    assert (await browser.get(re.sub("state=[^&]*", "state=guessed", back))).status_code == 400
    assert await counts(database) == (0, 0, 0)

    for value, status in ((cookie[:-8] + "AAAAAAAA", 400), ("", 400), ("no base64", 400), (cookie, 200), (cookie, 400)):
        browser.cookies.clear()
        answer = await browser.get(back, headers={"Cookie": f"openid={value}"})
        assert answer.status_code == status, value
    assert await counts(database) == (1, 1, 1), "the code was used up"


async def test_a_sign_in_is_over_after_ten_minutes(app: Litestar, browser: httpx.AsyncClient) -> None:
    back = await gone_to(browser, GO)
    seal = await app.state.resources.sealing.seal()
    pending = opened(seal, browser.cookies["openid"])
    browser.cookies.clear()
    for seconds, status in ((-601, 400), (0, 200)):
        then = replace(pending, expires_at=pending.expires_at + seconds)
        answer = await browser.get(back, headers={"Cookie": f"openid={sealed(seal, then)}"})
        assert answer.status_code == status


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


async def test_nobody_becomes_who_is_there_by_an_address(browser: httpx.AsyncClient, database: Database) -> None:
    await UserFactory.saved(database, email="Ann@example.com")
    answer = await browser.get(GO)
    assert (answer.status_code, title(answer)) == (409, "There is an account with this address")
    assert await counts(database) == (1, 0, 0)


@pytest.mark.parametrize(
    "claims",
    [
        {"email_verified": False},
        {"email_verified": None},
        {"email_verified": "false"},
        {"email": None},
        {"email": "no address"},
        {"email": 7},
    ],
    ids=str,
)
async def test_an_address_that_nobody_vouches_for(
    browser: httpx.AsyncClient, provider: Provider, database: Database, claims: dict[str, object]
) -> None:
    provider.claims |= claims
    await refused(browser, database, 403, "Address not confirmed")


async def test_an_address_that_is_told_beside_the_token(browser: httpx.AsyncClient, provider: Provider) -> None:
    provider.claims = {}
    provider.userinfo = {"sub": "another", "email": "ann@example.com", "email_verified": True}
    assert (await browser.get(GO)).status_code == 403
    provider.userinfo["sub"] = SUBJECT
    assert (await browser.get(GO)).status_code == 200
    assert (await browser.get(ME)).json()["email"] == "ann@example.com"


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("ann", "ann-2"),
        ("Ann Smith!", "Ann-Smith"),
        ("bea@corp.example", "bea"),
        ("\u202eevil", "evil"),
        ("аnn", "аnn"),  # noqa: RUF001 - Cyrillic throughout is one script; mixed it would not be
        ("a" * 100, "a" * 54),
        ("", "ann-2"),
        ("🙂", "ann-2"),
        (7, "ann-2"),
    ],
    ids=str,
)
async def test_how_somebody_new_is_called(
    browser: httpx.AsyncClient, provider: Provider, database: Database, told: object, expected: str
) -> None:
    await UserFactory.saved(database, username="ANN")
    provider.claims["preferred_username"] = told
    assert (await browser.get(GO)).status_code == 200
    name = (await browser.get(ME)).json()["username"]
    assert name == (expected if told != "аnn" else "ann-2")  # noqa: RUF001


@pytest.fixture
async def browsers(app: Litestar) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Of several people."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(a_browser(app)) for _ in range(4)]


async def test_of_several_who_are_new_at_once_one_user_is_made(
    browsers: list[httpx.AsyncClient], database: Database
) -> None:
    backs = [await gone_to(one, GO) for one in browsers]
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(one.get(back, headers={"Cookie": f"openid={one.cookies['openid']}"}))
            for one, back in zip(browsers, backs, strict=True)
        ]
    assert [task.result().status_code for task in tasks] == [200] * 4
    assert await counts(database) == (1, 4, 1)


@pytest.mark.parametrize("back", ["/docs", None], ids=["back", "page"])
async def test_who_has_a_second_factor_is_asked_for_it(
    browser: httpx.AsyncClient, database: Database, back: str | None
) -> None:
    await browser.get(GO)
    work = database.unit_of_work()
    code = "mfrg-gzdf-mztw-q2lk"
    sql = "INSERT INTO accounts_recovery_code (user_id, digest) SELECT id, $1 FROM accounts_user"
    await work.run(lambda: work.fetch(sql, (recovery_digest(code),)))
    await execute(database, "UPDATE accounts_user SET has_second_factor = true")
    browser.cookies.clear()

    asked = await browser.get(GO, params={} if back is None else {"back": back})
    assert (asked.status_code, title(asked), "session" in browser.cookies) == (200, "One more step", False)
    form = Form(asked.text)
    assert (form.action, form.method, form.labels) == ("/account/openid", "post", {"code"})

    async def give(typed: str, site: str = "same-origin") -> httpx.Response:
        headers = {"Sec-Fetch-Site": site, "Origin": "null"}
        return await browser.post(
            form.action, data=form.fields | {"code": typed}, headers=headers, follow_redirects=False
        )

    for wrong in ("000000", "mfrg-gzdf-mztw-xxxx", ""):
        refusal = await give(wrong)
        assert (refusal.status_code, Form(refusal.text).fields) == (401, form.fields), refusal.text
    assert (await give(code, "cross-site")).status_code == 403
    done = await give(code)
    assert (done.status_code, done.headers.get("location")) == ((200, None) if back is None else (303, back))
    assert (await browser.get(ME)).json()["username"] == "ann"
    assert (await give(code)).status_code == 401


async def test_after_a_code_one_is_led_to_this_site_alone(browser: httpx.AsyncClient) -> None:
    form = {"challenge": "x" * 43, "code": "000000", "back": '//evil.example"><script>'}
    answer = await browser.post("/account/openid", data=form, headers=OURS)
    assert (answer.status_code, "<script>" in answer.text) == (401, False)


async def test_who_is_not_active_does_not_come_in(browser: httpx.AsyncClient, database: Database) -> None:
    await browser.get(GO)
    browser.cookies.clear()
    await execute(database, "UPDATE accounts_user SET is_active = false")
    assert (await browser.get(GO)).status_code == 401
    assert "session" not in browser.cookies


async def execute(database: Database, sql: str) -> None:
    work = database.unit_of_work()
    await work.run(lambda: work.fetch(sql, ()))


async def test_sign_ins_from_one_address_are_counted(
    app: Litestar, browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.state.settings.security.__dict__, "sign_in_address_limit", Rate(2, 3600))
    assert [(await browser.get(f"{GO}/callback")).status_code for _ in range(3)] == [400, 400, 429]
    assert (await browser.get(GO)).status_code == 429


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


async def test_a_sign_in_costs_few_statements(browser: httpx.AsyncClient, statements: Callable) -> None:
    await browser.get(GO)
    back = await gone_to(browser, GO)
    with statements(at_most=12) as sent:
        assert (await browser.get(back)).status_code == 200
    assert "COMMIT" in sent


@pytest.fixture
async def ann(database: Database) -> User:
    return await UserFactory.saved(database, username="ann", email="ann@example.com")


async def test_the_trusted_are_listed(browser: httpx.AsyncClient, trusted: ManagedProvider) -> None:
    listed = (await browser.get(f"{BASE}/providers")).json()
    assert listed == {"items": [{"name": trusted.name, "label": trusted.label}]}


@pytest.mark.parametrize(
    ("base_url", "name", "attributes"),
    [
        ("https://example.com", "__Host-openid", "Path=/; HttpOnly; SameSite=Lax; Secure"),
        ("http://localhost:8000", "openid", "Path=/; HttpOnly; SameSite=Lax"),
    ],
    ids=["https", "loopback"],
)
async def test_the_cookie_is_this_hosts_alone(base_url: str, name: str, attributes: str) -> None:
    settings = load(None, {"LITEHOUSE_ENVIRONMENT": "test", "LITEHOUSE_BASE_URL": base_url})
    given = pending_cookie(settings.http).given_out("value")["Set-Cookie"]
    assert given == f"{name}=value; Max-Age=600; {attributes}"


async def test_what_takes_long_to_import_is_imported_by_the_first_who_needs_it() -> None:
    names = "('aiohttp', 'joserfc')"
    code = f"import sys, app.main, app.domain.accounts.module; print([one for one in {names} if one in sys.modules])"
    command = [sys.executable, "-c", code]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

"""Sign-in by a provider over HTTP: real flows of a browser that follows redirects, and each way in which one fails."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from litestar import Litestar
from msgspec.structs import replace

from app.domain.accounts.openid import opened, pending_cookie, sealed
from app.domain.accounts.openid_schemas import ManagedProvider
from app.domain.accounts.totp import recovery_digest
from app.platform.database.pools import Database
from config.rates import Rate
from config.settings import load
from tests.domain.accounts.doors import BASE, ME, OURS
from tests.domain.accounts.factories import PASSWORD
from tests.domain.accounts.openid.going import GO, HERE, IDENTITIES, a_browser, counts, gone_to
from tests.domain.accounts.openid.provider import SUBJECT, Provider, ec, rsa
from tests.domain.accounts.pages import Form, title
from tests.domain.accounts.stored import execute

pytestmark = pytest.mark.usefixtures("trusted")


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


async def test_scripts_begin_by_json_and_come_back_to_where_they_were(browser: httpx.AsyncClient) -> None:
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


async def test_a_provider_that_nobody_trusts_is_not_found(browser: httpx.AsyncClient) -> None:
    assert (await browser.get("/account/openid/nobody")).status_code == 404
    assert (await browser.post(f"{BASE}/session/openid/nobody", headers=OURS)).status_code == 404
    assert (await browser.get("/account/openid/nobody/callback?state=a&code=b")).status_code == 400


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


async def test_sign_ins_from_one_address_are_counted(
    app: Litestar, browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.state.settings.security.__dict__, "sign_in_address_limit", Rate(2, 3600))
    assert [(await browser.get(f"{GO}/callback")).status_code for _ in range(3)] == [400, 400, 429]
    assert (await browser.get(GO)).status_code == 429


async def test_a_sign_in_costs_few_statements(browser: httpx.AsyncClient, statements: Callable) -> None:
    await browser.get(GO)
    back = await gone_to(browser, GO)
    with statements(at_most=12) as sent:
        assert (await browser.get(back)).status_code == 200
    assert "COMMIT" in sent


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

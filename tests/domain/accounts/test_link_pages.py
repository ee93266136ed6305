"""The pages of mailed links, as a browser without scripts, and a scanner of mail, meet them."""

import re
from typing import Any

import httpx
import pytest
from litestar import Litestar

from app.domain.accounts.models import User
from app.platform.database.pools import Database
from app.platform.observability.logging import flush_log
from app.platform.openapi.document import document
from config.rates import Rate
from tests.conftest import Outbox
from tests.domain.accounts.doors import LINKS, ME, TOKENS, bearer
from tests.domain.accounts.factories import PASSWORD, UserFactory
from tests.domain.accounts.links import NEW, OLD, OTHER, ask, me
from tests.domain.accounts.pages import Form, title
from tests.domain.accounts.stored import stored

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def mailed(client: httpx.AsyncClient, outbox: Outbox, page: str, token: str) -> str:
    """The address in a mail, as its reader's browser asks for it."""
    if page == "verify":
        await client.post(f"{LINKS}/verify", headers=bearer(token))
    elif page == "change":
        body = {"email": OTHER, "password": PASSWORD}
        (await client.post(f"{LINKS}/change", json=body, headers=bearer(token))).raise_for_status()
    else:
        await ask(client, page, OLD)
    [link] = re.findall(r"http://localhost:8000(/account/\S+)", outbox.to(OLD)[-1].text)
    return link


async def sent(client: httpx.AsyncClient, link: str, **typed: str) -> httpx.Response:
    """The answer to the form behind a link, as it is sent by a browser."""
    shown = await client.get(link)
    assert shown.status_code == 200
    form = Form(shown.text)
    where = httpx.URL("http://testserver" + link).join(form.action)
    headers = {"Sec-Fetch-Site": "same-origin", "Origin": "null"}
    return await client.request(form.method, where, data=form.fields | typed, headers=headers)


@pytest.mark.parametrize("page", ["verify", "reset", "change", "sign-in"])
async def test_to_open_a_page_does_nothing_however_often(
    client: httpx.AsyncClient, outbox: Outbox, token: str, database: Database, page: str
) -> None:
    link = await mailed(client, outbox, page, token)
    made = await stored(database, "SELECT count(*) FROM accounts_link")
    for _ in range(3):
        assert (await client.get(link)).status_code == 200
        assert (await client.head(link)).status_code == 200
    assert await stored(database, "SELECT count(*) FROM accounts_link") == made
    assert (await me(client, token))["emailVerifiedAt"] is None


@pytest.mark.parametrize("page", ["verify", "reset", "change", "sign-in"])
async def test_a_page_is_plain_and_keeps_its_secret(
    client: httpx.AsyncClient, outbox: Outbox, token: str, page: str
) -> None:
    answer = await client.get(await mailed(client, outbox, page, token))

    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    form = Form(answer.text)
    assert not {"script", "style", "iframe", "object"} & set(form.tags)
    assert form.fields.keys() - {"token"} == form.labels, "each field has a label"
    assert (form.tags.count("h1"), form.tags.count("main"), form.tags.count("button")) == (1, 1, 1)
    assert '<html lang="en">' in answer.text
    style = await client.get("/account/style.css")
    assert (style.status_code, style.headers["content-type"]) == (200, "text/css; charset=utf-8")


async def test_an_account_is_made(client: httpx.AsyncClient, outbox: Outbox, ann: User) -> None:
    await ask(client, "join", "bea@example.com")
    link = f"/account/join?token={outbox.token('bea@example.com')}"
    taken = await sent(client, link, username="ANN", password=PASSWORD)
    assert taken.status_code == 409
    assert "The username has already been taken." in taken.text
    again = Form(taken.text).fields
    assert (again["username"], again["email"], again["password"]) == ("ANN", "bea@example.com", "")

    answer = await sent(client, link, username="bea", password=PASSWORD)
    assert (answer.status_code, title(answer)) == (200, "Your account is made")
    assert "You are bea, and signed in." in answer.text
    assert (await client.get(ME)).json()["username"] == "bea"
    assert (await client.get(link)).status_code == 410


async def test_an_address_is_confirmed(client: httpx.AsyncClient, outbox: Outbox, token: str) -> None:
    answer = await sent(client, await mailed(client, outbox, "verify", token))
    assert (answer.status_code, title(answer)) == (200, "Your address is confirmed")
    assert (await me(client, token))["emailVerifiedAt"] is not None


async def test_a_new_password_is_chosen_and_what_is_wrong_with_it_is_said_in_words(
    client: httpx.AsyncClient, outbox: Outbox, token: str
) -> None:
    link = await mailed(client, outbox, "reset", token)
    refused = await sent(client, link, password="12345678")
    assert refused.status_code == 422
    assert '<div role="alert" id="faults">' in refused.text
    assert "The password is a password that many use." in refused.text
    assert "<title>Error: Choose a new password</title>" in refused.text
    assert "12345678" not in refused.text
    again = Form(refused.text)
    assert again.fields["email"] == OLD

    answer = await client.post("/account/reset", data=again.fields | {"password": NEW})
    assert (answer.status_code, title(answer)) == (200, "You have a new password")
    assert (await client.post(TOKENS, json={"email": OLD, "password": NEW})).status_code == 201


async def test_a_new_password_ends_tokens_at_once(client: httpx.AsyncClient, outbox: Outbox, token: str) -> None:
    link = await mailed(client, outbox, "reset", token)
    assert (await client.get(ME, headers=bearer(token))).status_code == 200  # known for a second from now
    assert (await sent(client, link, password=NEW)).status_code == 200
    assert (await client.get(ME, headers=bearer(token))).status_code == 401


async def test_who_has_a_second_factor_is_told_where_to_sign_in(
    client: httpx.AsyncClient, outbox: Outbox, database: Database
) -> None:
    await UserFactory.saved(database, email=OLD, has_second_factor=True)
    answer = await sent(client, await mailed(client, outbox, "sign-in", ""))
    assert (answer.status_code, title(answer)) == (403, "Second factor needed")
    assert "your account has a second factor, which is not asked for on this page" in answer.text
    assert "password" not in answer.text


async def test_an_address_is_changed_in_two_steps(client: httpx.AsyncClient, outbox: Outbox, token: str) -> None:
    half = await sent(client, await mailed(client, outbox, "change", token))
    assert (half.status_code, title(half)) == (200, "One of two confirmations is done")
    done = await sent(client, f"/account/change?token={outbox.token(OTHER)}")
    assert (done.status_code, title(done)) == (200, "Your address is changed")
    assert OTHER in done.text


async def test_who_signs_in_has_a_session_in_place_of_the_one_before(
    client: httpx.AsyncClient, outbox: Outbox, token: str
) -> None:
    before = (await sent(client, await mailed(client, outbox, "sign-in", token))).cookies["session"]
    client.cookies.clear()
    link = await mailed(client, outbox, "sign-in", token)
    client.cookies.set("session", before)

    answer = await sent(client, link)

    assert (answer.status_code, title(answer)) == (200, "You are signed in")
    assert re.fullmatch(
        r"session=lhs_[\w-]{43}; Max-Age=\d+; Path=/; HttpOnly; SameSite=Lax", answer.headers["set-cookie"]
    )
    assert "lh" not in re.sub(r"<head>.*</head>", "", answer.text, flags=re.DOTALL), "no secret is shown"
    assert answer.headers["cache-control"] == "no-store"
    client.cookies.clear()
    for value, status in ((answer.cookies["session"], 200), (before, 401)):
        assert (await client.get(ME, headers={"Cookie": f"session={value}"})).status_code == status


async def test_a_page_that_signs_nobody_in_gives_out_no_session(
    client: httpx.AsyncClient, outbox: Outbox, token: str
) -> None:
    for page in ("verify", "reset"):
        answer = await sent(client, await mailed(client, outbox, page, token), password=NEW)
        assert (answer.status_code, "set-cookie" in answer.headers) == (200, False)


@pytest.mark.parametrize("page", ["verify", "reset", "change", "sign-in"])
async def test_a_dead_link_is_told_in_words_before_and_after(
    client: httpx.AsyncClient, outbox: Outbox, token: str, page: str
) -> None:
    link = await mailed(client, outbox, page, token)
    assert (await sent(client, link, password=NEW)).status_code == 200
    opened = await client.get(link)
    form = {"token": link.partition("token=")[2], "password": NEW}
    for answer in (opened, await client.post(f"/account/{page}", data=form)):
        assert (answer.status_code, title(answer)) == (410, "The link is no longer good")
        assert "was used already, or has expired" in answer.text
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["content-type"] == "text/html; charset=utf-8"


def sent_by(headers: dict[str, str]) -> dict[str, Any]:
    """A form, by a browser that says this of where it stood."""
    return {"data": {"token": "x"}, "headers": headers}


@pytest.mark.parametrize(
    ("method", "page", "given", "status"),
    [
        pytest.param("GET", "nothing", {}, 404, id="another page"),
        pytest.param("POST", "nothing", {"data": {}}, 404, id="another form"),
        pytest.param("GET", "verify", {}, 410, id="no token"),
        pytest.param("GET", f"verify?token={'x' * 300}", {}, 422, id="a long token"),
        pytest.param("GET", "verify?token=a&token=b", {}, 422, id="two tokens"),
        pytest.param("GET", "verify?token=%3Cscript%3E", {}, 410, id="markup"),
        pytest.param("POST", "verify", {"data": {"a": "b"}}, 410, id="another field"),
        pytest.param("POST", "verify", {"json": {"token": "x"}}, 415, id="JSON"),
        pytest.param("POST", "verify", {"files": {"token": b"x"}}, 415, id="multipart"),
        pytest.param("POST", "verify", {"content": b"token=%ff", "headers": FORM}, 400, id="no UTF-8"),
        pytest.param("POST", "verify", {"content": b"a&" * 50, "headers": FORM}, 400, id="many fields"),
        pytest.param("POST", "verify", sent_by({"Sec-Fetch-Site": "cross-site"}), 403, id="another site's form"),
        pytest.param(
            "POST",
            "verify",
            sent_by({"Origin": "http://evil.test"}),
            403,
            id="another site's form in an old browser",
        ),
        pytest.param("POST", "verify", sent_by({"Origin": "null"}), 410, id="our form in an old browser"),
        pytest.param("POST", "verify", sent_by({"Origin": "http://testserver"}), 410, id="a form of this host"),
        pytest.param("GET", "verify", {"headers": {"Authorization": "Bearer lh_x"}}, 401, id="a token that is no good"),
    ],
)
async def test_what_is_refused_is_refused_on_a_page(
    client: httpx.AsyncClient, method: str, page: str, given: dict[str, Any], status: int
) -> None:
    answer = await client.request(method, f"/account/{page}", **given)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert '<p role="alert">' in answer.text
    assert "<script>" not in answer.text


async def test_too_many_tries_are_told_when_to_come_back(
    app: Litestar, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.state.settings.mail.__dict__, "link_address_limit", Rate(1, 60))
    await client.get("/account/verify?token=x")
    answer = await client.get("/account/verify?token=x")
    assert (answer.status_code, title(answer)) == (429, "Too many attempts")
    assert f"Try again in {answer.headers['Retry-After']} seconds" in answer.text
    assert "RateLimit" in answer.headers


async def test_what_nobody_foresaw_shows_nothing_of_it(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("app.domain.accounts.link_services.live_link", None)
    secret = f"lh_link_{'x' * 43}"
    answer = await client.get(f"/account/verify?token={secret}")
    flush_log()
    log = capfd.readouterr().out
    assert (answer.status_code, title(answer)) == (500, "Unexpected failure")
    assert answer.headers["x-request-id"] in answer.text
    assert "NoneType" in log
    assert "NoneType" not in answer.text
    assert secret not in log


@pytest.mark.parametrize("page", ["verify", "reset", "change", "sign-in"])
async def test_no_secret_of_a_link_is_logged(
    client: httpx.AsyncClient, outbox: Outbox, token: str, capfd: pytest.CaptureFixture[str], page: str
) -> None:
    link = await mailed(client, outbox, page, token)
    await sent(client, link, password=NEW)
    await client.get(link)
    flush_log()
    log = capfd.readouterr().out
    assert log.count(f'"path":"/account/{page}"') == 3
    assert "lh_link_" not in log
    assert link.partition("lh_link_")[2] not in log


async def test_pages_are_in_no_document(app: Litestar, client: httpx.AsyncClient) -> None:
    assert not [path for path in document(app)["paths"] if path.startswith("/account")]
    assert ME in document(app)["paths"]

"""Identities: linked by who is signed in and has proved it, unlinked but for the last way in, told and taken along."""

from datetime import UTC, datetime
from uuid import UUID

import httpx
import pytest
from litestar import Litestar

from app.domain.accounts.models import Passkey, User
from app.platform.database.pools import Database
from tests.conftest import Outbox
from tests.domain.accounts.doors import ME, OURS
from tests.domain.accounts.factories import PASSWORD, TokenFactory, UserFactory, save
from tests.domain.accounts.openid.going import IDENTITIES, counts
from tests.domain.accounts.openid.provider import SUBJECT, Provider

pytestmark = pytest.mark.usefixtures("trusted")
LINK, GO = f"{IDENTITIES}/fake", "/account/openid/fake"


@pytest.fixture
async def hers(database: Database, ann: User) -> dict[str, str]:
    """The headers of somebody who has proved a moment ago who she is."""
    return {
        "Authorization": f"Bearer {await TokenFactory.clear_for(database, ann, proved_at=datetime.now(UTC))}"
    } | OURS


async def linked(browser: httpx.AsyncClient, headers: dict[str, str], back: str | None = None) -> httpx.Response:
    """Go there and come back."""
    begun = await browser.post(LINK, headers=headers, params={} if back is None else {"back": back})
    assert begun.status_code == 200, begun.text
    return await browser.get(begun.json()["authorizationUrl"])


async def listed(browser: httpx.AsyncClient, headers: dict[str, str]) -> list[dict]:
    return (await browser.get(IDENTITIES, headers=headers)).json()["items"]


async def test_an_identity_is_linked_and_then_signs_in(
    browser: httpx.AsyncClient,
    provider: Provider,
    database: Database,
    ann: User,
    hers: dict[str, str],
    outbox: Outbox,
) -> None:
    provider.claims = {"email": "elsewhere@example.org", "email_verified": False}
    answer = await linked(browser, hers)
    assert (answer.status_code, "It is linked" in answer.text) == (200, True)
    [mail] = outbox.to("ann@example.com")
    assert (mail.subject, "signed in to by Fake from" in mail.text) == ("Your account has another way in", True)
    assert "session" not in browser.cookies
    [identity] = await listed(browser, hers)
    assert (identity["subject"], identity["email"]) == (SUBJECT, None)
    assert (await linked(browser, hers)).status_code == 200, "once more changes nothing"
    assert len(outbox) == 1
    assert await counts(database) == (1, 1, 1)

    assert (await browser.get(GO)).status_code == 200
    assert (await browser.get(ME)).json()["id"] == str(ann.id)


async def test_one_comes_back_to_where_one_was(browser: httpx.AsyncClient, hers: dict[str, str]) -> None:
    begun = await browser.post(LINK, headers=hers, params={"back": "/docs"})
    back = (await browser.get(begun.json()["authorizationUrl"], follow_redirects=False)).headers["location"]
    answer = await browser.get(back, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/docs")


async def test_linking_wants_a_recent_proof_and_a_page_of_ours(
    browser: httpx.AsyncClient, database: Database, ann: User, hers: dict[str, str]
) -> None:
    stale = {"Authorization": f"Bearer {await TokenFactory.clear_for(database, ann)}"} | OURS
    for method, path in (("POST", LINK), ("DELETE", f"{IDENTITIES}/{ann.id}")):
        answer = await browser.request(method, path, headers=stale)
        assert (answer.status_code, answer.json()["code"]) == (403, "proof_needed")
    elsewhere = hers | {"Sec-Fetch-Site": "cross-site"}
    assert (await browser.post(LINK, headers=elsewhere)).status_code == 403
    limited = await TokenFactory.clear_for(database, ann, proved_at=datetime.now(UTC), scopes=["signed_in"])
    assert (await browser.post(LINK, headers={"Authorization": f"Bearer {limited}"} | OURS)).status_code == 403


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM accounts_token",
        "UPDATE accounts_token SET expires_at = now()",
        "UPDATE accounts_user SET is_active = false",
        "DELETE FROM accounts_user",
    ],
)
async def test_who_is_signed_out_meanwhile_links_nothing(
    browser: httpx.AsyncClient, database: Database, hers: dict[str, str], change: str
) -> None:
    begun = await browser.post(LINK, headers=hers)
    work = database.unit_of_work()
    await work.run(lambda: work.fetch(change, ()))
    answer = await browser.get(begun.json()["authorizationUrl"])
    assert answer.status_code in (401, 404)
    assert (await counts(database))[2] == 0


async def test_an_identity_is_one_users(browser: httpx.AsyncClient, provider: Provider, hers: dict[str, str]) -> None:
    provider.claims["email"] = "bea@example.com"
    await browser.get(GO)
    answer = await linked(browser, hers)
    assert (answer.status_code, "Linked to another account" in answer.text) == (409, True)
    assert await listed(browser, hers) == []


async def test_an_identity_is_unlinked_by_its_user(
    browser: httpx.AsyncClient, database: Database, hers: dict[str, str]
) -> None:
    await linked(browser, hers)
    [identity] = await listed(browser, hers)
    other = await UserFactory.saved(database)
    theirs = await TokenFactory.clear_for(database, other, proved_at=datetime.now(UTC))
    path = f"{IDENTITIES}/{identity['id']}"
    assert (await browser.delete(path, headers={"Authorization": f"Bearer {theirs}"})).status_code == 404
    assert (await browser.delete(path, headers=hers)).status_code == 204
    assert (await browser.delete(path, headers=hers)).status_code == 404
    assert await listed(browser, hers) == []


async def nothing_more(database: Database, user: User) -> None:
    """Nothing besides."""


async def a_passkey(database: Database, user: User) -> None:
    values = {"credential_id": b"1", "public_key": b"2", "sign_count": 0, "name": "Key", "transports": []}
    await save(database, Passkey(user_id=user.id, **values))


async def a_password(database: Database, user: User) -> None:
    hashed = (await UserFactory.saved(database)).password
    work = database.unit_of_work()
    sql = "UPDATE accounts_user SET password = $1 WHERE id = $2"
    await work.run(lambda: work.fetch(sql, (hashed, user.id)))


@pytest.mark.parametrize(
    ("besides", "is_mailed", "is_verified", "status"),
    [
        pytest.param(nothing_more, False, True, 409, id="nothing and no mail"),
        pytest.param(nothing_more, True, False, 409, id="nothing and no verified address"),
        pytest.param(nothing_more, True, True, 204, id="mail to a verified address"),
        pytest.param(a_passkey, False, False, 204, id="a passkey"),
        pytest.param(a_password, False, False, 204, id="a password"),
    ],
)
async def test_the_last_way_in_stays(
    app: Litestar,
    browser: httpx.AsyncClient,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    besides: object,
    is_mailed: bool,
    is_verified: bool,
    status: int,
) -> None:
    verified = datetime.now(UTC) if is_verified else None
    user = await UserFactory.saved(database, email="ann@example.com", password="!", email_verified_at=verified)
    token = await TokenFactory.clear_for(database, user, proved_at=datetime.now(UTC))
    headers = {"Authorization": f"Bearer {token}"} | OURS
    await linked(browser, headers)
    await besides(database, user)
    if not is_mailed:
        monkeypatch.setattr(app.state.resources.mailer, "backend", None)
    [identity] = await listed(browser, headers)
    answer = await browser.delete(f"{IDENTITIES}/{identity['id']}", headers=headers)
    assert answer.status_code == status, answer.text
    assert len(await listed(browser, headers)) == (1 if status == 409 else 0)
    if status == 409:
        assert answer.json()["code"] == "last_way_in"


async def test_of_two_identities_one_may_go(
    app: Litestar,
    browser: httpx.AsyncClient,
    provider: Provider,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await browser.get(GO)
    provider.claims["sub"] = "another"
    begun = await browser.post(LINK, headers=OURS)
    await browser.get(begun.json()["authorizationUrl"])
    monkeypatch.setattr(app.state.resources.mailer, "backend", None)
    one, other = await listed(browser, {})
    assert (await browser.delete(f"{IDENTITIES}/{one['id']}", headers=OURS)).status_code == 204
    assert (await browser.delete(f"{IDENTITIES}/{other['id']}", headers=OURS)).status_code == 409


async def test_they_are_in_an_export_and_go_with_the_account(
    browser: httpx.AsyncClient, database: Database, hers: dict[str, str]
) -> None:
    await linked(browser, hers)
    shares = (await browser.get(f"{ME}/export", headers=hers)).json()["modules"]["accounts"]
    assert [one["subject"] for one in shares["identities"]] == [SUBJECT]
    answer = await browser.post(f"{ME}/deletion", json={"password": PASSWORD}, headers=hers)
    assert answer.status_code == 204
    assert await counts(database) == (0, 0, 0)


async def test_a_new_sign_in_is_told_by_mail(browser: httpx.AsyncClient, outbox: object) -> None:
    await browser.get(GO)
    assert len(outbox) == 0
    browser.cookies.clear()
    await browser.get(GO, headers={"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/150.0"})
    assert len(outbox.to("ann@example.com")) == 1


async def test_who_has_a_passkey_alone_is_told_what_a_page_without_script_cannot_ask_for(
    browser: httpx.AsyncClient, database: Database
) -> None:
    await browser.get(GO)
    passkey = Passkey(credential_id=b"", public_key=b"", sign_count=0, name="phone", transports=[])
    passkey.user_id = UUID((await browser.get(ME)).json()["id"])
    await save(database, passkey)
    work = database.unit_of_work()
    await work.run(lambda: work.fetch("UPDATE accounts_user SET has_second_factor = true", ()))
    browser.cookies.clear()

    told = await browser.get(GO)
    assert (told.status_code, "Not by this page" in told.text, "session" in browser.cookies) == (403, True, False)
    assert ("Sign in by the passkey itself" in told.text, "<form" in told.text) == (True, False)


async def test_who_has_no_password_leaves_by_a_sign_in_of_a_moment_ago(
    browser: httpx.AsyncClient, provider: Provider, database: Database, hers: dict[str, str]
) -> None:
    provider.claims["email"] = "cyd@example.com"
    missing = await browser.post(f"{ME}/deletion", json={}, headers=hers)
    assert (missing.status_code, list(missing.json()["errors"])) == (422, ["password"]), "who has one gives it"
    for how_long, status in (("1 day", 403), ("0", 204)):
        await browser.get(GO)
        work = database.unit_of_work()
        sql = f"UPDATE accounts_token SET proved_at = now() - interval '{how_long}' WHERE is_session"
        await work.run(lambda work=work, sql=sql: work.fetch(sql, ()))
        change = await browser.post("/api/v1/accounts/links/change", json={"email": "bea@example.com"}, headers=OURS)
        assert change.status_code == (202 if status == 204 else status)
        answer = await browser.post(f"{ME}/deletion", json={"password": "anything at all"}, headers=OURS)
        assert (answer.status_code, status == 204 or answer.json()["code"] == "proof_needed") == (status, True)
    assert await counts(database) == (1, 1, 0)

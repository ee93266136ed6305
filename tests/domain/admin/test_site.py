"""The site from outside: who is let in, what its pages may do, and that what is forged changes nothing."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import asyncpg
import httpx
import pytest
from litestar import Litestar
from sqlalchemy import text

from app.domain.admin.opening import opened
from app.main import create_app
from app.platform.console.start import _places
from config.settings import Settings
from tests.conftest import Aside, SignedIn
from tests.domain.admin.conftest import OURS, Browser

Enter = Callable[..., Awaitable[Browser]]

pytestmark = pytest.mark.usefixtures("offered")


async def test_who_is_nobody_is_led_to_the_sign_in_page(client: httpx.AsyncClient):
    answer = await client.get("/admin/groups")
    assert (answer.status_code, answer.headers["location"]) == (303, "/admin/login")
    page = await client.get("/admin/login")
    assert page.status_code == 200
    assert 'id="password-form"' in page.text
    assert "may not enter" not in page.text


async def test_who_starts_it_is_told_where_it_is_and_how_the_first_comes_in(app: Litestar):
    settings = app.state.settings
    told = _places(replace(settings, http=settings.http.model_copy(update={"admin_enabled": True})))
    [line] = [line for line in told if "admin site" in line]
    assert line.startswith(f"http://{settings.server.host}:{settings.server.port}/admin ")
    assert "just createsuperuser" in line


async def test_who_is_not_staff_is_told_so(staff: Enter):
    somebody = await staff(is_staff=False, is_superuser=True)
    assert "may not enter here" in await somebody.page("/groups")


async def test_a_token_opens_no_page(client: httpx.AsyncClient, sign_in: Callable[..., Awaitable[SignedIn]]):
    token = await sign_in(is_staff=True, is_superuser=True)
    assert (await client.get("/admin/groups", auth=token)).status_code == 303


async def test_its_pages_are_held_to_their_own_origin(staff: Enter):
    admin = await staff(is_superuser=True)
    answer = await admin.get("/admin/groups")
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert not [sources for sources in policy.values() if "*" in sources or "http" in sources]
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "no-cache" in answer.headers["cache-control"]
    assert {"path=/admin", "httponly", "samesite=lax"} <= set(answer.headers["set-cookie"].lower().split("; "))


async def test_where_it_is_off_there_is_nothing(settings: Settings):
    app = create_app(replace(settings, http=settings.http.model_copy(update={"admin_enabled": False})))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver") as client:
        assert (await client.get("/admin/")).status_code == 404
        answer = await client.get("/admin/l%C3%B6gin")
        assert (answer.status_code, answer.json()["instance"]) == (404, "/admin/l%C3%B6gin")


async def test_what_one_may_not_do_is_not_there(staff: Enter, whales: str):
    nobody = await staff()
    for path in ("/groups", "/groups/new", f"/groups/{whales}", f"/groups/{whales}/edit", "/groups/export"):
        await nobody.page(path, 404)
    assert "/admin/groups" not in await nobody.page("/")


@pytest.mark.parametrize(
    ("headers", "has_token"),
    [({"Sec-Fetch-Site": "cross-site"}, True), ({"Origin": "https://evil.example"}, True), (OURS, False)],
    ids=["another site", "another origin", "no token"],
)
async def test_a_forged_form_changes_nothing(staff: Enter, whales: str, aside: Aside, headers, has_token):
    admin = await staff(is_superuser=True)
    form = await admin.page(f"/groups/{whales}/edit")
    fields = {"name": "Of nobody"} | (admin.hidden(form) if has_token else {})
    answer = await admin.post(f"/admin/groups/{whales}/edit", data=fields, headers=headers)
    assert answer.status_code == 403
    answer = await admin.post(f"/admin/groups/{whales}/delete", data=fields, headers=headers)
    assert answer.status_code == 403
    assert await names(aside) == ["Whales"]


async def test_a_stranger_s_body_is_not_read_for_ever(client: httpx.AsyncClient, app: Litestar):
    large = b"x" * (app.state.settings.http.max_body_bytes + 1)
    answer = await client.post("/admin/-/language", content=large, headers={"content-type": "text/plain"})
    assert answer.status_code in {303, 403, 413}


async def test_what_it_reads_by_cannot_write(app: Litestar, staff: Enter):
    site = await opened(app.state)
    with pytest.raises(Exception, match="read-only transaction"):
        async with site.database.session() as session:
            await session.execute(text("DELETE FROM accounts_group"))
    async with site.database.session() as session:
        assert await session.scalar(text("SELECT count(*) FROM accounts_group")) == 0


async def names(aside: Aside) -> list[str]:
    connection: asyncpg.Connection = await aside.connection()
    return [row["name"] for row in await connection.fetch("SELECT name FROM accounts_group ORDER BY name")]

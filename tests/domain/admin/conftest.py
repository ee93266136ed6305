"""Staff in a browser's session, and the site as they meet it: a client that follows, and answers its forms."""

import asyncio
import hashlib
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import lru_cache
from html import unescape
from typing import Annotated, Any
from weakref import WeakKeyDictionary

import httpx
import pytest
from adminsite.fields import Field, StringField
from litestar import Litestar
from msgspec import Meta, Struct

from app.domain.accounts.models import Group
from app.domain.accounts.policies import MANAGE_PERMISSIONS
from app.domain.admin import building, opening
from app.domain.admin.jobs import do_import, do_verb
from app.kit.errors import AppError
from app.kit.identity import Permission
from app.platform.admin.model_admin import Access, ModelAdmin
from app.platform.admin.verbs import verb
from app.platform.database.pools import Database
from app.platform.database.work import UnitOfWork
from app.platform.jobs.running import Crew
from app.platform.notices import Notices
from tests.conftest import Aside, SignedIn, Watched

SITES: Any = WeakKeyDictionary()  # of the application of all tests: a site takes a second to make
OURS = {"Sec-Fetch-Site": "same-origin"}
SESSION = """
INSERT INTO accounts_token (user_id, digest, expires_at, is_session) VALUES ($1, $2, now() + interval '1 day', true)
"""
GRANT = "INSERT INTO accounts_grant (user_id, permission) VALUES ($1, $2)"


class Browser(httpx.AsyncClient):
    """A browser at the site, as far as HTTP goes."""

    user: SignedIn  # whose it is

    async def page(self, path: str, status: int = 200) -> str:
        """A page's HTML."""
        answer = await self.get(f"/admin{path}", follow_redirects=True)
        assert answer.status_code == status, answer.text
        return answer.text

    async def submit(self, form: str, path: str, status: int = 303, **fields: object) -> httpx.Response:
        """Send the form on a page, with what its hidden inputs hold, to a path."""
        answer = await self.post(f"/admin{path}", data=self.hidden(form) | fields, headers=OURS)
        assert answer.status_code == status, answer.text
        return answer

    async def deed(self, path: str, name: str, status: int = 303, **values: object) -> str:
        """Do what a button of a page does; what the page then says, above all what has become of it."""
        form = self.hidden(await self.page(path)) | {"deed": name} | values
        answer = await self.post(f"/admin{path}", data=form, headers=OURS)
        assert answer.status_code == status, answer.text
        return await self.page(path) if status == 303 else answer.text

    def hidden(self, form: str) -> dict[str, object]:
        """What a page sends besides what one types."""
        found = re.findall(r'<input type="hidden"[^>]* name="(_\w+)" value="([^"]*)"', form)
        return {name: unescape(value) for name, value in found}


def told(part: str) -> list[str]:
    """What a deletion's dialog says of other rows."""
    sides = re.findall(r'data-along="(\w+)">(.*?)</div>', part, re.DOTALL)
    return [f"{side} {line}" for side, lines in sides for line in re.findall(r"<li>([^<]+)</li>", lines)]


class GroupAdmin(ModelAdmin[Group]):
    """Groups as they stand: what is changed has no service."""

    fields = (Group.name, Field(Group.created_at, read_only=True))
    record_title = "{name}"


class NamedRule(Struct):
    """What the rules ask of a name."""

    name: Annotated[str, Meta(max_length=20)]


class RuleAdmin(ModelAdmin[Group]):
    """The same, by verbs with rules of their own."""

    name = "rules"
    access = Access(view=MANAGE_PERMISSIONS)
    label = "Rule"
    fields = (Group.name, StringField("reason", form_only=True, required=True))
    record_title = "{name}"
    schema = NamedRule

    @verb("Rename", permission=MANAGE_PERMISSIONS)
    async def rename(self, work: UnitOfWork, group: Group, *, ending: str) -> None:  # noqa: ARG002 - of every verb
        """Renamed."""
        if group.name == "Whales":
            raise AppError(detail="Whales may not be renamed")
        group.name += ending


@pytest.fixture
def offered(app: Litestar, monkeypatch: pytest.MonkeyPatch) -> None:
    """The site shows these two alone."""
    monkeypatch.setattr(building, "offered", lambda _modules: [GroupAdmin, RuleAdmin])
    monkeypatch.setattr(opening, "_sites", SITES)
    monkeypatch.setattr(building, "_built", lru_cache(building._built.__wrapped__))


@pytest.fixture
async def whales(aside: Aside) -> str:
    """The key of a group."""
    connection = await aside.connection()
    return str(await connection.fetchval("INSERT INTO accounts_group (name) VALUES ('Whales') RETURNING id"))


@pytest.fixture
async def staff(
    app: Litestar, aside: Aside, sign_in: Callable[..., Awaitable[SignedIn]]
) -> AsyncIterator[Callable[..., Awaitable[Browser]]]:
    """`await staff(REVISE_ANY_ARTICLE)`: a browser of somebody who is staff, and holds this."""
    browsers = []

    async def enter(*permissions: Permission, is_superuser: bool = False, is_staff: bool = True) -> Browser:
        user, token = await sign_in(is_staff=is_staff, is_superuser=is_superuser), f"lhs_{secrets.token_urlsafe(32)}"
        connection = await aside.connection()
        await connection.execute(SESSION, user.id, hashlib.sha256(token.encode()).digest())
        for permission in permissions:
            await connection.execute(GRANT, user.id, permission.name)
        cookie = "session" if not app.state.settings.http.secure else "__Host-session"
        browser = Browser(transport=Watched(app), base_url="http://testserver", cookies={cookie: token})
        browser.user = user
        browsers.append(browser)
        return browser

    yield enter
    for browser in browsers:
        await browser.aclose()


@pytest.fixture
def do_jobs(app: Litestar, database: Database, aside: Aside) -> Callable[[], Awaitable[list[Any]]]:
    """Have a worker do the site's jobs, and say what became of them."""

    async def do() -> list[Any]:
        connection, notices = await aside.connection(), Notices(database)
        crew = Crew(database, notices, [do_verb, do_import], app.state.resources)
        async with asyncio.timeout(60), notices.lifespan(), crew.lifespan(10):
            while await connection.fetchval("SELECT count(*) FROM platform_job WHERE state IN ('waiting', 'running')"):
                await asyncio.sleep(0.02)
        return await connection.fetch("SELECT state, result, step, error FROM platform_job ORDER BY id")

    return do

"""Staff in a browser's session, and the site as they meet it: a client that follows, and answers its forms."""

import hashlib
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from html import unescape

import httpx
import pytest
from litestar import Litestar

from app.kit.identity import Permission
from tests.conftest import Aside, SignedIn, Watched

OURS = {"Sec-Fetch-Site": "same-origin"}
SESSION = "INSERT INTO accounts_token (user_id, digest, expires_at, is_session) VALUES ($1, $2, now() + interval '1 day', true)"
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
        hidden = dict(re.findall(r'<input type="hidden"[^>]* name="([^"]+)" value="([^"]*)"', form))
        given = {name: unescape(value) for name, value in hidden.items()} | fields
        answer = await self.post(f"/admin{path}", data=given, headers=OURS)
        assert answer.status_code == status, answer.text
        return answer


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

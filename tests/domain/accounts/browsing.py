"""How a browser signs in, and what it then brings."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256

import httpx

from app.domain.accounts.models import User
from app.domain.accounts.tokens import new_token
from app.main import create_app
from app.platform.database.pools import Database
from config.settings import load
from tests.domain.accounts.doors import SESSION
from tests.domain.accounts.factories import PASSWORD, TokenFactory, save


async def sign_in(browser: httpx.AsyncClient, login: str = "ann@example.com", **headers: str) -> httpx.Response:
    return await browser.post(SESSION, json={"email": login, "password": PASSWORD}, headers=headers)


def cookie_of(answer: httpx.Response) -> str:
    return re.fullmatch(r"(?:__Host-)?session=([^;]*);.*", answer.headers["set-cookie"])[1]


@asynccontextmanager
async def house(url: str, **settings: str) -> AsyncIterator[httpx.AsyncClient]:
    environ = {"DATABASE_URL": url, "LITEHOUSE_ENVIRONMENT": "test"}
    app = create_app(load(None, environ | {f"LITEHOUSE_{name.upper()}": text for name, text in settings.items()}))
    async with app.lifespan(), httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client:
        yield client


async def session_of(database: Database, user: User, **given: object) -> dict[str, str]:
    """The header of a session of the user's."""
    clear = new_token(is_session=True)
    row = TokenFactory.build(user_id=user.id, digest=sha256(clear.encode()).digest(), is_session=True, **given)
    await save(database, row)
    return {"Cookie": f"session={clear}"}

"""A server whose admin site is met in a browser, its database beside it, and staff who are in without signing in."""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from playwright.async_api import Browser

from app.kit.identity import Permission
from tests.domain.admin.conftest import GRANT, SESSION
from tests.e2e.looking import Visitor, visiting
from tests.e2e.serving import Quick
from tests.e2e.walking import fill

PASSWORD = "correct horse battery staple"
STAFF = """
INSERT INTO accounts_user (username, email, password, is_staff, is_superuser)
VALUES ($1, $1 || '@example.com', '!', true, $2) RETURNING id
"""


class House(Quick):
    """A server with the admin site, and its database beside it."""

    program = "tests.e2e.staffed"

    def __init__(self, url: str) -> None:
        super().__init__("serve", database_url=url, environment="development")
        self.url, self.site = url, f"http://localhost:{self.port}"  # passkeys are for names alone

    def worker(self) -> Quick:
        """Somebody who does what the site leaves to a job, for as long as the block lasts."""
        return Quick("worker", database_url=self.url, environment="development")

    async def sql(self, statement: str, *values: object) -> Any:
        """What a statement answers first."""
        connection = await asyncpg.connect(self.url)
        try:
            return await connection.fetchval(statement, *values)
        finally:
            await connection.close()

    async def fill(self) -> None:
        """Have rows to show."""
        connection = await asyncpg.connect(self.url)
        try:
            await fill(connection)
        finally:
            await connection.close()

    async def person(self, name: str, **rights: bool) -> str:
        """Somebody who signed up, and may do this. Returns their token."""
        person = {"username": name, "email": f"{name}@example.com", "password": PASSWORD}
        made = await asyncio.to_thread(self.post, "/api/v1/accounts/users", person)
        for right in rights:
            await self.sql(f"UPDATE accounts_user SET {right} = true WHERE username = $1", name)
        return made.raise_for_status().json()["token"]

    @asynccontextmanager
    async def staff(
        self, chromium: Browser, name: str, *permissions: Permission, is_superuser: bool = False, **options: Any
    ) -> AsyncIterator[Visitor]:
        """Somebody who works here, in a browser of their own, signed in."""
        key, token = await self.sql(STAFF, name, is_superuser), f"lhs_{secrets.token_urlsafe(32)}"
        await self.sql(SESSION, key, hashlib.sha256(token.encode()).digest())
        for permission in permissions:
            await self.sql(GRANT, key, permission.name)
        async with visiting(chromium, self.site, **options) as visitor:
            await visitor.page.context.add_cookies([{"name": "session", "value": token, "url": self.site}])
            yield visitor

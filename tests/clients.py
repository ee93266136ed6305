"""Who asks the application in process: by a token, and of a loop that is never blocked."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import httpx
from litestar import Litestar


class Watched(httpx.ASGITransport):
    """Calls the application in process, and fails the test whose request blocked the event loop."""

    def __init__(self, app: Litestar) -> None:
        super().__init__(app=app, raise_app_exceptions=False)
        self._watch = app.state.watch

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)  # the loop stood still between tests: let its heartbeat catch up
        before = self._watch.blocked
        answer = await super().handle_async_request(request)
        assert self._watch.blocked == before, f"{request.method} {request.url.path} blocked the event loop"
        return answer


@dataclass
class SignedIn(httpx.Auth):
    """A user with a token: hand it to the client as `auth`."""

    id: UUID
    username: str
    email: str
    token: str

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:
        request.headers["Authorization"] = f"Token {self.token}"
        yield request


async def insert_user(connection: asyncpg.Connection, username: str, digest: bytes, rank: tuple[bool, bool]) -> UUID:
    user = await connection.fetchval(
        "INSERT INTO accounts_user (username, email, password, is_superuser, is_staff) VALUES ($1, $2, '!', $3, $4)"
        " RETURNING id",
        username,
        f"{username}@example.com",
        *rank,
    )
    await connection.execute(
        "INSERT INTO accounts_token (user_id, digest, expires_at) VALUES ($1, $2, now() + interval '1 day')",
        user,
        digest,
    )
    return user

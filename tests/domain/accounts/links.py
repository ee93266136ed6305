"""Links as they are asked for and followed by clients, and who does so."""

from typing import Any

import httpx

from tests.domain.accounts.doors import LINKS, ME, bearer
from tests.domain.accounts.factories import PASSWORD

OLD, OTHER = "ann@example.com", "ann@example.org"
NEW = "a password of today"


async def ask(client: httpx.AsyncClient, purpose: str, email: str) -> httpx.Response:
    return await client.post(f"{LINKS}/{purpose}", json={"email": email})


async def follow(client: httpx.AsyncClient, purpose: str, token: str, **given: str) -> httpx.Response:
    return await client.post(f"{LINKS}/{purpose}/follow", json={"token": token, **given})


async def me(client: httpx.AsyncClient, token: str) -> dict[str, Any]:
    """The account that a token is of."""
    return (await client.get(ME, headers=bearer(token))).raise_for_status().json()


async def change(client: httpx.AsyncClient, token: str, email: str = OTHER, password: str = PASSWORD) -> httpx.Response:
    return await client.post(f"{LINKS}/change", json={"email": email, "password": password}, headers=bearer(token))

"""Who holds which permission, and where that is said."""

import httpx

from app.domain.accounts.policies import MANAGE_PERMISSIONS, MANAGE_USERS
from tests.conftest import SignedIn
from tests.domain.accounts.doors import BASE

GROUPS, HOLDERS = f"{BASE}/groups", f"{BASE}/holders"
PERMISSIONS, USERS_TOO = MANAGE_PERMISSIONS.name, MANAGE_USERS.name


async def held(client: httpx.AsyncClient, root: SignedIn, user: SignedIn) -> list[tuple[str, bool, list[str]]]:
    """What a user may, whether by themselves, and by which groups."""
    answer = (await client.get(f"{HOLDERS}/{user.id}", auth=root)).json()
    return [(one["name"], one["granted"], [group["name"] for group in one["groups"]]) for one in answer["held"]]

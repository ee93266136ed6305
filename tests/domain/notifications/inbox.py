"""Where inboxes and preferences are, and what stands in them."""

import httpx

INBOX = "/api/v1/notifications"
PREFERENCES = f"{INBOX}/preferences"
DEFAULTS = [
    {"kind": "whales.sighted", "summary": "A whale was sighted", "inbox": True, "mail": "none"},
    {"kind": "whales.sung", "summary": "A whale sang", "inbox": False, "mail": "digest"},
]


async def texts(client: httpx.AsyncClient, who: httpx.Auth, **asked: object) -> list[str]:
    return [one["text"] for one in (await client.get(INBOX, params=asked, auth=who)).json()["items"]]

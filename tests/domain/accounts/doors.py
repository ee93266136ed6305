"""Where the doors of accounts are, what is shown at them, and what they find wrong."""

import httpx

BASE = "/api/v1/accounts"
USERS, TOKENS, SESSION, ME, LINKS, PROOF = (
    f"{BASE}/{path}" for path in ("users", "tokens", "session", "me", "links", "proof")
)
NAMED = f"{TOKENS}/named"
OURS = {"Sec-Fetch-Site": "same-origin"}  # by which a browser says that the page is our own


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def faults(answer: httpx.Response) -> list[tuple[str, str]]:
    """Where something is wrong, and what, of an answer that refuses for it."""
    assert answer.status_code == 422, answer.text
    return [(violation["pointer"], violation["code"]) for violation in answer.json()["violations"]]

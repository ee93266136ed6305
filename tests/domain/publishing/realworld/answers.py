"""How the checks of the contract look at an answer."""

from datetime import datetime

import httpx


def refusal(answer: httpx.Response) -> tuple[int, dict[str, list[str]]]:
    """The status and the `errors` of a refusal, which must be a problem document."""
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["errors"]


def moment(text: str) -> datetime:
    """A date in the form of the contract: ISO 8601, UTC, ending in Z."""
    assert text.endswith("Z")
    return datetime.fromisoformat(text)

"""People who sign up over HTTP, as everybody does."""

import secrets
from dataclasses import dataclass, field
from typing import Self

import httpx

from tests.e2e.running import PLAINLY


@dataclass(frozen=True)
class Person:
    """A user of the API, with a token."""

    username: str
    email: str
    password: str = field(repr=False)
    token: str = field(repr=False)

    @classmethod
    def join(cls, origin: str, password: str = "correct horse battery staple") -> Self:
        """Sign somebody up whose name nobody has."""
        username = f"guest-{secrets.token_hex(6)}"
        user = {"username": username, "email": f"{username}@example.com", "password": password}
        answer = httpx.post(f"{origin}/api/users", json={"user": user}, **PLAINLY)
        return cls(**user, token=answer.raise_for_status().json()["user"]["token"])

    @property
    def headers(self) -> dict[str, str]:
        """What a request of theirs carries."""
        return {"Authorization": f"Token {self.token}"}

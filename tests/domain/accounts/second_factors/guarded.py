"""Somebody with a second factor, and the clock by which codes are judged."""

from datetime import UTC, datetime, timedelta

import httpx
import pyotp

from app.domain.accounts.models import User
from tests.domain.accounts.doors import BASE, OURS, TOKENS
from tests.domain.accounts.factories import PASSWORD

FACTORS, TOTP = f"{BASE}/second-factors", f"{BASE}/second-factors/totp"
# With this time all codes are known before: none is 000000 or 123456, nor the same as another.
NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
SECRETS = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU"


class Clock(datetime):
    """Noon, and what is added to it."""

    ahead = timedelta()

    @classmethod
    def now(cls, tz: object = None) -> datetime:  # noqa: ARG003 - the standard library's
        return NOON + cls.ahead


class Guarded:
    """Somebody who has set up codes by an app, and is signed in by a token."""

    def __init__(self, user: User, client: httpx.AsyncClient, clock: type[Clock]) -> None:
        self.user, self.client, self.clock = user, client, clock
        self.headers: dict[str, str] = {}
        self.secret = ""
        self.codes: list[str] = []

    async def enter(self, door: str = TOKENS) -> httpx.Response:
        return await self.client.post(door, json={"email": self.user.email, "password": PASSWORD}, headers=OURS)

    async def challenge(self) -> str:
        answer = await self.enter()
        assert answer.status_code == 202
        return answer.json()["challenge"]

    def code(self) -> str:
        """One that was never used: of a later time."""
        self.clock.ahead += timedelta(seconds=30)
        return pyotp.TOTP(self.secret).at(self.clock.now())

    async def finish(self, door: str = TOKENS, **given: str) -> httpx.Response:
        return await self.client.post(f"{door}/second-factor", json=given, headers=OURS)

    async def set_up(self) -> None:
        token = (await self.enter()).json()["token"]
        self.headers = {"Authorization": f"Bearer {token}"}
        offer = await self.client.post(TOTP, headers=self.headers)
        assert offer.status_code == 201
        self.secret = offer.json()["secret"]
        confirmed = await self.client.post(f"{TOTP}/confirmation", json={"code": self.code()}, headers=self.headers)
        assert confirmed.status_code == 201
        self.codes = confirmed.json()["recoveryCodes"]

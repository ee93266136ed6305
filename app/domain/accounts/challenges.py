"""Questions that are answered once, and soon: made for a purpose, known by what the client brings back."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from app.domain.accounts.factor_repositories import ChallengeRepository
from app.domain.accounts.models import Challenge
from app.domain.accounts.tokens import digest_of
from app.platform.database.work import Service, repository

LASTS = timedelta(minutes=5)
SECOND_FACTOR, PASSKEY, REGISTRATION, PROOF = "second_factor", "passkey", "registration", "proof"


class Asked(NamedTuple):
    """A question: what the client brings back, and what of it is kept and signed by passkeys."""

    clear: str
    digest: bytes
    expires_at: datetime


class Challenges(Service):
    """The questions over one unit of work."""

    challenges = repository(ChallengeRepository)

    async def ask(self, purpose: str, user: UUID | None) -> Asked:
        """A question for this purpose, of this user or of whoever answers it."""
        clear = secrets.token_urlsafe(32)
        asked = Asked(clear, digest_of(clear), datetime.now(UTC) + LASTS)
        await self.challenges.forget_some_expired()
        await self.challenges.add(
            Challenge(user_id=user, purpose=purpose, digest=asked.digest, expires_at=asked.expires_at)
        )
        return asked

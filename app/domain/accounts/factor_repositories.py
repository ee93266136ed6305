"""Everything that changes the rows of second factors, and of the questions that they answer."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, exists, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from app.domain.accounts.models import Challenge, Passkey, RecoveryCode, Totp
from app.domain.accounts.queries import is_waiting
from app.platform.database.model import Repository

SWEPT_AT_ONCE = 10


class TotpRepository(Repository[Totp]):
    """Secrets for codes, one a user."""

    model_type = Totp

    async def confirmed(self, user: UUID | None) -> bytes | None:
        """The sealed secret that the user's codes are made of."""
        return await self.session.scalar(select(Totp.secret).where(Totp.user_id == user, Totp.confirmed))

    async def offered(self, user: UUID | None) -> bytes | None:
        """The sealed secret that waits for its first code."""
        return await self.session.scalar(select(Totp.secret).where(Totp.user_id == user, ~Totp.confirmed))

    async def offer(self, user: UUID | None, sealed: bytes) -> bool:
        """Keep a secret until it is confirmed, in the place of one that never was; whether none is confirmed."""
        fresh = upsert(Totp).values(user_id=user, secret=sealed)
        kept = fresh.on_conflict_do_update(
            index_elements=[Totp.user_id], set_={"secret": fresh.excluded.secret}, where=~Totp.confirmed
        )
        return await self.session.scalar(kept.returning(Totp.user_id)) is not None

    async def use(self, user: UUID | None, sealed: bytes, step: int) -> bool:
        """Take the code of this step, which confirms its secret; whether neither it nor a later one was taken before.

        One statement, so that of two who send the same code at once one comes too late; and of that secret alone, for
        another may have been offered meanwhile, which nobody has proved to have.
        """
        taken = update(Totp).where(Totp.user_id == user, Totp.secret == sealed, Totp.last_step < step)
        return (
            await self.session.scalar(taken.values(last_step=step, confirmed=True).returning(Totp.user_id)) is not None
        )

    async def remove(self, user: UUID | None) -> bool:
        """Whether there was one."""
        removed = delete(Totp).where(Totp.user_id == user).returning(Totp.user_id)
        return await self.session.scalar(removed) is not None


class RecoveryCodeRepository(Repository[RecoveryCode]):
    """Recovery codes."""

    model_type = RecoveryCode

    async def has_any(self, user: UUID | None) -> bool:
        """Whether the user has a code left."""
        return bool(await self.session.scalar(select(exists().where(RecoveryCode.user_id == user))))

    async def use(self, user: UUID | None, digest: bytes) -> bool:
        """Whether it is one of the user's, which it is no more."""
        used = delete(RecoveryCode).where(RecoveryCode.user_id == user, RecoveryCode.digest == digest)
        return await self.session.scalar(used.returning(RecoveryCode.user_id)) is not None

    async def replace(self, user: UUID | None, digests: list[bytes]) -> None:
        """Put these in the place of all."""
        await self.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user))
        if digests:
            await self.session.execute(insert(RecoveryCode), [{"user_id": user, "digest": one} for one in digests])


class PasskeyRepository(Repository[Passkey]):
    """Passkeys."""

    model_type = Passkey

    async def has_any(self, user: UUID | None) -> bool:
        """Whether the user has one."""
        return bool(await self.session.scalar(select(exists().where(Passkey.user_id == user))))

    async def of(self, user: UUID | None) -> Sequence[Passkey]:
        """The user's."""
        return (await self.session.scalars(select(Passkey).where(Passkey.user_id == user))).all()

    async def by_credential(self, credential_id: bytes) -> Passkey | None:
        """The passkey of this id, locked: of two answers at once the second finds the count that the first left."""
        known = select(Passkey).where(Passkey.credential_id == credential_id).with_for_update()
        return await self.session.scalar(known)

    async def remove(self, user: UUID, passkey: UUID) -> bool:
        """Whether the user had such a one."""
        removed = delete(Passkey).where(Passkey.user_id == user, Passkey.id == passkey).returning(Passkey.id)
        return await self.session.scalar(removed) is not None

    async def remove_all(self, user: UUID) -> None:
        """None of the user's is good any more."""
        await self.session.execute(delete(Passkey).where(Passkey.user_id == user))


class ChallengeRepository(Repository[Challenge]):
    """Questions that wait for their answer."""

    model_type = Challenge

    async def forget_some_expired(self) -> None:
        """Delete of what nobody answered in time the oldest, ten at most, and wait for nobody who is at it as well."""
        over = select(Challenge.id).where(Challenge.expires_at <= func.now()).order_by(Challenge.expires_at)
        oldest = over.limit(SWEPT_AT_ONCE).with_for_update(skip_locked=True)
        await self.session.execute(delete(Challenge).where(Challenge.id.in_(oldest)))

    async def take(self, purpose: str, digest: bytes) -> Challenge | None:
        """The question, which nobody else can answer from now on, unless this answer is refused."""
        taken = delete(Challenge).where(*is_waiting(purpose, digest))
        return await self.session.scalar(taken.returning(Challenge))

    async def waiting(self, purpose: str, digest: bytes) -> Challenge | None:
        """The question, which goes on waiting."""
        return await self.session.scalar(select(Challenge).where(*is_waiting(purpose, digest)))

    async def forget_all_expired(self) -> None:
        """Delete what nobody answered in time, everybody's."""
        await self.session.execute(delete(Challenge).where(Challenge.expires_at <= func.now()))

"""Everything that changes the rows of accounts."""

from uuid import UUID

from sqlalchemy import delete, func, select

from app.domain.accounts.models import Token, User
from app.platform.database.model import Repository


class UserRepository(Repository[User]):
    """Users. Their rows are locked so that what refers to them, by a foreign key, can go on being written."""

    model_type = User

    async def for_change(self, user: UUID | None) -> User | None:
        """The user, locked until the transaction ends."""
        return await self.session.scalar(select(User).where(User.id == user).with_for_update(key_share=True))

    async def for_change_by_name(self, username: str) -> User | None:
        """The user of this name, upper and lower case being the same, locked until the transaction ends."""
        by_name = select(User).where(func.lower(User.username) == func.lower(username))
        return await self.session.scalar(by_name.with_for_update(key_share=True))

    async def still_has(self, user: UUID, password: str) -> bool:
        """Whether the user is active and this is their password's hash, and remains so until the transaction ends.

        Without the lock, a sign-in could be under way while the password changes, and leave a token that outlives the
        old password.
        """
        unchanged = select(User.id).where(User.id == user, User.password == password, User.is_active)
        return await self.session.scalar(unchanged.with_for_update(read=True)) is not None


class TokenRepository(Repository[Token]):
    """Tokens."""

    model_type = Token

    async def is_live(self, user: UUID | None, token: UUID | None) -> bool:
        """Whether the user still has this token; asked with the user's row locked, it is the last word."""
        live = select(Token.id).where(Token.user_id == user, Token.id == token, Token.expires_at > func.now())
        return await self.session.scalar(live) is not None

    async def end(self, user: UUID | None, token: UUID | None) -> bool:
        """End one of the user's tokens; whether there was such a one."""
        ended = delete(Token).where(Token.user_id == user, Token.id == token).returning(Token.id)
        return await self.session.scalar(ended) is not None

    async def forget_expired(self, user: UUID) -> None:
        """Delete the user's tokens that are no good any more."""
        await self.session.execute(delete(Token).where(Token.user_id == user, Token.expires_at <= func.now()))

    async def end_all(self, user: UUID | None, *, but: UUID | None = None) -> None:
        """End the user's tokens, all but one where it is given."""
        await self.session.execute(delete(Token).where(Token.user_id == user, Token.id.is_distinct_from(but)))

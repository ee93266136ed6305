"""Everything that changes the rows of accounts."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Select, Text, case, delete, func, insert, literal, or_, select, update

from app.domain.accounts.models import Challenge, Token, User
from app.domain.accounts.tokens import Idle
from app.kit.errors import Unauthenticated, found
from app.kit.identity import Viewer
from app.platform.database.model import Repository


class UserRepository(Repository[User]):
    """Users. Their rows are locked so that what refers to them, by a foreign key, can go on being written."""

    model_type = User

    async def for_change(self, user: UUID | None) -> User | None:
        """The user, locked until the transaction ends."""
        return await self.session.scalar(select(User).where(User.id == user).with_for_update(key_share=True))

    async def for_changes(self, users: Collection[UUID | None]) -> Sequence[User]:
        """These users, locked until the transaction ends; in one order, so that nobody waits crosswise."""
        chosen = select(User).where(User.id.in_(users)).order_by(User.id).with_for_update(key_share=True)
        return (await self.session.scalars(chosen)).all()

    async def another_superuser(self, user: UUID) -> bool:
        """Whether somebody else is an active superuser, and remains it until the transaction ends."""
        another = select(User.id).where(User.is_superuser, User.is_active, User.id != user).order_by(User.id).limit(1)
        return await self.session.scalar(another.with_for_update(key_share=True)) is not None

    async def for_change_by_name(self, username: str) -> User | None:
        """The user of this name, upper and lower case being the same, locked until the transaction ends."""
        by_name = select(User).where(func.lower(User.username) == func.lower(username))
        return await self.session.scalar(by_name.with_for_update(key_share=True))

    async def for_change_by_token(self, token: UUID) -> User | None:
        """Whose token this is, locked until the transaction ends."""
        by_token = select(User).join(Token, Token.user_id == User.id).where(Token.id == token)
        return await self.session.scalar(by_token.with_for_update(key_share=True, of=User))

    async def still_has(self, user: UUID, password: str, renewed: str) -> bool:
        """Whether the user is active and this is their password's hash, and remains so until the transaction ends.

        Without the lock, a sign-in could be under way while the password changes, and leave a token that outlives the
        old password. Another hash of the same password replaces it; a sign-in at the same time may have done that.
        """
        if renewed == password:
            unchanged = select(User.id).where(User.id == user, User.password == password, User.is_active)
            return await self.session.scalar(unchanged.with_for_update(read=True)) is not None
        unchanged = update(User).where(User.id == user, User.password.in_((password, renewed)), User.is_active)
        return await self.session.scalar(unchanged.values(password=renewed).returning(User.id)) is not None

    async def is_guarded(self, user: UUID) -> bool | None:
        """Whether the user has a second factor, and so it remains until the transaction ends; None: not active."""
        asked = select(User.has_second_factor).where(User.id == user, User.is_active)
        return await self.session.scalar(asked.with_for_update(read=True))

    async def taken(self, usernames: list[str], emails: list[str]) -> list[tuple[str, str]]:
        """Of the users who have one of these names or addresses, both, in lower case."""
        name, email = func.lower(User.username), func.lower(User.email)
        is_taken = or_(name.in_(_lowered(usernames)), email.in_(_lowered(emails)))
        return [(row[0], row[1]) for row in await self.session.execute(select(name, email).where(is_taken))]

    async def remove(self, user: UUID) -> None:
        """Delete a user, and with them all that refers to them."""
        await self.session.execute(delete(User).where(User.id == user))

    async def add_rows(self, rows: list[dict[str, Any]]) -> None:
        """Insert many users, a dictionary of columns each."""
        if rows:
            await self.session.execute(insert(User), rows)


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

    async def end_session(self, digest: bytes) -> None:
        """End the session with this digest, whoever's it is, where there is one."""
        await self._end(Token.digest == digest, Token.is_session.is_(True))

    async def end_any(self, token: UUID) -> bool:
        """End a token, whoever's it is; whether there was such a one."""
        return await self._end(Token.id == token) > 0

    async def renew(self, token: UUID | None, *, digest: bytes | None = None) -> bool:
        """Note that its bearer has proved to be the user; whether there is such a one.

        With a digest, only what that is of is good from now on.
        """
        changed = {"proved_at": func.now()} | ({"digest": digest} if digest else {})
        renewed = update(Token).where(Token.id == token).values(changed).returning(Token.id)
        return await self.session.scalar(renewed) is not None

    async def forget_expired(self, idle: Idle, *users: UUID) -> int:
        """Delete the tokens that are no good any more, of these users or of all; how many."""
        latest = case((Token.is_session, idle.sessions), else_=idle.tokens)
        is_over = or_(Token.expires_at <= func.now(), Token.last_used_at <= latest)
        return await self._end(is_over, *([Token.user_id.in_(users)] if users else []))

    async def count_named(self, user: UUID) -> int:
        """How many tokens the user has that were asked for by name, and have not expired."""
        named = select(func.count()).where(
            Token.user_id == user, Token.name.is_not(None), Token.expires_at > func.now()
        )
        return await self.session.scalar(named) or 0

    async def end_named(self, user: UUID) -> int:
        """End the user's tokens that were asked for by name; how many."""
        return await self._end(Token.user_id == user, Token.name.is_not(None))

    async def end_all(self, user: UUID | None, *, but: UUID | None = None) -> int:
        """End the user's tokens, all but one where it is given, and sign-ins that are under way; how many."""
        await self.session.execute(delete(Challenge).where(Challenge.user_id == user))
        return await self._end(Token.user_id == user, Token.id.is_distinct_from(but))

    async def _end(self, *which: ColumnElement[bool]) -> int:
        ended: Any = await self.session.execute(delete(Token).where(*which))
        return ended.rowcount


async def locked(users: UserRepository, tokens: TokenRepository, viewer: Viewer) -> User:
    """The viewer's row, until the transaction ends. Raises Unauthenticated.

    A token that was ended meanwhile, by the owner's sign-out or new password, must not take the account over, nor
    leave another token behind.
    """
    user = found(await users.for_change(viewer.id), "user")
    is_known = viewer.credential is None or await tokens.is_live(viewer.id, viewer.credential)
    if not (user.is_active and is_known):
        raise Unauthenticated("token", "is invalid")
    return user


def _lowered(texts: list[str]) -> Select[tuple[str]]:
    # The database's lower case, which its indexes are in; and one parameter, for there may be more texts than 32,767.
    return select(func.lower(func.unnest(literal(texts, ARRAY(Text)))))

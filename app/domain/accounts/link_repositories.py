"""Everything that changes the rows of links."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import delete, func, select, update

from app.domain.accounts.link_queries import is_to_join
from app.domain.accounts.links import LIFETIMES, MOST_LIVE, Purpose
from app.domain.accounts.models import Link, User
from app.platform.database.model import Repository
from app.platform.database.work import UnitOfWork

SWEPT_AT_ONCE = 10

# One statement, the same for an address that nobody has. The lock makes a change of password, which ends all links,
# wait for this one, or this one for it.
MAKE = """
WITH known AS (
    SELECT id, email FROM accounts_user WHERE {whose} AND is_active FOR SHARE
), superseded AS (
    DELETE FROM accounts_link WHERE digest IN (
        SELECT digest FROM accounts_link WHERE user_id = (SELECT id FROM known) AND purpose = $2
        ORDER BY created_at DESC OFFSET $3
    )
), swept AS (
    DELETE FROM accounts_link WHERE digest IN (
        SELECT digest FROM accounts_link WHERE expires_at <= now() ORDER BY expires_at LIMIT $4 FOR UPDATE SKIP LOCKED
    )
)
INSERT INTO accounts_link (digest, user_id, purpose, email, expires_at)
SELECT $5, (SELECT id FROM known), $2, coalesce($6, (SELECT email FROM known), ''), now() + $7::interval
RETURNING user_id, (SELECT email FROM known)
"""
# The same for an address that somebody has, with which nobody else can join.
MAKE_TO_JOIN = """
WITH swept AS (
    DELETE FROM accounts_link WHERE digest IN (
        SELECT digest FROM accounts_link WHERE expires_at <= now() ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
    )
)
INSERT INTO accounts_link (digest, purpose, email, expires_at)
SELECT $3, $4, CASE WHEN EXISTS (SELECT FROM accounts_user WHERE lower(email) = lower($1)) THEN '' ELSE $1 END,
    now() + $5::interval
RETURNING email <> ''
"""
FOR_ADDRESS = MAKE.format(whose="lower(email) = lower($1)")
FOR_USER = MAKE.format(whose="id = $1::uuid")


class Made(Struct, frozen=True):
    """Whose link was made, and where it is mailed to; None both, where the address is nobody's."""

    user_id: UUID | None
    email: str | None


async def make_for_address(work: UnitOfWork, address: str, purpose: Purpose, digest: bytes) -> Made:
    """Make a link for whoever has this address, about the address."""
    return await _make(work, FOR_ADDRESS, address, purpose, (digest, None))


async def make_for_user(
    work: UnitOfWork, user: UUID, purpose: Purpose, digest: bytes, about: str | None = None
) -> Made:
    """Make a link for a user, about this address or else the one that they have."""
    return await _make(work, FOR_USER, user, purpose, (digest, about))


async def make_to_join(work: UnitOfWork, address: str, digest: bytes) -> bool:
    """Make a link to join with this address; whether it is good, for nobody has the address."""
    values = (address, SWEPT_AT_ONCE, digest, Purpose.JOIN.value, LIFETIMES[Purpose.JOIN])
    return (await work.fetch(MAKE_TO_JOIN, values))[0][0]


async def _make(work: UnitOfWork, sql: str, whose: Any, purpose: Purpose, link: tuple[bytes, str | None]) -> Made:
    digest, about = link
    lifetime: timedelta = LIFETIMES[purpose]
    values = (whose, purpose.value, MOST_LIVE - 1, SWEPT_AT_ONCE, digest, about, lifetime)
    row = (await work.fetch(sql, values))[0]
    return Made(row[0], row[1])


class LinkRepository(Repository[Link]):
    """Links."""

    model_type = Link

    async def take(self, digest: bytes, *purposes: Purpose) -> Link | None:
        """Delete a link that is good, for one of these purposes, and have it; its user stays locked.

        The user is locked first, as by whoever changes a password and then ends all links.
        """
        owner = select(User.id).join(Link, Link.user_id == User.id).where(Link.digest == digest, User.is_active)
        user = await self.session.scalar(owner.with_for_update(key_share=True, of=User))
        if user is None:
            return None
        taken = delete(Link).where(
            Link.digest == digest, Link.user_id == user, Link.purpose.in_(purposes), Link.expires_at > func.now()
        )
        return await self.session.scalar(taken.returning(Link))

    async def take_to_join(self, digest: bytes) -> str | None:
        """Delete a link to join that is good; the address that it is about."""
        taken = delete(Link).where(*is_to_join(digest))
        return await self.session.scalar(taken.returning(Link.email))

    async def mark_last(self, user: UUID | None, purpose: Purpose, email: str) -> bool:
        """Let the other half of a change of address do it; whether there is one."""
        other = update(Link).where(
            Link.user_id == user, Link.purpose == purpose, Link.email == email, Link.expires_at > func.now()
        )
        return await self.session.scalar(other.values(is_last=True).returning(Link.digest)) is not None

    async def end(self, user: UUID, *purposes: Purpose) -> None:
        """End the user's links for these purposes; without any, all."""
        which = [Link.purpose.in_(purposes)] if purposes else []
        await self.session.execute(delete(Link).where(Link.user_id == user, *which))

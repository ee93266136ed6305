"""What accounts holds of a user besides the account itself, for whoever wants to have all of it."""

from uuid import UUID

from app.domain.accounts.link_queries import links_of, tokens_of
from app.domain.accounts.schemas import AccountsShare
from app.platform.database.work import Source


async def share_of(source: Source, user: UUID) -> AccountsShare:
    """The user's tokens and links, without their secrets."""
    return AccountsShare(await tokens_of.all(source, user=user), await links_of.all(source, user=user))

"""All that the admin site holds of a user, for whoever wants to have it."""

from uuid import UUID

from app.domain.admin.queries import files_of, lists_of
from app.domain.admin.schemas import SiteShare
from app.platform.database.work import Source


async def share_of(source: Source, user: UUID) -> SiteShare:
    """The lists that the user keeps, and the files that wait for their word."""
    return SiteShare(await lists_of.all(source, user=user), await files_of.all(source, user=user))

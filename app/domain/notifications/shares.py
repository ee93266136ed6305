"""All that notifications hold of a user, for whoever wants to have it."""

from uuid import UUID

from app.domain.notifications.queries import chosen_by, told_to
from app.domain.notifications.schemas import NotificationsShare
from app.platform.database.work import Source


async def share_of(source: Source, user: UUID) -> NotificationsShare:
    """What the user was told, and what they have chosen."""
    return NotificationsShare(await told_to.all(source, user=user), await chosen_by.all(source, user=user))

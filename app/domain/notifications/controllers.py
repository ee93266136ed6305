"""The doors of the inbox, and of what one wants to be told of."""

from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

from litestar import Controller
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from app.domain.notifications.queries import unread_count
from app.domain.notifications.schemas import (
    Choice,
    NotificationOut,
    PreferenceOut,
    PreferencesOut,
    ReadUpTo,
    UnreadOut,
    Unsubscription,
)
from app.domain.notifications.services import NotificationService, notifications_of, preferences_of
from app.kit.errors import found
from app.kit.identity import Viewer
from app.kit.news import Kind
from app.kit.pagination import After, Slice
from app.platform.database.work import Reader
from app.platform.handlers import delete, get, post, put
from app.platform.page_parameters import Cursor, Limit
from app.platform.security import PUBLIC, SIGNED_IN

PATH = "/api/v1/notifications"

Unread = Annotated[bool, QueryParameter(description="Only what was not read")]
Notifications = NamedDependency[NotificationService]


class NotificationController(Controller):
    """Notifications: what one was told."""

    @get(permission=SIGNED_IN)
    async def list_notifications(
        self,
        viewer: NamedDependency[Viewer],
        reader: NamedDependency[Reader],
        unread: Unread = False,
        limit: Limit = 20,
        after: Cursor = None,
    ) -> Slice[NotificationOut]:
        """List what one was told, the newest first."""
        return await notifications_of(reader, viewer, After(limit, after), unread=unread)

    @get("/unread", permission=SIGNED_IN)
    async def count_unread(self, viewer: NamedDependency[Viewer], reader: NamedDependency[Reader]) -> UnreadOut:
        """Count what one has not read."""
        return found(await unread_count.one(reader, user=viewer.id), "count")

    @post("/readings", permission=SIGNED_IN, status_code=200)
    async def read_up_to(
        self, data: JSONBody[ReadUpTo], viewer: NamedDependency[Viewer], notifications: Notifications
    ) -> UnreadOut:
        """Have all read up to the newest that one has seen.

        Answers how many are left: what came since then.
        """
        return await notifications.read_up_to(viewer, data.up_to)

    @put("/{notification_id:uuid}/reading", permission=SIGNED_IN)
    async def mark_read(
        self, notification_id: FromPath[UUID], viewer: NamedDependency[Viewer], notifications: Notifications
    ) -> NotificationOut:
        """Have a notification read.

        It is not mailed any more, where it was still to be.
        """
        return await notifications.read(viewer, notification_id)

    @delete("/{notification_id:uuid}/reading", permission=SIGNED_IN, status_code=200)
    async def mark_unread(
        self, notification_id: FromPath[UUID], viewer: NamedDependency[Viewer], notifications: Notifications
    ) -> NotificationOut:
        """Have a notification unread again."""
        return await notifications.unread(viewer, notification_id)

    @delete("/{notification_id:uuid}", permission=SIGNED_IN)
    async def remove_notification(
        self, notification_id: FromPath[UUID], viewer: NamedDependency[Viewer], notifications: Notifications
    ) -> None:
        """Remove a notification."""
        await notifications.remove(viewer, notification_id)


class PreferenceController(Controller):
    """Preferences: what one wants to be told of, and how."""

    @get("/preferences", permission=SIGNED_IN)
    async def list_preferences(
        self,
        viewer: NamedDependency[Viewer],
        reader: NamedDependency[Reader],
        kinds: NamedDependency[Mapping[str, Kind]],
    ) -> PreferencesOut:
        """List the kinds of notifications, and by which channels one is told of each."""
        return await preferences_of(reader, viewer, kinds)

    @put("/preferences/{kind:str}", permission=SIGNED_IN)
    async def choose_channels(
        self,
        kind: FromPath[str],
        data: JSONBody[Choice],
        viewer: NamedDependency[Viewer],
        notifications: Notifications,
    ) -> PreferenceOut:
        """Choose by which channels one is told of a kind."""
        return await notifications.choose(viewer, kind, data)

    @post("/unsubscriptions", permission=PUBLIC, status_code=204)
    async def unsubscribe_from_mail(self, data: JSONBody[Unsubscription], notifications: Notifications) -> None:
        """Be mailed no notifications any more, by the token of the link in a mail.

        It asks for nothing else, and ends mail of every kind; the inbox stays as it is.
        """
        await notifications.unsubscribe(data.token)

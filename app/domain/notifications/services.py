"""The verbs of notifications: other modules tell, users read what they were told, and choose what they want to hear."""

from collections.abc import Mapping
from uuid import UUID

from litestar.datastructures import State
from litestar.di import NamedDependency

from app.domain.notifications import repositories as rows
from app.domain.notifications.mailing import mail_soon, user_of
from app.domain.notifications.queries import Chosen, choices_of, newest_notifications, unread_notifications
from app.domain.notifications.schemas import Choice, NotificationOut, PreferenceOut, PreferencesOut, UnreadOut
from app.kit.errors import found
from app.kit.identity import Viewer
from app.kit.news import Kind, News
from app.kit.pagination import After, Slice
from app.platform.database.work import Reader, Service, Source, UnitOfWork
from app.platform.module import told
from app.platform.sealing import Sealing


async def notify(work: UnitOfWork, user: UUID, kind: Kind, cause: UUID, news: News) -> None:
    """Tell a user, by the channels that they have chosen for this kind.

    Of one cause, an event's id say, they are told once, however often this is called. Nobody is told of what they did
    themselves, nor of what somebody did who is there no more.
    """
    if await rows.tell(work, user, kind, cause, news) == "at_once":
        await mail_soon(work, user)


async def forget_read(work: UnitOfWork, *, days: int, limit: int) -> int:
    """Delete what was read so many days ago, so much at once; how much."""
    gone = await rows.clear.one(work, days=days, limit=limit)
    return gone.count if gone else 0


async def leave_to_digest(work: UnitOfWork) -> None:
    """Have in the next digest what was to be mailed at once hours ago, and was not."""
    await rows.leave_to_digest(work)


async def notifications_of(reader: Reader, viewer: Viewer, after: After, *, unread: bool) -> Slice[NotificationOut]:
    """What the viewer was told, the newest first; or only what they have not read."""
    if unread:
        return await unread_notifications.after(reader, after, user=viewer.id)
    return await newest_notifications.after(reader, after, user=viewer.id)


async def preferences_of(source: Source, viewer: Viewer, kinds: Mapping[str, Kind]) -> PreferencesOut:
    """Of each kind, by which channels the viewer is told of it."""
    chosen = {one.kind: one for one in await choices_of.all(source, user=viewer.id)}
    return PreferencesOut([_preference(kind, chosen.get(kind.name)) for kind in kinds.values()])


def _preference(kind: Kind, chosen: Chosen | None) -> PreferenceOut:
    inbox = kind.inbox if chosen is None or chosen.inbox is None else chosen.inbox
    mail = kind.mail if chosen is None or chosen.mail is None else chosen.mail
    return PreferenceOut(kind.name, kind.summary, inbox, mail)


class NotificationService(Service):
    """What users do about what they are told."""

    def __init__(self, work: UnitOfWork, kinds: Mapping[str, Kind], sealing: Sealing) -> None:
        """`kinds`: what the modules tell of, by name."""
        super().__init__(work)
        self._kinds = kinds
        self._sealing = sealing

    async def read(self, viewer: Viewer, notification: UUID) -> NotificationOut:
        """Have it read; then it is not mailed any more. Raises NotFound."""
        return found(await rows.mark_read.one(self.work, user=viewer.id, notification=notification), "notification")

    async def unread(self, viewer: Viewer, notification: UUID) -> NotificationOut:
        """Have it unread again. Raises NotFound."""
        return found(await rows.mark_unread.one(self.work, user=viewer.id, notification=notification), "notification")

    async def read_up_to(self, viewer: Viewer, newest: UUID) -> UnreadOut:
        """Have all read up to this one; how many are left."""
        return found(await rows.mark_up_to.one(self.work, user=viewer.id, newest=newest), "notification")

    async def remove(self, viewer: Viewer, notification: UUID) -> None:
        """Remove one. Raises NotFound."""
        found(await rows.remove.one(self.work, user=viewer.id, notification=notification), "notification")

    async def choose(self, viewer: Viewer, kind: str, choice: Choice) -> PreferenceOut:
        """Be told of this kind by these channels from now on. Raises NotFound."""
        known = found(self._kinds.get(kind), "kind")
        await self._keep(viewer.id, known, Chosen(kind, choice.inbox, choice.mail))
        return PreferenceOut(kind, known.summary, choice.inbox, choice.mail)

    async def unsubscribe(self, token: str) -> None:
        """Have the user whose token this is mailed nothing of any kind. Raises Invalid."""
        user = await user_of(self._sealing, token)
        chosen = {one.kind: one for one in await choices_of.all(self.work, user=user)}
        for kind in self._kinds.values():
            now = _preference(kind, chosen.get(kind.name))
            if now.mail != "none":
                await self._keep(user, kind, Chosen(kind.name, now.inbox, "none"))

    async def _keep(self, user: UUID | None, kind: Kind, chosen: Chosen) -> None:
        """What is as everybody has it is not kept, so that it follows the kind."""
        inbox = None if chosen.inbox == kind.inbox else chosen.inbox
        mail = None if chosen.mail == kind.mail else chosen.mail
        await rows.choose.one(self.work, user=user, kind=kind.name, inbox=inbox, mail=mail)
        if chosen.mail == "none":
            await rows.recall.one(self.work, user=user, kind=kind.name)


def provide_kinds(state: State) -> Mapping[str, Kind]:
    """What the installed modules tell users of, by name."""
    return told(state.modules)


def provide_notifications(work: NamedDependency[UnitOfWork], state: State) -> NotificationService:
    """The verbs over a request's unit of work."""
    return NotificationService(work, told(state.modules), state.resources.sealing)

"""The event log: who is how far, what a subscriber failed at, and what was published of late."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from adminsite.dashboard import Chart
from adminsite.i18n import gettext as _
from adminsite.i18n import ngettext
from msgspec import Struct
from starlette.requests import Request

from app.domain.admin.permissions import MANAGE_MACHINERY, SEE_MACHINERY
from app.platform.admin.page import Concern, Page, deed
from app.platform.admin.staff import viewer_of
from app.platform.admin.times import Course, span
from app.platform.database.work import UnitOfWork
from app.platform.events import admin
from app.platform.events.recent import newest, per_minute, untold
from app.platform.module import offered

SHOWN = 50
MOST_COUNTED = 10_000  # of those that are not in the log yet
LONG = 60.0  # seconds after which it is asked whether anybody puts events into the log


class Asked(Struct):
    """Which events: those before a position."""

    after: int | None = None


class EventsPage(Page):
    """The event log and its subscribers; what events say is not shown."""

    title = "Events"
    permission = SEE_MACHINERY
    template = "events.html"

    async def get_context(self, request: Request) -> dict[str, Any]:
        """Subscribers, failures, and the latest events."""
        asked, reader, database = self.asked(request, Asked), self.reader(request), self.house.database
        events = await newest(reader, SHOWN + 1, *([asked.after] if asked.after else []))
        chart = self.trend(request)
        return {
            "asked": asked,
            "events": events[:SHOWN],
            "next": events[SHOWN - 1].position if len(events) > SHOWN else None,
            "subscriptions": await admin.subscriptions(database),
            "offered": offered(self.house.modules),
            "held": await admin.held(database),
            "untold": await untold(reader, MOST_COUNTED),
            "most": MOST_COUNTED,
            "waiting": await admin.waiting(database),
            "manages": viewer_of(request).may(MANAGE_MACHINERY),
            "chart": chart,
            "data": await chart.load(self.admin, request),
        }

    async def concerns(self, request: Request) -> Sequence[Concern]:  # noqa: ARG002
        """Events that a subscriber cannot handle, and such as nobody puts into the log: two statements."""
        database, found = self.house.database, []
        for one in await admin.subscriptions(database):
            name, text = one.name, ""
            if one.dead:
                text = ngettext("{name} gave {count} event up", "{name} gave {count} events up", one.dead, name=name)
            elif one.held:
                text = ngettext("{name} holds {count} event", "{name} holds {count} events", one.held, name=name)
            if text:
                found.append(Concern(text, "-/events"))
        if (late := await admin.waiting(database)) > LONG:
            text = _("An event has waited for {span}: is there a worker?", span=span(late))
            found.append(Concern(text, "-/events"))
        return found

    def trend(self, request: Request) -> Chart:
        """How many were published in each minute of the last hour."""
        return Course(_("Events each minute"), lambda: per_minute(self.reader(request)), timedelta(minutes=1), 60)

    @deed(MANAGE_MACHINERY)
    async def retry(self, work: UnitOfWork, *, subscriber: str, position: int | None = None) -> str:
        """Have one event, or all that the subscriber failed at, tried again."""
        count = await admin.retry(work, subscriber, position)
        return ngettext("{count} event is tried again.", "{count} events are tried again.", count)

    @deed(MANAGE_MACHINERY)
    async def skip(self, work: UnitOfWork, *, subscriber: str, position: int) -> str:
        """Have the subscriber do without an event."""
        await admin.skip(work, subscriber, position)
        return _("The event is skipped; what waited behind it goes on.")

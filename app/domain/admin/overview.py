"""The first page: what needs attention, of what the viewer may see, and how the machinery goes."""

from typing import Any

from adminsite.dashboard import LoadedWidget, Widget
from adminsite.i18n import gettext as _
from starlette.requests import Request

from app.platform.admin.page import Concern, Page
from app.platform.admin.site import Site


class Attention(Widget):
    """What needs attention: one statement at most for each of the pages that the viewer may open."""

    width = 4
    template = "pages/attention.html"

    @property
    def title(self) -> str:  # ty: ignore[incompatible-property-override] - adminsite only reads it
        """In the viewer's language."""
        return _("What needs attention")

    async def load(self, admin: Any, request: Request) -> list[Concern]:
        """All concerns, in the order of the pages."""
        return [concern for page in await pages_of(admin, request) for concern in await page.concerns(request)]


class Trends(Widget):
    """How much was done of late: one statement for each chart."""

    width = 4
    template = "pages/trends.html"

    async def allows(self, admin: Any, request: Request) -> bool:
        """Not shown without any chart."""
        return any(page.trend(request) for page in await pages_of(admin, request))

    async def load(self, admin: Any, request: Request) -> list[LoadedWidget]:
        """The charts, with what they show."""
        charts = [page.trend(request) for page in await pages_of(admin, request)]
        return [LoadedWidget(chart, await chart.load(admin, request)) for chart in charts if chart]


async def pages_of(admin: Site, request: Request) -> list[Page]:
    """The pages that the viewer may open."""
    return [page for page in await admin.pages_allowing(request) if isinstance(page, Page)]

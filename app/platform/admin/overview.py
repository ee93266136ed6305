"""The first page's card of how much there is, which takes no longer the more there is."""

from typing import TYPE_CHECKING

from adminsite._http.urls import Urls
from adminsite.dashboard import CountItem, ModelCounts
from adminsite.query import CountMode, QuerySpec
from starlette.requests import Request

if TYPE_CHECKING:
    from adminsite.admin import Admin


class BoundedCounts(ModelCounts):
    """How many rows each view holds, counted as far as its list counts them."""

    async def load(self, admin: "Admin", request: Request) -> list[CountItem]:
        """The number of each view that the viewer may open."""
        urls, found, asked = Urls(request), [], QuerySpec(count=CountMode.ESTIMATED)
        async with admin.database.session() as session:
            for view in await admin.views_allowing(request):
                if view.in_sidebar:
                    total = await view._repository.total(session, asked, view._scope_for(request))
                    item = CountItem(view.label_plural, urls.list(view), total.value or 0, view.group)
                    found.append(item)
        return found

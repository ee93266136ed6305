"""The page that the link in a mail opens: GET shows a button, since scanners of mail follow links, and POST acts.

A mail program may POST there without showing it (RFC 8058): the token stands in the address, and no form is read.
"""

from pathlib import Path
from typing import Annotated

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from app.domain.notifications.mailing import PAGE
from app.domain.notifications.services import NotificationService
from app.kit.errors import Invalid
from app.platform.handlers import get, post
from app.platform.pages import Pages
from app.platform.security import PUBLIC

PAGES = Pages(Path(__file__).with_name("page_templates"), "/account/style.css")

Token = Annotated[str, QueryParameter(max_length=200, description="The link's secret")]


class UnsubscriptionPages(Controller):
    """Pages of mailed notifications."""

    path = f"/account/{PAGE}"
    opt = {"tokens_only": True}  # noqa: RUF012 - Litestar's; a link is its own credential

    @get(permission=PUBLIC, include_in_schema=False)
    async def show_unsubscription(self, token: Token = "") -> Response[str]:
        """A button that ends the mail."""
        return PAGES.show("form", title="No more mail", token=token)

    @post(permission=PUBLIC, status_code=200, include_in_schema=False)
    async def follow_unsubscription(
        self, notifications: NamedDependency[NotificationService], token: Token = ""
    ) -> Response[str]:
        """End the mail."""
        try:
            await notifications.unsubscribe(token)
        except Invalid:
            return PAGES.show("done", 410, title="The link is not good", text="It is not whole, or was never one.")
        return PAGES.show(
            "done", title="You are mailed no notifications any more", text="Your inbox goes on as before."
        )

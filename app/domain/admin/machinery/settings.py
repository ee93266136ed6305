"""Settings: each by its name, as it is in force in this process, secrets masked, and where it came from."""

from itertools import groupby
from typing import Any

from starlette.requests import Request

from app.domain.admin.permissions import SEE_MACHINERY
from app.platform.admin.page import Page
from config.showing import shown


class SettingsPage(Page):
    """What an operator has set, and what was left alone."""

    title = "Settings"
    permission = SEE_MACHINERY
    template = "settings.html"

    async def get_context(self, request: Request) -> dict[str, Any]:  # noqa: ARG002
        """All settings, concern by concern."""
        settings = shown(self.house.settings)
        return {"concerns": [(name, list(found)) for name, found in groupby(settings, lambda one: one.concern)]}

"""Sign-ins at the admin site: who, since when, by what, and ending one."""

from typing import Any
from uuid import UUID

from adminsite.i18n import gettext as _
from msgspec import Struct
from starlette.requests import Request

from app.domain.accounts.policies import MANAGE_USERS
from app.domain.accounts.queries import sign_ins
from app.domain.accounts.token_services import provide_tokens
from app.domain.accounts.tokens import idle_since
from app.kit.pagination import After
from app.platform.admin.page import Page, deed
from app.platform.admin.staff import viewer_of
from app.platform.database.work import UnitOfWork

SHOWN = 50


class Asked(Struct):
    """Whose sign-ins, behind a cursor; everybody's, where nobody is named."""

    user: str | None = None
    after: str | None = None


class SessionsPage(Page):
    """Browsers' sessions and programs' tokens that are good; the secrets themselves nobody has."""

    title = "Sessions"
    permission = MANAGE_USERS
    template = "sessions.html"

    async def get_context(self, request: Request) -> dict[str, Any]:
        """The newest, of all or of one user."""
        asked, idle = self.asked(request, Asked), idle_since(self.house.settings.security)
        found = await sign_ins.after(
            self.reader(request),
            After(SHOWN, asked.after),
            used_after=idle.tokens,
            session_used_after=idle.sessions,
            username=asked.user,
        )
        return {"asked": asked, "sessions": found, "own": viewer_of(request).credential}

    @deed(MANAGE_USERS)
    async def end(self, work: UnitOfWork, *, token: UUID) -> str:
        """End one."""
        await provide_tokens(work, self.house).end_of_another(work.viewer, token)
        return _("The session has ended.")

"""Mail: what waits, what failed and who gets none; never what a mail says."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from adminsite.dashboard import Chart
from adminsite.i18n import gettext as _
from adminsite.i18n import ngettext
from starlette.requests import Request

from app.domain.admin.permissions import MANAGE_MACHINERY, SEE_MACHINERY
from app.kit.errors import Invalid
from app.platform.admin.page import Concern, Page, deed
from app.platform.admin.staff import viewer_of
from app.platform.admin.times import Course, span
from app.platform.database.work import UnitOfWork
from app.platform.mail import suppression
from app.platform.mail.figures import mail_state
from app.platform.mail.mailer import mail_faults
from app.platform.mail.message import as_address
from app.platform.mail.recent import failed, per_hour, waiting

SHOWN = 50
LONG = 900.0  # seconds after which a mail that waits is worth a look


class MailPage(Page):
    """Mails on their way, and those that did not get there."""

    title = "Mail"
    permission = SEE_MACHINERY
    template = "mail.html"

    async def get_context(self, request: Request) -> dict[str, Any]:
        """Figures of the last day, and three lists."""
        reader, chart = self.reader(request), self.trend(request)
        return {
            "faults": mail_faults(self.house.settings.mail),
            "state": await mail_state(reader),
            "waiting": await waiting(reader, SHOWN),
            "failed": await failed(reader, SHOWN),
            "suppressed": await suppression.suppressed(reader, SHOWN),
            "manages": viewer_of(request).may(MANAGE_MACHINERY),
            "chart": chart,
            "data": await chart.load(self.admin, request),
        }

    async def concerns(self, request: Request) -> Sequence[Concern]:
        """Mails of the last day that were given up, and such as wait for long."""
        state, found = await mail_state(self.reader(request)), []
        if state.failed:
            text = ngettext("{count} mail of the last day failed", "{count} mails of the last day failed", state.failed)
            found.append(Concern(text, "-/mail"))
        if state.seconds > LONG:
            text = _("A mail has waited for {span}: does the mail server answer?", span=span(state.seconds))
            found.append(Concern(text, "-/mail"))
        return found

    def trend(self, request: Request) -> Chart:
        """How many were written in each hour of the last day."""
        return Course(_("Mails each hour"), lambda: per_hour(self.reader(request)), timedelta(hours=1), 24)

    @deed(MANAGE_MACHINERY)
    async def suppress(self, work: UnitOfWork, *, address: str, reason: str = "an admin wants it so") -> str:
        """Send nothing to an address any more."""
        await suppression.suppress(work, _checked(address), reason)
        return _("{address} gets no mail any more.", address=address)

    @deed(MANAGE_MACHINERY)
    async def unsuppress(self, work: UnitOfWork, *, address: str) -> str:
        """Send to it again."""
        await suppression.unsuppress(work, _checked(address))
        return _("{address} gets mail again.", address=address)


def _checked(address: str) -> str:
    try:
        return as_address(address).addr_spec
    except ValueError as error:
        raise Invalid("address", str(error)) from error

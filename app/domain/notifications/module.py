"""What notifications bring to the house."""

from collections.abc import Sequence

from litestar import Router
from litestar.di import Provide

from app.domain.notifications.controllers import PATH, NotificationController, PreferenceController
from app.domain.notifications.jobs import clear_notifications, send_digests
from app.domain.notifications.mailing import mail_at_once, mail_digest
from app.domain.notifications.models import Preference
from app.domain.notifications.pages import UnsubscriptionPages
from app.domain.notifications.services import provide_kinds, provide_notifications
from app.domain.notifications.shares import share_of
from app.platform.audited import Audited
from app.platform.database.pools import Database
from app.platform.module import Module
from config.settings import Settings


async def unsealed(settings: Settings, _: Database) -> Sequence[str]:
    """No notification is mailed without a link that ends it, and that takes a key."""
    if settings.mail.backend == "none" or not settings.production or settings.security.secret_keys:
        return []
    return ["LITEHOUSE_SECRET_KEYS is not set: no notification is mailed, for nobody could unsubscribe"]


PROVIDERS = {
    "notifications": Provide(provide_notifications, sync_to_thread=False),
    "kinds": Provide(provide_kinds, sync_to_thread=False),
}

module = Module(
    name="notifications",
    summary="What users are told of, in their inbox and by mail, and what they want to be told of",
    routers=[
        Router(
            PATH,
            route_handlers=[NotificationController, PreferenceController],
            dependencies=PROVIDERS,
            tags=["notifications"],
        ),
        Router("", route_handlers=[UnsubscriptionPages], dependencies=PROVIDERS, include_in_schema=False),
    ],
    jobs=[mail_at_once, mail_digest, send_digests, clear_notifications],
    share=share_of,
    audited=[Audited(model=Preference)],
    checks=[unsealed],
)

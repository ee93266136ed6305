"""What audit brings to the house."""

from collections.abc import Sequence

from litestar import Router
from litestar.di import Provide

from app.domain.audit.commands import audit_export, audit_verify
from app.domain.audit.controllers import PATH, AuditController
from app.domain.audit.jobs import keep_parts, seal_entries
from app.domain.audit.permissions import READ_TRAIL
from app.domain.audit.persons import KEYS
from app.domain.audit.seals import SEALS
from app.domain.audit.services import provide_audit, provide_trail
from app.platform import module as modules
from app.platform.audited import drift
from app.platform.database.pools import Database
from app.platform.module import Module, installed
from config.modules import MODULES
from config.settings import Settings

RECORDER = "audit_record"


async def unrecorded(_: Settings, database: Database) -> Sequence[str]:
    """Each table that is declared has its triggers, as it is declared."""
    return await drift(database.reader(), modules.audited(installed(MODULES)).values(), RECORDER)


async def unsealed(settings: Settings, _: Database) -> Sequence[str]:
    """Nothing is sealed without a key, and personal values stay as they are until then."""
    if not settings.production or settings.security.secret_keys:
        return []
    return ["LITEHOUSE_SECRET_KEYS is not set: the trail is not sealed, and personal values in it are not encrypted"]


module = Module(
    name="audit",
    summary="The trail of what was changed, by whom and when: recorded by the database itself, sealed, and shown",
    routers=[
        Router(
            PATH,
            route_handlers=[AuditController],
            dependencies={
                "trail": Provide(provide_trail, sync_to_thread=False),
                "audit": Provide(provide_audit, sync_to_thread=False),
            },
            tags=["audit"],
        ),
    ],
    permissions=[READ_TRAIL],
    jobs=[seal_entries, keep_parts],
    sealed=[KEYS, SEALS],
    commands=[audit_export, audit_verify],
    checks=[unrecorded, unsealed],
    recorder=RECORDER,
    admin="app.domain.audit.admin",
)

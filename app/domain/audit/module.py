"""What audit brings to the house."""

from collections.abc import Sequence

from litestar import Router
from litestar.di import Provide

from app.domain.audit.commands import audit_begin_anew, audit_export, audit_verify
from app.domain.audit.controllers import PATH, AuditController
from app.domain.audit.jobs import keep_parts, make_parts, seal_entries
from app.domain.audit.permissions import READ_TRAIL
from app.domain.audit.persons import KEYS
from app.domain.audit.sealing import RESTORED, restored
from app.domain.audit.seals import SEALS
from app.domain.audit.services import provide_audit, provide_trail
from app.platform import module as modules
from app.platform.audited import drift
from app.platform.database.pools import Database
from app.platform.module import Module, installed
from config.modules import MODULES
from config.settings import Settings

RECORDER = "audit_record"
# The functions of the trail, whatever their schema is called, and what that comes to once all is migrated.
FUNCTIONS = """
SELECT encode(sha256(convert_to(
    replace(string_agg(concat(proname, prosrc, proconfig), '' ORDER BY proname), current_schema(), ''), 'UTF8'
)), 'hex')
FROM pg_proc WHERE pronamespace = current_schema()::regnamespace AND starts_with(proname, 'audit_')
"""
AS_MIGRATED = "eac97d49242a5923a06b183f57abafcb068f0d19cb420afcb2b46e8eeef1f514"
WAITING = """
SELECT person, count(*) FROM audit_personal_pending WHERE xid IS NOT NULL GROUP BY person ORDER BY person LIMIT 20
"""


async def unrecorded(_: Settings, database: Database) -> Sequence[str]:
    """Each table that is declared has its triggers, as it is declared, and they do what this version's do."""
    told = await drift(database.reader(), modules.audited(installed(MODULES)).values(), RECORDER)
    if (await database.reader().fetch(FUNCTIONS, ()))[0][0] != AS_MIGRATED:
        told.append(f"{RECORDER} and its like are not this version's: `just migrate`, or see `just sqlmigrate audit`")
    return told


async def unsealed(settings: Settings, _: Database) -> Sequence[str]:
    """Nothing is posted and sealed without a key, and personal values stay as they are until then."""
    if not settings.production or settings.security.secret_keys:
        return []
    return ["without LITEHOUSE_SECRET_KEYS the trail is not sealed, its journal grows, and nothing in it is encrypted"]


async def restored_here(_: Settings, database: Database) -> Sequence[str]:
    """The trail goes by the transactions of this server."""
    fault = restored(await database.reader().fetch(RESTORED, ()))
    return [fault] if fault else []


async def unopened(_: Settings, database: Database) -> Sequence[str]:
    """Each person's key opens, so that nothing personal has to wait in plain."""
    return [
        f"the key of the person {person} does not open, and personal values in {count} entries wait in plain: put the "
        "secret that it was sealed with back among LITEHOUSE_SECRET_KEYS, or its row of audit_key from a backup; "
        "without that row a new key is made, and what is encrypted with the old one is given up"
        for person, count in await database.reader().fetch(WAITING, ())
    ]


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
    jobs=[seal_entries, make_parts, keep_parts],
    sealed=[KEYS, SEALS],
    commands=[audit_export, audit_verify, audit_begin_anew],
    checks=[unrecorded, unsealed, restored_here, unopened],
    recorder=RECORDER,
    admin="app.domain.audit.admin",
)

"""What the admin site brings to the house."""

import asyncio
from collections.abc import Sequence

from litestar import Router

from app.domain.admin.controllers import admin_site
from app.domain.admin.jobs import clear_uploads, do_import, do_verb
from app.domain.admin.permissions import MANAGE_MACHINERY, SEE_MACHINERY
from app.domain.admin.shares import share_of
from app.platform.database.pools import Database
from app.platform.module import Module, installed
from config.modules import MODULES
from config.settings import Settings


async def unbuilt(_settings: Settings, _: Database) -> Sequence[str]:
    """The site opens with all that the modules offer, or not at all, and not before somebody asks for it."""

    def look() -> Sequence[str]:
        from app.domain.admin.building import faults  # noqa: PLC0415 - as the site itself, which no start waits for

        return faults(installed(MODULES))

    return await asyncio.to_thread(look)


module = Module(
    name="admin",
    summary="The admin site: what the modules offer of their models, for staff",
    routers=[Router("/", route_handlers=[admin_site], include_in_schema=False)],
    permissions=[SEE_MACHINERY, MANAGE_MACHINERY],
    share=share_of,
    jobs=[do_verb, do_import, clear_uploads],
    on_request=[do_verb, do_import],
    admin="app.domain.admin.machinery",
    checks=[unbuilt],
)

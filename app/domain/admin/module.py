"""What the admin site brings to the house."""

from litestar import Router

from app.domain.admin.controllers import admin_site
from app.domain.admin.jobs import clear_uploads, do_import, do_verb
from app.domain.admin.permissions import MANAGE_MACHINERY, SEE_MACHINERY
from app.domain.admin.shares import share_of
from app.platform.module import Module

module = Module(
    name="admin",
    summary="The admin site: what the modules offer of their models, for staff",
    routers=[Router("/", route_handlers=[admin_site])],
    permissions=[SEE_MACHINERY, MANAGE_MACHINERY],
    share=share_of,
    jobs=[do_verb, do_import, clear_uploads],
    on_request=[do_verb, do_import],
    admin="app.domain.admin.machinery",
)

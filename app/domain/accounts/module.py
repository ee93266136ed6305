"""What accounts brings to the house."""

from litestar import Router
from litestar.di import Provide

from app.domain.accounts.authentication import Authentication
from app.domain.accounts.commands import changepassword, createsuperuser, import_django_users
from app.domain.accounts.controllers import PATH, MeController, TokenController, UserController
from app.domain.accounts.link_controllers import LinkController, OwnDataController
from app.domain.accounts.link_services import provide_links
from app.domain.accounts.pages import LinkPages, page_refusals
from app.domain.accounts.services import provide_accounts
from app.domain.accounts.shares import share_of
from app.domain.accounts.token_commands import TOKEN_COMMANDS
from app.domain.accounts.token_services import provide_tokens, provide_used_after
from app.platform.module import Module

module = Module(
    name="accounts",
    summary="Users, their passwords, the tokens that they present and the links that are mailed to them",
    routers=[
        Router(
            PATH,
            route_handlers=[UserController, TokenController, MeController, LinkController, OwnDataController],
            dependencies={
                "accounts": Provide(provide_accounts, sync_to_thread=False),
                "links": Provide(provide_links, sync_to_thread=False),
                "tokens": Provide(provide_tokens, sync_to_thread=False),
                "used_after": Provide(provide_used_after, sync_to_thread=False),
            },
            tags=["accounts"],
        ),
        Router(
            "",
            route_handlers=[LinkPages],
            dependencies={"links": Provide(provide_links, sync_to_thread=False)},
            exception_handlers=page_refusals,
            include_in_schema=False,
        ),
    ],
    authenticator=Authentication,
    share=share_of,
    commands=[createsuperuser, changepassword, import_django_users, *TOKEN_COMMANDS],
)

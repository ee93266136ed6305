"""What accounts brings to the house."""

from litestar import Router
from litestar.di import Provide

from app.domain.accounts.authentication import Authentication
from app.domain.accounts.commands import changepassword, createsuperuser, import_django_users
from app.domain.accounts.controllers import PATH, MeController, TokenController, UserController
from app.domain.accounts.services import provide_accounts
from app.domain.accounts.session_controllers import SessionController
from app.domain.accounts.token_commands import TOKEN_COMMANDS
from app.domain.accounts.token_services import provide_idle, provide_tokens
from app.platform.cookies import provide_cookie
from app.platform.module import Module

module = Module(
    name="accounts",
    summary="Users, their passwords and the tokens that they present",
    routers=[
        Router(
            PATH,
            route_handlers=[UserController, TokenController, SessionController, MeController],
            dependencies={
                "accounts": Provide(provide_accounts, sync_to_thread=False),
                "tokens": Provide(provide_tokens, sync_to_thread=False),
                "cookie": Provide(provide_cookie, sync_to_thread=False),
                "idle": Provide(provide_idle, sync_to_thread=False),
            },
            tags=["accounts"],
        )
    ],
    authenticator=Authentication,
    commands=[createsuperuser, changepassword, import_django_users, *TOKEN_COMMANDS],
)

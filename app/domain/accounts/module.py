"""What accounts brings to the house."""

from litestar import Router
from litestar.di import Provide

from app.domain.accounts.commands import changepassword, createsuperuser
from app.domain.accounts.controllers import PATH, MeController, TokenController, UserController
from app.domain.accounts.queries import authenticate
from app.domain.accounts.services import provide_accounts
from app.platform.module import Module

module = Module(
    name="accounts",
    summary="Users, their passwords and the tokens that they present",
    routers=[
        Router(
            PATH,
            route_handlers=[UserController, TokenController, MeController],
            dependencies={"accounts": Provide(provide_accounts, sync_to_thread=False)},
            tags=["accounts"],
        )
    ],
    authenticator=authenticate,
    commands=[createsuperuser, changepassword],
)

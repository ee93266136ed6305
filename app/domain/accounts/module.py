"""What accounts brings to the house."""

from litestar import Router
from litestar.di import Provide

from app.domain.accounts.authentication import Authentication
from app.domain.accounts.commands import changepassword, createsuperuser, import_django_users
from app.domain.accounts.controllers import MeController, TokenController, UserController
from app.domain.accounts.factor_commands import second_factors_remove
from app.domain.accounts.factor_controllers import AnswerController, SecondFactorController
from app.domain.accounts.invitation_controllers import InvitationController
from app.domain.accounts.invitation_services import provide_invitations
from app.domain.accounts.jobs import clear_invitations, clear_sessions
from app.domain.accounts.link_controllers import LinkController, OwnDataController
from app.domain.accounts.link_services import provide_links
from app.domain.accounts.models import (
    Grant,
    Group,
    GroupPermission,
    Identity,
    Invitation,
    InvitationGroup,
    Membership,
    Passkey,
    Provider,
    Token,
    Totp,
    User,
)
from app.domain.accounts.openid import PROVIDER_SECRETS
from app.domain.accounts.openid_commands import OPENID_COMMANDS
from app.domain.accounts.openid_controllers import OPENID_CONTROLLERS
from app.domain.accounts.openid_pages import OpenIdPages
from app.domain.accounts.openid_providers import provide_providers
from app.domain.accounts.openid_services import provide_identities
from app.domain.accounts.pages import LinkPages, page_refusals
from app.domain.accounts.passkey_controllers import PasskeyController, PasskeyQuestionController
from app.domain.accounts.passkeys import provide_passkeys
from app.domain.accounts.permission_commands import PERMISSION_COMMANDS
from app.domain.accounts.permission_controllers import PERMISSION_CONTROLLERS
from app.domain.accounts.permission_services import provide_grantable, provide_permissions
from app.domain.accounts.policies import MANAGE_PERMISSIONS, MANAGE_PROVIDERS, MANAGE_USERS
from app.domain.accounts.proofs import provide_proofs
from app.domain.accounts.second_factors import provide_second_factors
from app.domain.accounts.services import provide_accounts
from app.domain.accounts.session_controllers import PATH, SessionController
from app.domain.accounts.shares import share_of
from app.domain.accounts.token_commands import TOKEN_COMMANDS
from app.domain.accounts.token_services import provide_idle, provide_tokens
from app.domain.accounts.totp import SECRETS
from app.domain.accounts.user_commands import USER_COMMANDS
from app.domain.accounts.user_controllers import ManagedUserController
from app.domain.accounts.user_services import UserService
from app.platform.audited import Audited
from app.platform.cookies import provide_cookie
from app.platform.handlers import service
from app.platform.module import Module

# Links, challenges and recovery codes are not: they are there for minutes, or their keys are hashes of secrets.
AUDITED = (
    Audited(
        model=User,
        ignored=["updated_at"],
        masked=["password"],
        personal=["username", "email", "display_name", "bio", "image"],
        person="id",
        of_persons=True,
    ),
    Audited(model=Token, ignored=["last_used_at"], masked=["digest"], personal=["name", "device"], person="user_id"),
    Audited(model=Group),
    Audited(model=GroupPermission),
    Audited(model=Invitation, masked=["email", "digest"]),
    Audited(model=InvitationGroup),
    Audited(model=Membership),
    Audited(model=Grant),
    Audited(model=Totp, ignored=["last_step"], masked=["secret"]),
    Audited(
        model=Passkey,
        ignored=["sign_count", "last_used_at"],
        personal=["name", "credential_id", "public_key"],
        person="user_id",
    ),
    Audited(model=Provider, masked=["secret"]),
    Audited(model=Identity, ignored=["last_used_at"], personal=["subject", "email"], person="user_id"),
)

module = Module(
    name="accounts",
    summary="Users, their passwords, the tokens that they present, the links mailed to them, and what they may",
    routers=[
        Router(
            PATH,
            route_handlers=[
                UserController,
                TokenController,
                SessionController,
                MeController,
                ManagedUserController,
                InvitationController,
                LinkController,
                OwnDataController,
                SecondFactorController,
                AnswerController,
                PasskeyController,
                PasskeyQuestionController,
                *PERMISSION_CONTROLLERS,
                *OPENID_CONTROLLERS,
            ],
            dependencies={
                "accounts": Provide(provide_accounts, sync_to_thread=False),
                "invitations": Provide(provide_invitations, sync_to_thread=False),
                "links": Provide(provide_links, sync_to_thread=False),
                "tokens": Provide(provide_tokens, sync_to_thread=False),
                "permissions": Provide(provide_permissions, sync_to_thread=False),
                "grantable": Provide(provide_grantable, sync_to_thread=False),
                "users": service(UserService),
                "cookie": Provide(provide_cookie, sync_to_thread=False),
                "factors": Provide(provide_second_factors, sync_to_thread=False),
                "passkeys": Provide(provide_passkeys, sync_to_thread=False),
                "proofs": Provide(provide_proofs, sync_to_thread=False),
                "idle": Provide(provide_idle, sync_to_thread=False),
                "identities": Provide(provide_identities, sync_to_thread=False),
                "trust": Provide(provide_providers, sync_to_thread=False),
            },
            tags=["accounts"],
        ),
        Router(
            "",
            route_handlers=[LinkPages],
            dependencies={
                "links": Provide(provide_links, sync_to_thread=False),
                "cookie": Provide(provide_cookie, sync_to_thread=False),
            },
            exception_handlers=page_refusals,
            include_in_schema=False,
        ),
        Router(
            "",
            route_handlers=[OpenIdPages],
            dependencies={
                "identities": Provide(provide_identities, sync_to_thread=False),
                "proofs": Provide(provide_proofs, sync_to_thread=False),
                "cookie": Provide(provide_cookie, sync_to_thread=False),
            },
            exception_handlers=page_refusals,
            include_in_schema=False,
        ),
    ],
    permissions=[MANAGE_PERMISSIONS, MANAGE_USERS, MANAGE_PROVIDERS],
    authenticator=Authentication,
    share=share_of,
    sealed=[SECRETS, PROVIDER_SECRETS],
    audited=AUDITED,
    admin="app.domain.accounts.admin",
    jobs=[clear_sessions, clear_invitations],
    commands=[
        createsuperuser,
        changepassword,
        import_django_users,
        second_factors_remove,
        *TOKEN_COMMANDS,
        *USER_COMMANDS,
        *PERMISSION_COMMANDS,
        *OPENID_COMMANDS,
    ],
)

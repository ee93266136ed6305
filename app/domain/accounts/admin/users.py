"""Users, their standing and what they may, at the admin site."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from adminsite import Field, PanelWidget
from adminsite.columns import Descending
from adminsite.database import SessionAdapter
from adminsite.fields import BaseField, ComputedField, EmailField, EnumField, PasswordField, StringField
from adminsite.query import CountMode, Pagination
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from app.domain.accounts.admin.choices import DECLARED, GROUPS, PERMISSIONS, is_like, shows
from app.domain.accounts.mails import Post
from app.domain.accounts.models import Grant, Group, Membership, User
from app.domain.accounts.permission_services import PermissionService
from app.domain.accounts.policies import MANAGE_PERMISSIONS, MANAGE_USERS, may_admit, may_do_everything
from app.domain.accounts.schemas import SignUp
from app.domain.accounts.services import AccountService
from app.domain.accounts.user_services import IN_BODIES, Standing, UserService
from app.kit.identity import Viewer
from app.platform.admin.filters import MadeFilter
from app.platform.admin.inputs import as_input
from app.platform.admin.model_admin import Access, ModelAdmin
from app.platform.admin.staff import viewer_of
from app.platform.admin.verbs import verb
from app.platform.database.work import UnitOfWork
from app.platform.jobs.job_work import JobWork


async def groups_of(session: SessionAdapter, users: Sequence[User]) -> dict[UUID, str]:
    """The names of the groups of each user."""
    names = func.string_agg(Group.name, ", ")
    rows = select(Membership.user_id, names).join(Group, Group.id == Membership.group_id)
    rows = rows.where(Membership.user_id.in_([one.id for one in users])).group_by(Membership.user_id)
    return {row[0]: row[1] for row in (await session.execute(rows)).all()}


async def grants_of(session: SessionAdapter, users: Sequence[User]) -> dict[UUID, str]:
    """What each user was granted without any group."""
    rows = select(Grant.user_id, func.string_agg(Grant.permission, ", "))
    rows = rows.where(Grant.user_id.in_([one.id for one in users])).group_by(Grant.user_id)
    return {row[0]: row[1] for row in (await session.execute(rows)).all()}


class UserAdmin(ModelAdmin[User]):
    """Users. Their names, addresses and profiles are theirs to change; what is here is who is let in, and to what."""

    access = Access(MANAGE_USERS, MANAGE_USERS, MANAGE_USERS)
    group = "Accounts"
    fields = (
        StringField(User.username),
        EmailField(User.email),
        PasswordField("password", required=True, exclude_from_edit=True),
        Field(User.display_name, exclude_from_list=True, exclude_from_create=True),
        Field(User.bio, exclude_from_list=True, exclude_from_create=True),
        Field(User.is_active, label="Active", exclude_from_create=True),
        Field(User.is_staff, label="Staff", exclude_from_create=True),
        Field(User.is_superuser, label="Superuser", exclude_from_create=True),
        GROUPS,
        EnumField("permissions", choices=PERMISSIONS, multiple=True, form_only=True, required=False),
        ComputedField("in_groups", label="Groups", load=groups_of, exclude_from_list=True),
        ComputedField("granted", label="Granted besides", load=grants_of, exclude_from_list=True),
        Field(User.has_second_factor, label="Second factor", read_only=True, exclude_from_create=True),
        Field(User.email_verified_at, label="Address confirmed", read_only=True, exclude_from_create=True),
        Field(User.created_at, label="Joined", read_only=True, exclude_from_create=True),
    )
    exclude_fields_from_create = ("groups", "permissions")
    form_layout = (
        PanelWidget("User", [(User.username, User.email), "password", User.display_name, User.bio]),
        PanelWidget("Standing", [(User.is_active, User.is_staff, User.is_superuser)]),
        PanelWidget("What they may", ["groups", "permissions", "in_groups", "granted"]),
    )
    record_title = "{username}"
    searchable_fields = (User.username, User.email)  # what is found is search_condition's
    sortable_fields = ()
    fields_default_sort = (Descending(User.id),)
    count_mode = CountMode.ESTIMATED
    list_filters = (User.is_active, User.is_staff, User.is_superuser, MadeFilter("joined", path="created_at"))
    deferred_fields = (User.bio, User.image)
    pagination = Pagination.KEYSET
    belonging = (("groups", Membership.user_id), ("permissions", Grant.user_id))
    schema = SignUp
    can_delete = False

    def search_condition(self, term: str, *, request: Request) -> ColumnElement[bool]:  # noqa: ARG002 - adminsite's
        """By the index of trigrams."""
        return is_like(term)

    def can_access_field(self, request: Request, field: BaseField, action: Any) -> bool:  # noqa: ARG002 - adminsite's
        """What others may is for those who may say so."""
        return shows(request, field, MANAGE_PERMISSIONS, "groups", "permissions", "in_groups", "granted")

    def get_readonly_fields(self, request: Request, record: User | None) -> Sequence[str]:
        """What the services would refuse."""
        return () if record is None else _locked(viewer_of(request), record)

    async def besides(self, session: AsyncSession, record: User | None) -> Mapping[str, Any]:
        """The groups that they are in, and what they were granted, of all that can be."""
        if record is None:
            return {}
        groups = select(Group).join(Membership, Membership.group_id == Group.id).order_by(Group.id)
        granted = select(Grant.permission).where(Grant.user_id == record.id, Grant.permission.in_(DECLARED))
        return {
            "groups": list(await session.scalars(groups.where(Membership.user_id == record.id))),
            "permissions": list(await session.scalars(granted.order_by(Grant.permission))),
        }

    async def create(self, work: JobWork, values: dict[str, Any]) -> User:
        """As a user makes themselves; they are mailed a link that confirms their address."""
        resources = work.resources
        accounts = AccountService(work, work.aside, resources.passwords, resources.settings.security)
        if resources.mailer.backend is not None:
            accounts.post = Post(resources.mailer, work)
        return User(id=await UserService(work).enrol(work.viewer, accounts, as_input(SignUp, values)))

    async def change(self, work: JobWork, record: User, changes: dict[str, Any]) -> None:
        """Their standing, their groups and their grants, each as over the API."""
        if standing := {name: value for name, value in changes.items() if name in IN_BODIES}:
            await UserService(work).change(work.viewer, record.id, Standing(**standing))
        if changes.keys() & {"groups", "permissions"}:
            now = dict(await self.besides(work.session, record))
            await _hand_out(work, record.id, now, now | changes)

    @verb("Let in", permission=MANAGE_USERS)
    async def activate(self, work: UnitOfWork, user: User) -> None:
        """Let in again."""
        await UserService(work).change(work.viewer, user.id, Standing(is_active=True))

    @verb("Keep out", permission=MANAGE_USERS, confirm="Sign them out, and keep them out?", dangerous=True)
    async def deactivate(self, work: UnitOfWork, user: User) -> None:
        """Kept out, and signed out everywhere."""
        await UserService(work).change(work.viewer, user.id, Standing(is_active=False))

    @verb("Make staff", permission=None, confirm="Let them enter this site?")
    async def make_staff(self, work: UnitOfWork, user: User) -> None:
        """Staff now."""
        await UserService(work).change(work.viewer, user.id, Standing(is_staff=True))

    @verb("Sign out everywhere", permission=MANAGE_USERS, confirm="End all their sessions and tokens?", dangerous=True)
    async def sign_out(self, work: UnitOfWork, user: User) -> None:
        """Signed out everywhere."""
        await UserService(work).sign_out(work.viewer, user.id)

    @verb("Mail a link to a new password", permission=MANAGE_USERS, confirm="Mail each of them a link?")
    async def mail_reset(self, work: JobWork, user: User) -> None:
        """Links mailed."""
        work.resources.mailer.require()
        await UserService(work).mail_reset(work.viewer, user.id, Post(work.resources.mailer, work))


def _locked(viewer: Viewer, user: User) -> Sequence[str]:
    always = ("username", "email", "display_name", "bio")
    if viewer.id == user.id:
        return (*always, *IN_BODIES, "groups", "permissions")
    if may_do_everything(viewer):
        return always
    return (*always, "is_staff", "is_superuser", *(() if may_admit(viewer, user) else ("is_active",)))


async def _hand_out(work: UnitOfWork, user: UUID, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Only what is different: nobody gives or takes what they do not hold, but what stays may stay."""
    permissions = PermissionService(work, DECLARED)
    was, will = {one.id for one in before["groups"]}, {one.id for one in after["groups"] or ()}
    for group in sorted(will - was):
        await permissions.add_member(work.viewer, group, user)
    for group in sorted(was - will):
        await permissions.remove_member(work.viewer, group, user)
    had, has = set(before["permissions"]), set(after["permissions"] or ())
    for name in sorted(has - had):
        await permissions.grant(work.viewer, user, name)
    for name in sorted(had - has):
        await permissions.revoke(work.viewer, user, name)

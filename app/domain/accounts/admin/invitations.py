"""Invitations at the admin site."""

from typing import Any

from adminsite import Field
from adminsite.columns import Descending
from adminsite.fields import BaseField, EmailField
from starlette.requests import Request

from app.domain.accounts.admin.choices import GROUPS, shows
from app.domain.accounts.invitation_services import InvitationService
from app.domain.accounts.models import Invitation, InvitationGroup
from app.domain.accounts.policies import MANAGE_PERMISSIONS, MANAGE_USERS
from app.platform.admin.model_admin import Access, ModelAdmin
from app.platform.jobs.job_work import JobWork


class InvitationAdmin(ModelAdmin[Invitation]):
    """Links to join by that were mailed. To remove one is to take it back."""

    access = Access(MANAGE_USERS, MANAGE_USERS, None, MANAGE_USERS)
    group = "Accounts"
    fields = (
        EmailField(Invitation.email),
        GROUPS,
        Field(Invitation.inviter, read_only=True, exclude_from_create=True),
        Field(Invitation.created_at, label="Sent", exclude_from_create=True),
        Field(Invitation.expires_at, exclude_from_create=True),
        Field(Invitation.accepted_at, exclude_from_create=True),
    )
    record_title = "{email}"
    searchable_fields = (Invitation.email,)
    fields_default_sort = (Descending(Invitation.id),)
    deferred_fields = (Invitation.digest,)
    can_edit = False
    belonging = (("groups", InvitationGroup.invitation_id),)

    def can_access_field(self, request: Request, field: BaseField, action: Any) -> bool:  # noqa: ARG002 - adminsite's
        """Into groups, only by who may say what others may."""
        return shows(request, field, MANAGE_PERMISSIONS, "groups")

    async def create(self, work: JobWork, values: dict[str, Any]) -> Invitation:
        """As over the API."""
        service, groups = InvitationService(work, work.resources.mailer), values.get("groups") or ()
        return Invitation(id=(await service.invite(work.viewer, values["email"], [one.id for one in groups])).id)

    async def remove(self, work: JobWork, record: Invitation) -> None:
        """As over the API."""
        await InvitationService(work, work.resources.mailer).revoke(record.id)

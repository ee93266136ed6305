"""Sessions and tokens at the admin site."""

from adminsite import Field
from adminsite.columns import Descending
from adminsite.query import CountMode, Pagination
from sqlalchemy import ColumnElement, select
from starlette.requests import Request

from app.domain.accounts.admin.choices import is_like
from app.domain.accounts.models import Token, User
from app.domain.accounts.policies import MANAGE_USERS
from app.domain.accounts.user_services import UserService
from app.platform.admin.filters import MadeFilter, ReferenceFilter
from app.platform.admin.model_admin import Access, ModelAdmin
from app.platform.database.work import UnitOfWork


class TokenAdmin(ModelAdmin[Token]):
    """Sign-ins of browsers and tokens of programs, without their secrets. To remove one is to end it."""

    access = Access(MANAGE_USERS, delete=MANAGE_USERS)
    group = "Accounts"
    label, label_plural = "Session or token", "Sessions and tokens"
    fields = (
        Token.user,
        Field(Token.is_session, label="In a browser"),
        Token.name,
        Token.device,
        Token.scopes,
        Token.created_at,
        Token.last_used_at,
        Token.expires_at,
    )
    searchable_fields = (Token.name,)  # what is found is search_condition's
    sortable_fields = ()
    fields_default_sort = (Descending(Token.id),)
    count_mode = CountMode.ESTIMATED
    list_filters = (ReferenceFilter(Token.user), Token.is_session, MadeFilter("made", path="created_at"))
    deferred_fields = (Token.digest,)
    pagination = Pagination.KEYSET
    can_create = can_edit = False

    def get_record_title(self, record: Token, /) -> str:
        """By its name, or by what is signed in: its key tells nobody anything."""
        return record.name or record.device or super().get_record_title(record)

    def search_condition(self, term: str, *, request: Request) -> ColumnElement[bool]:  # noqa: ARG002 - adminsite's
        """Those of the users that are found by it."""
        return Token.user_id.in_(select(User.id).where(is_like(term)))

    async def remove(self, work: UnitOfWork, record: Token) -> None:
        """As who manages users may."""
        await UserService(work).end(work.viewer, record)

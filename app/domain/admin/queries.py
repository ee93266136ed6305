"""What the site itself reads: who is staff, and what is kept for whom."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct
from sqlalchemy import Select

from app.domain.accounts.models import User
from app.domain.admin.models import SavedView, Upload
from app.domain.admin.schemas import KeptFile, KeptList
from app.platform.statements.query import query
from app.platform.statements.shape import Shape


class StaffName(Struct, frozen=True, gc=False):
    """By what somebody who is staff is shown."""

    username: str


@query(Shape(StaffName, User))
def staff_name(q: Select, *, user: UUID | None) -> Select:
    """The name of a user who may enter the site."""
    return q.where(User.id == user, User.is_active, User.is_staff)


class SavedList(Struct, frozen=True, gc=False):
    """A list that somebody keeps."""

    id: int
    view: str
    name: str
    query: str
    owner_id: UUID
    is_shared: bool
    created_at: datetime


class UploadedRows(Struct, frozen=True, gc=False):
    """A file that waits to be imported."""

    content: bytes


saved_list = Shape(SavedList, SavedView)


@query(saved_list)
def saved_views(q: Select, *, owner: UUID | None, view: str) -> Select:
    """A user's own lists of a view, and those that others share, by name."""
    own = SavedView.owner_id == owner
    return q.where(SavedView.view == view, own | SavedView.is_shared).order_by(SavedView.name, SavedView.id)


@query(Shape(UploadedRows, Upload))
def uploaded_rows(q: Select, *, owner: UUID | None, view: str, upload: UUID) -> Select:
    """A user's own file that waits to be imported to a view."""
    return q.where(Upload.id == upload, Upload.owner_id == owner, Upload.view == view)


@query(Shape(KeptList, SavedView))
def lists_of(q: Select, *, user: UUID) -> Select:
    """The lists that a user keeps."""
    return q.where(SavedView.owner_id == user).order_by(SavedView.id)


@query(Shape(KeptFile, Upload))
def files_of(q: Select, *, user: UUID) -> Select:
    """The files of a user that wait to be imported."""
    return q.where(Upload.owner_id == user).order_by(Upload.id)

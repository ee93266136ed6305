"""Everything that changes the rows of the admin site, a statement each."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct
from sqlalchemy import UpdateBase, delete
from sqlalchemy.dialects.postgresql import insert

from app.domain.admin.models import SavedView, Upload
from app.domain.admin.queries import SavedList, UploadedRows, saved_list
from app.platform.statements.query import command
from app.platform.statements.shape import Shape


class Kept(Struct, frozen=True, gc=False):
    """The key of a file that was kept."""

    id: UUID


class Removed(Struct, frozen=True, gc=False):
    """The key of a saved view that is gone."""

    id: int


@command(saved_list)
def save_view(
    shape: Shape[SavedList], *, owner: UUID | None, view: str, name: str, query: str, is_shared: bool
) -> UpdateBase:
    """Keep a list under a name, in the place of the one of this name."""
    values = {"query": query, "is_shared": is_shared}
    row = insert(SavedView).values(owner_id=owner, view=view, name=name, **values)
    row = row.on_conflict_do_update(index_elements=[SavedView.owner_id, SavedView.view, SavedView.name], set_=values)
    return row.returning(*shape.columns)


@command(Shape(Removed, SavedView))
def remove_view(shape: Shape[Removed], *, owner: UUID | None, saved: int) -> UpdateBase:
    """Remove one of a user's own."""
    return delete(SavedView).where(SavedView.id == saved, SavedView.owner_id == owner).returning(*shape.columns)


@command(Shape(Kept, Upload))
def keep_upload(shape: Shape[Kept], *, owner: UUID | None, view: str, content: bytes) -> UpdateBase:
    """Keep a file until its owner says that it is to be imported."""
    return insert(Upload).values(owner_id=owner, view=view, content=content).returning(*shape.columns)


@command(Shape(Kept, Upload))
def forget_uploads(shape: Shape[Kept], *, until: datetime) -> UpdateBase:
    """Remove the files that were kept before then."""
    return delete(Upload).where(Upload.created_at < until).returning(*shape.columns)


@command(Shape(UploadedRows, Upload))
def take_upload(shape: Shape[UploadedRows], *, owner: UUID | None, view: str, upload: UUID) -> UpdateBase:
    """Take a user's file out: who comes second finds none, and who fails leaves it where it was."""
    own = delete(Upload).where(Upload.id == upload, Upload.owner_id == owner, Upload.view == view)
    return own.returning(*shape.columns)

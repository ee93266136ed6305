"""What the site keeps for staff, as adminsite asks for it: lists under a name, and files until they are imported."""

from typing import Any
from uuid import UUID

from adminsite.permissions import Permission
from adminsite.saved_views import SavedView, SavedViews, clean_query

from app.domain.admin.jobs import do_import
from app.domain.admin.opening import PROGRESS
from app.domain.admin.queries import SavedList, saved_views, uploaded_rows
from app.domain.admin.services import SavedViewService, Table, UploadService, rows_of, upload_of
from app.kit.errors import Invalid, found, require
from app.kit.identity import Viewer
from app.platform.admin.importing import import_upload
from app.platform.admin.model_admin import ModelAdmin
from app.platform.admin.reading import ReadSessions
from app.platform.admin.staff import asked_by
from app.platform.database.pools import Database
from app.platform.database.work import UnitOfWork
from app.platform.jobs.job_work import JobWork

LAST = (1 << 63) - 1  # of the keys that there can be


class KeptViews(SavedViews):
    """adminsite's saved views, in ours; each belongs to a user, and goes with them."""

    def __init__(self, database: Database) -> None:
        """Without a store of its own."""
        super().__init__(ReadSessions(database), create_table=False)
        self._ours = database

    async def visible_to(self, view: str, owner: str | None) -> list[SavedView]:
        """A user's own, and what others share."""
        kept = await saved_views.all(self._ours.reader(), owner=_id(owner), view=view)
        return [_shown(one) for one in kept]

    async def save(self, saved: SavedView) -> SavedView:
        """Keep one, in the place of that of this name. Raises Invalid for a name that is none."""
        if "\0" in saved.name:
            raise Invalid("name", "must not contain NUL characters")
        work = self._ours.unit_of_work(Viewer(id=_id(saved.owner)))
        query, is_shared = clean_query(saved.query), saved.shared
        kept = SavedViewService(work)
        made = await work.run(lambda: kept.save(saved.view, saved.name, query, is_shared=is_shared))
        return _shown(made) if made else saved

    async def delete(self, key: int, owner: str | None) -> bool:
        """Remove one's own. Returns whether it was there."""
        work = self._ours.unit_of_work(Viewer(id=_id(owner)))
        return key <= LAST and await work.run(lambda: SavedViewService(work).remove(key))


def _shown(kept: SavedList) -> SavedView:
    owner, at = str(kept.owner_id), kept.created_at.replace(tzinfo=None)
    return SavedView(kept.view, kept.name, kept.query, owner, kept.is_shared, kept.id, at)


def _id(owner: str | None) -> UUID | None:
    return UUID(owner) if owner else None


class KeptUploads:
    """Files of rows, which any process may import that has the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, viewer: Viewer, view: str, table: Table) -> str:
        """Keep a file. Returns the name by which its owner comes back to it."""
        work = self._database.unit_of_work(viewer)
        return await work.run(lambda: UploadService(work).keep(view, table))

    async def read(self, viewer: Viewer, view: str, token: str) -> Table | None:
        """A viewer's own file, if it still waits."""
        upload = upload_of(token)
        if upload is None:
            return None
        return await rows_of(
            await uploaded_rows.one(self._database.reader(), owner=viewer.id, view=view, upload=upload)
        )

    @staticmethod
    async def take(work: UnitOfWork, view: str, token: str) -> Table | None:
        """The same, which is gone with this unit of work."""
        return await UploadService(work).take(view, token)

    async def leave_to_job(self, viewer: Viewer, view: str, token: str) -> str:
        """Have a job import it. Returns the address where its progress is seen."""
        work = self._database.unit_of_work(viewer)
        return f"{PROGRESS}{await work.run(lambda: work.enqueue(do_import(view=view, token=token)))}"


async def import_kept(work: JobWork, view: ModelAdmin[Any], token: str) -> str:
    """Do what a kept file says, for its owner. Raises Forbidden, NotFound where it is gone, NotImported."""
    require(view.access.allows(work.viewer, Permission.IMPORT), view.name)
    plan = await import_upload(KeptUploads, work, view, token, asked_by(work.viewer), progress=work.progress)
    return f"{len(found(plan, 'file').rows)} rows"

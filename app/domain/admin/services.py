"""What staff do with what the site keeps for them: files that wait to be imported, and lists under a name."""

import asyncio
import zlib
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from app.domain.admin.queries import SavedList, UploadedRows
from app.domain.admin.repositories import forget_uploads, keep_upload, remove_view, save_view, take_upload
from app.platform.database.work import Service

Table = Sequence[Sequence[str]]


class UploadService(Service):
    """Files of rows, each its owner's."""

    async def keep(self, view: str, table: Table) -> str:
        """Keep a file for the viewer. Returns the name by which they come back to it."""
        content = await asyncio.to_thread(_packed, table)
        kept = await keep_upload.one(self.work, owner=self.work.viewer.id, view=view, content=content)
        return str(kept.id) if kept else ""

    async def take(self, view: str, token: str) -> Table | None:
        """The viewer's own, which is gone with this unit of work: who comes meanwhile waits, and finds none."""
        upload = upload_of(token)
        if upload is None:
            return None
        return await rows_of(await take_upload.one(self.work, owner=self.work.viewer.id, view=view, upload=upload))

    async def forget(self, until: datetime) -> int:
        """Remove the files that were kept before then. Returns how many."""
        return len(await forget_uploads.all(self.work, until=until))


class SavedViewService(Service):
    """Lists that the viewer comes back to."""

    async def save(self, view: str, name: str, query: str, *, is_shared: bool) -> SavedList | None:
        """Keep one, in the place of that of this name."""
        owner = self.work.viewer.id
        return await save_view.one(self.work, owner=owner, view=view, name=name, query=query, is_shared=is_shared)

    async def remove(self, saved: int) -> bool:
        """Remove one's own. Returns whether it was there."""
        return await remove_view.one(self.work, owner=self.work.viewer.id, saved=saved) is not None


def upload_of(token: str) -> UUID | None:
    """The key of a file by the name that its owner was told; None for what is none."""
    try:
        return UUID(token)
    except ValueError:
        return None


async def rows_of(kept: UploadedRows | None) -> Table | None:
    """The rows of a file that was kept, unpacked aside: there may be many."""
    return await asyncio.to_thread(_unpacked, kept.content) if kept else None


def _packed(table: Table) -> bytes:
    return zlib.compress(msgspec.json.encode(table))


def _unpacked(content: bytes) -> Table:
    return msgspec.json.decode(zlib.decompress(content), type=list[list[str]])

"""What the site leaves to a worker: a verb for many rows, a file of many rows, and what nobody came back to."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from app.domain.accounts.services import as_of_now
from app.domain.admin.services import UploadService
from app.kit.errors import require
from app.platform.jobs.declaration import job
from app.platform.jobs.job_work import JobWork

AT_ONCE = 100  # rows locked by one statement
MOST = 500  # rows that one job changes, and holds against others until then
KEPT = timedelta(days=1)  # a file that was not imported


@job(tries=1, timeout=600.0)
async def do_verb(work: JobWork, view: str, verb: str, keys: list[str], inputs: dict[str, Any], done: int = 0) -> str:
    """Do it to each of the rows, as whoever chose them may by now; a row that has gone is passed over.

    Of these rows the first hundreds are done, all or none, so that nobody waits for long who changes one of them. The
    rest is left to a job of its own, which is enqueued if and only if they are: what fails goes on where it was once it
    is tried anew. `done`: how many were, before these.
    """
    offered = await asyncio.to_thread(_view_named, view)
    work.viewer = await as_of_now(work.aside, work.viewer)
    require(offered.access.allows(work.viewer, offered.permission_of(verb)), verb)
    asked, total = offered.inputs_of(verb, inputs), done + len(keys)
    now, rest = keys[:MOST], keys[MOST:]
    for start in range(0, len(now), AT_ONCE):
        done += await offered.perform_all(work, verb, now[start : start + AT_ONCE], asked)
        work.progress(min(done, total), total)
    if not rest:
        return f"{done} rows"
    then = await work.enqueue(do_verb(view=view, verb=verb, keys=rest, inputs=inputs, done=done))
    return f"{done} rows; the rest is left to {then}"


@job(tries=1, timeout=600.0)
async def do_import(work: JobWork, view: str, token: str) -> str:
    """Import a file that its owner kept, all rows of it or none, as they may by now. Raises NotImported."""
    offered = await asyncio.to_thread(_view_named, view)
    work.viewer = await as_of_now(work.aside, work.viewer)
    from app.domain.admin.keeping import import_kept  # noqa: PLC0415 - as the view is

    return await import_kept(work, offered, token)


@job(queue="bulk", unique=(), schedule="37 4 * * *")
async def clear_uploads(work: JobWork) -> str:
    """Delete the files that nobody imported: each night."""
    return f"{await UploadService(work).forget(datetime.now(UTC) - KEPT)} files"


def _view_named(name: str) -> Any:
    from app.domain.admin.building import view_named  # noqa: PLC0415 - the engine is loaded where it is used

    return view_named(name)

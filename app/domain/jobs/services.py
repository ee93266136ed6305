"""What people see of jobs that they asked for and do about them, and those who manage jobs of all."""

from collections.abc import Collection
from uuid import UUID

from litestar.datastructures import State as House
from litestar.di import NamedDependency
from msgspec import Struct

from app.domain.jobs.policies import MANAGE_JOBS, may_see_errors, seen_by
from app.domain.jobs.queries import job_by_id, newest_jobs, newest_jobs_of, stack_of
from app.domain.jobs.schemas import JobOut, State
from app.kit.errors import Conflict, NotFound, found, require
from app.kit.identity import Viewer
from app.kit.pagination import After, Slice
from app.platform.database.work import Reader, Service, Source
from app.platform.jobs import admin
from app.platform.module import followed


class Sight(Struct, frozen=True):
    """Who looks, and the names of the jobs that users ask for: what else follows from what they did is not theirs."""

    viewer: Viewer
    on_request: Collection[str]


class Filters(Struct, frozen=True):
    """Which jobs: in this state, of this name."""

    state: State | None = None
    name: str | None = None


async def job_of(source: Source, sight: Sight, job: UUID) -> JobOut:
    """A job that the viewer may see. Raises NotFound."""
    actor = seen_by(sight.viewer)
    known = found(await job_by_id.one(source, job_id=job, actor=actor), "job")
    if actor is not None and known.name not in sight.on_request:
        raise NotFound("job")
    return _shown(sight.viewer, known)


async def jobs_of(reader: Reader, sight: Sight, filters: Filters, after: After) -> Slice[JobOut]:
    """The jobs that the viewer may see, the newest first."""
    actor = seen_by(sight.viewer)
    if actor is None:
        jobs = await newest_jobs.after(reader, after, state=filters.state, name=filters.name)
    else:
        names = [name for name in sight.on_request if filters.name in (None, name)]
        jobs = await newest_jobs_of.after(reader, after, actor=actor, names=names, state=filters.state)
    return Slice([_shown(sight.viewer, job) for job in jobs.items], jobs.next)


async def failure_of(source: Source, viewer: Viewer, job: UUID) -> str | None:
    """The stack of a job's last failure; None where there was none, or where it is not for the viewer."""
    row = await stack_of.one(source, job_id=job) if may_see_errors(viewer) else None
    return row.error if row else None


def _shown(viewer: Viewer, job: JobOut) -> JobOut:
    if not may_see_errors(viewer):
        job.error = None
    return job


class JobService(Service):
    """What is to become of a job."""

    async def cancel(self, sight: Sight, job: UUID) -> JobOut:
        """Have it not done; what it has done so far in the database is taken back. Raises NotFound, Conflict."""
        await job_of(self.work, sight, job)
        await admin.cancel(self.work, job)
        return await job_of(self.work, sight, job)

    async def retry(self, sight: Sight, job: UUID) -> JobOut:
        """Have it tried anew after it was given up. Raises NotFound, Conflict."""
        known = await job_of(self.work, sight, job)
        if known.state != "dead":
            raise Conflict("state", f"is {known.state}: what was given up alone is tried anew")
        try:
            await admin.retry(self.work, job)
        except NotFound as error:
            raise Conflict("job", "has one like it that waits or runs, and stands for it") from error
        return await job_of(self.work, sight, job)

    async def retry_all(self, viewer: Viewer) -> int:
        """Have all that were given up tried anew; how many. Raises Forbidden, NotFound where there is none."""
        require(viewer.may(MANAGE_JOBS), "jobs")
        return await admin.retry(self.work)


def provide_sight(viewer: NamedDependency[Viewer], state: House) -> Sight:
    """What somebody sees of jobs: all, or those that the installed modules do at their request."""
    return Sight(viewer, followed(state.modules))

"""The doors of those who wait for a job, and of those who look after all."""

from typing import Annotated
from uuid import UUID

from litestar import Controller
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from app.domain.jobs.schemas import JobOut, State
from app.domain.jobs.services import Filters, JobService, Sight, job_of, jobs_of
from app.kit.errors import Conflict
from app.kit.pagination import After, Slice
from app.platform.database.work import Reader
from app.platform.handlers import get, post
from app.platform.page_parameters import Cursor, Limit
from app.platform.security import SIGNED_IN

PATH = "/api/v1/jobs"

InState = Annotated[State | None, QueryParameter(name="state", description="Only those in this state")]
Name = Annotated[str | None, QueryParameter(max_length=200, description="Only those of this name")]


class JobController(Controller):
    """Jobs: what was left to be done later."""

    @get(permission=SIGNED_IN)
    async def list_jobs(
        self,
        sight: NamedDependency[Sight],
        reader: NamedDependency[Reader],
        in_state: InState = None,
        name: Name = None,
        limit: Limit = 20,
        after: Cursor = None,
    ) -> Slice[JobOut]:
        """List jobs, the newest first.

        Those that one has asked for; those who manage jobs see all.
        """
        return await jobs_of(reader, sight, Filters(in_state, name), After(limit, after))

    @get("/{job_id:uuid}", permission=SIGNED_IN)
    async def read_job(
        self, job_id: FromPath[UUID], sight: NamedDependency[Sight], reader: NamedDependency[Reader]
    ) -> JobOut:
        """Read how far a job is."""
        return await job_of(reader, sight, job_id)

    @post("/{job_id:uuid}/cancel", permission=SIGNED_IN, status_code=200, refuses=(Conflict,))
    async def cancel_job(
        self, job_id: FromPath[UUID], sight: NamedDependency[Sight], jobs: NamedDependency[JobService]
    ) -> JobOut:
        """Have a job not done.

        One that runs is cut off, and nothing that it did stays in the database.
        """
        return await jobs.cancel(sight, job_id)

    @post("/{job_id:uuid}/retry", permission=SIGNED_IN, status_code=200, refuses=(Conflict,))
    async def retry_job(
        self, job_id: FromPath[UUID], sight: NamedDependency[Sight], jobs: NamedDependency[JobService]
    ) -> JobOut:
        """Have a job tried anew that was given up."""
        return await jobs.retry(sight, job_id)

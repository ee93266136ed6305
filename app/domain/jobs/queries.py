"""What leaves the house about jobs."""

from uuid import UUID

from msgspec import Struct
from sqlalchemy import Select, Text, any_, case, cast, func

from app.domain.jobs.schemas import JobOut
from app.platform.jobs.declaration import QUEUES
from app.platform.jobs.table import job
from app.platform.statements.query import by, query
from app.platform.statements.shape import Shape

queue = cast(case(dict(enumerate(QUEUES)), value=job.c.queue), Text)
# Of a stack, the line that names the error.
error = func.regexp_replace(func.rtrim(job.c.error, "\n"), "^.*\n", "", type_=Text())


class Stack(Struct, frozen=True, gc=False):
    """Where a job failed, for those who manage jobs."""

    error: str | None


shown = Shape(JobOut, job, queue=queue, error=error)


@query(shown)
def job_by_id(q: Select, *, job_id: UUID, actor: UUID | None = None) -> Select:
    """A job; of this actor alone, where one is named."""
    q = q.where(job.c.id == job_id)
    return q if actor is None else q.where(job.c.actor == actor)


@query(Shape(Stack, job))
def stack_of(q: Select, *, job_id: UUID) -> Select:
    """Where a job's last attempt failed, with the whole stack."""
    return q.where(job.c.id == job_id)


@query(shown, page=by(job.c.id.desc()))
def newest_jobs(q: Select, *, state: str | None = None, name: str | None = None) -> Select:
    """Jobs, the newest first: in a state, of a name."""
    for column, value in ((job.c.state, state), (job.c.name, name)):
        q = q if value is None else q.where(column == value)
    return q


@query(shown, page=by(job.c.id.desc()))
def newest_jobs_of(q: Select, *, actor: UUID, names: list[str], state: str | None = None) -> Select:
    """Jobs of these names that somebody caused, the newest first: in a state."""
    own = job.c.name == any_(names)  # ty: ignore[invalid-argument-type] - a bind parameter stands for them
    q = q.where(job.c.actor == actor, own)
    return q if state is None else q.where(job.c.state == state)

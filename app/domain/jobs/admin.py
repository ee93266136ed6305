"""Jobs and schedules at the admin site."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from adminsite.dashboard import Chart
from adminsite.i18n import gettext as _
from adminsite.i18n import ngettext
from msgspec import Struct
from starlette.requests import Request

from app.domain.jobs.policies import MANAGE_JOBS
from app.domain.jobs.schemas import State
from app.domain.jobs.services import Filters, JobService, failure_of, job_of, jobs_of, provide_sight
from app.kit.pagination import After
from app.platform.admin.page import Concern, Page, deed
from app.platform.admin.staff import viewer_of
from app.platform.admin.times import Course, span
from app.platform.admin.tones import BLUE, GREEN, GREY, ROSE
from app.platform.database.work import UnitOfWork
from app.platform.jobs import admin
from app.platform.jobs.clearing import OWN_JOBS
from app.platform.jobs.recent import per_minute
from app.platform.jobs.schedules import planned
from app.platform.jobs.table import STATES
from app.platform.security import SIGNED_IN

SHOWN = 50
LONG = 60.0  # seconds after which it is asked whether anybody does what is due
TONES = {"held": GREY, "waiting": GREY, "running": BLUE, "done": GREEN, "dead": ROSE, "cancelled": GREY}


class Asked(Struct):
    """Which jobs: the one with this id, or those in a state, of a name, behind a cursor."""

    job: UUID | None = None
    state: State | None = None
    name: str | None = None
    after: str | None = None


class JobsPage(Page):
    """What was left to workers: to those who manage jobs all of it, with figures, to others what they asked for."""

    title = "Jobs"
    permission = SIGNED_IN
    template = "jobs.html"

    async def get_context(self, request: Request) -> dict[str, Any]:
        """One job, or a list."""
        asked, viewer, reader = self.asked(request, Asked), viewer_of(request), self.reader(request)
        sight = provide_sight(viewer, self.house)
        shared = {"tone_of": TONES, "states": STATES, "asked": asked, "manages": viewer.may(MANAGE_JOBS)}
        if asked.job is not None:
            job = await job_of(reader, sight, asked.job)
            stack = await failure_of(reader, viewer, asked.job) if job.error else None
            return {**shared, "job": job, "stack": stack, "is_over": job.state in ("done", "dead", "cancelled")}
        jobs = await jobs_of(reader, sight, Filters(asked.state, asked.name), After(SHOWN, asked.after))
        counts = await admin.counts(reader) if viewer.may(MANAGE_JOBS) else []
        chart = self.trend(request)
        return {
            **shared,
            "jobs": jobs,
            "counts": counts,
            "dead": sum(one.count for one in counts if one.state == "dead"),
            "chart": chart,
            "data": chart and await chart.load(self.admin, request),
        }

    async def concerns(self, request: Request) -> Sequence[Concern]:
        """Jobs that were given up, and such as nobody does."""
        if not viewer_of(request).may(MANAGE_JOBS):
            return ()
        counts = await admin.counts(self.reader(request), ("waiting", "dead"))
        found = []
        if dead := sum(one.count for one in counts if one.state == "dead"):
            text = ngettext("{count} job was given up", "{count} jobs were given up", dead)
            found.append(Concern(text, "-/jobs?state=dead"))
        if (late := max((one.seconds for one in counts if one.state == "waiting"), default=0)) > LONG:
            text = _("A job has been due for {span}: is there a worker, and does it keep up?", span=span(late))
            found.append(Concern(text, "-/jobs?state=waiting"))
        return found

    def trend(self, request: Request) -> Chart | None:
        """How many were over in each minute of the last hour."""
        if not viewer_of(request).may(MANAGE_JOBS):
            return None
        return Course(
            _("Finished jobs each minute"), lambda: per_minute(self.reader(request)), timedelta(minutes=1), 60
        )

    @deed(SIGNED_IN)
    async def cancel(self, work: UnitOfWork, *, job: UUID) -> str:
        """Have it not done."""
        await JobService(work).cancel(provide_sight(work.viewer, self.house), job)
        return _("The job is cancelled.")

    @deed(SIGNED_IN)
    async def retry(self, work: UnitOfWork, *, job: UUID) -> str:
        """Have it tried anew."""
        await JobService(work).retry(provide_sight(work.viewer, self.house), job)
        return _("The job is tried anew.")

    @deed(MANAGE_JOBS)
    async def retry_all(self, work: UnitOfWork) -> str:
        """Have all tried anew that were given up."""
        count = await JobService(work).retry_all(work.viewer)
        return ngettext("{count} job is tried anew.", "{count} jobs are tried anew.", count)


class SchedulesPage(Page):
    """When what is done by the clock is done next, and when it was last."""

    title = "Schedules"
    permission = MANAGE_JOBS
    template = "schedules.html"

    async def get_context(self, request: Request) -> dict[str, Any]:
        """All of them, and which are nobody's any more."""
        offered = {job.name for job in (*OWN_JOBS, *(job for module in self.house.modules for job in module.jobs))}
        return {"schedules": await planned(self.reader(request)), "offered": offered}

    async def concerns(self, request: Request) -> Sequence[Concern]:
        """Moments that have passed without anybody there."""
        late = sum(one.is_late for one in await planned(self.reader(request)))
        text = ngettext("{count} schedule is late: no worker?", "{count} schedules are late: no worker?", late)
        return [Concern(text, "-/schedules")] if late else ()

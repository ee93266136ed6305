"""What the jobs module brings to the house."""

from litestar import Router
from litestar.di import Provide

from app.domain.jobs.controllers import PATH, JobController
from app.domain.jobs.policies import MANAGE_JOBS
from app.domain.jobs.services import JobService, provide_sight
from app.platform.handlers import service
from app.platform.module import Module

module = Module(
    name="jobs",
    summary="Jobs that were left to workers: how far they are, and what is to become of them",
    routers=[
        Router(
            PATH,
            route_handlers=[JobController],
            dependencies={"jobs": service(JobService), "sight": Provide(provide_sight, sync_to_thread=False)},
            tags=["jobs"],
        ),
    ],
    permissions=[MANAGE_JOBS],
    admin="app.domain.jobs.admin",
)

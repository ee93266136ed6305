"""What the API of jobs says."""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from app.kit.schema import Moment, Output, example

JobName = Annotated[str, Meta(max_length=200, examples=["accounts.clear_sessions"])]
State = Literal["held", "waiting", "running", "done", "dead", "cancelled"]
Queue = Literal["critical", "high", "default", "low", "bulk"]
Count = Annotated[int, Meta(ge=0, le=2_147_483_647)]


class JobOut(Output):
    """A job, and how far it is: step of total, where it tells; `result` refers to what it made.

    `error` says why the last attempt failed, to those who manage jobs.
    """

    id: UUID
    name: JobName
    queue: Queue
    state: State
    created_at: Moment
    due_at: Moment
    started_at: Moment | None
    ended_at: Moment | None
    attempts: Count
    tries: Count
    step: Count | None
    total: Count | None
    result: Annotated[str, example("export:2026-11")] | None
    error: Annotated[str, example("OSError: no route to host")] | None

"""One attempt at a job: the handler's effect and that the job is done commit together, or neither does."""

import asyncio
import random
from traceback import format_exception

import msgspec
import structlog

from app.kit.errors import Busy
from app.kit.identity import Viewer
from app.platform.database.caller import ORIGIN
from app.platform.database.pools import Database
from app.platform.database.refusals import is_connection_lost
from app.platform.database.slots import UNREACHABLE
from app.platform.jobs.declaration import LONGEST_PAUSE, Job
from app.platform.jobs.job_work import JobWork
from app.platform.jobs.leases import FINISH, Failure, Taken
from app.platform.observability.censor import quoted, storable
from app.platform.observability.identity import IDS, Ids
from app.platform.resources import Resources

log = structlog.get_logger()

FIRST_PAUSE = 2.0  # seconds between attempts: each pause is four times the one before
LONGEST_ERROR, LONGEST_RESULT = 10_000, 500  # characters


class LeaseLostError(Exception):
    """Somebody else has the job by now, or it was cancelled: what was done is taken back."""


class UnfitArgumentsError(Exception):
    """The job was enqueued for another signature of its handler."""


async def attempt(job: Job, taken: Taken, database: Database, resources: Resources) -> bool:
    """Do the job. Whether it is written down that it is done: one that left the database alone is not yet.

    Raises what the handler raises, TimeoutError, UnfitArgumentsError, LeaseLostError.
    """
    request = taken.request_id or str(taken.id)
    IDS.set(Ids(request, taken.correlation_id or request))
    ORIGIN.set(f"job:{job.name}")
    try:
        arguments = job.bound(taken.arguments)
    except msgspec.ValidationError as error:
        raise UnfitArgumentsError(str(error)) from error

    def note(step: int, total: int | None) -> None:
        taken.step, taken.total, taken.is_told = step, total, True

    work = JobWork(database, resources, Viewer(taken.actor), note)

    async def do() -> bool:
        taken.result = _checked(await job.handler(work, **arguments))
        if work.is_untouched:
            return False
        row = (taken.id, taken.lease, taken.result, taken.step, taken.total)
        rows = await work.fetch(FINISH, row)
        if not rows:
            raise LeaseLostError
        if rows[0][1] and database.on_enqueued:  # its group goes on
            work.after_commit(database.on_enqueued)
        return True

    async with asyncio.timeout(job.treatment.timeout):
        return await work.run(do)


def _checked(result: object) -> str | None:
    """Refused here, a result that cannot be stored is a failure of its own job alone."""
    if result is None:
        return None
    if not isinstance(result, str) or len(result) > LONGEST_RESULT or storable(result) != result:
        message = f"a job returns None or a reference of {LONGEST_RESULT} characters at most, without NUL"
        raise TypeError(message)
    return result


def failure_of(error: BaseException, attempts: int, longest_pause: float = LONGEST_PAUSE) -> Failure:
    """What follows from an error of the attempt with this number, the first being 1."""
    text = quoted("".join(format_exception(error)), LONGEST_ERROR)
    if isinstance(error, UnfitArgumentsError):
        return Failure(f"the arguments do not fit the handler any more: {error}", is_final=True)
    jitter = random.uniform(0.8, 1.2)  # noqa: S311 - no secret
    pause = min(FIRST_PAUSE * 4.0 ** min(attempts - 1, 20), longest_pause) * jitter
    return Failure(text, pause, is_excused=_is_database_away(error))


def _is_database_away(error: BaseException) -> bool:
    """An OSError is the handler's, where something else than the database cannot be reached."""
    if isinstance(error, Busy):  # from a pool, which says why
        return isinstance(error.__cause__, (*UNREACHABLE, TimeoutError))
    return is_connection_lost(error)

"""A worker's crew: it takes jobs as places become free, does them side by side, and lets go of them in order."""

import asyncio
from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager, suppress
from functools import partial
from time import monotonic, perf_counter

import structlog

from app.platform.database.pools import Database
from app.platform.jobs.attempt import LeaseLostError, attempt, failure_of
from app.platform.jobs.declaration import QUEUES, Job, by_name
from app.platform.jobs.leases import RENEWED_EVERY, Leases, Taken
from app.platform.jobs.outcomes import DEAD, DONE, FAILED, Outcomes
from app.platform.jobs.queue import CANCELLED, QUEUED
from app.platform.jobs.schedules import Schedules
from app.platform.notices import Notices
from app.platform.resources import Resources
from app.platform.rounds import rounds

log = structlog.get_logger()

LOOKS_EVERY = 1.0  # seconds: for notices that were lost, and for what has become due
EXPIRES_EVERY = 5.0
NOTES_EVERY = 1.0
LENDS_EVERY = 5.0  # at most
STARVED_AFTER = 60.0  # seconds in which nothing of a queue was begun, though it was due
UNWRITTEN = 10  # times the places: of jobs that left the database alone, so many may wait to be written as done
SWIFT = 3  # rounds of the loop in which a job that waits for nothing is over: its place is free before more is claimed
LETS_GO = 5.0  # seconds that a job which was cut off has to leave


class Crew:
    """Does jobs while the process lives, `LITEHOUSE_WORKER_JOBS` at once."""

    def __init__(self, database: Database, notices: Notices, jobs: Collection[Job], resources: Resources) -> None:
        """Raises ValueError for two jobs of one name."""
        self._jobs = by_name(jobs)
        self._database = database
        self._resources = resources
        self._leases = Leases(database)
        self._schedules = Schedules(database, jobs)
        self._outcomes = Outcomes(database)
        self._places = resources.settings.server.worker_jobs
        # A job whose lease was lost can be here twice: it runs yet, and was taken again.
        self._running: dict[Taken, asyncio.Task[None]] = {}
        self._done: list[Taken] = []  # what has left the database alone, and is not written as done yet
        self._bell = notices.bell(QUEUED)
        self._cancelled = notices.bell(CANCELLED)
        self._notices = notices
        self._written = asyncio.Event()
        self._writing = asyncio.Lock()  # two statements about several jobs could wait for each other crosswise
        self._is_hungry = True
        self._lent: Taken | None = None
        self._lends_at = 0.0
        self._ending = asyncio.Event()
        self._ends_at = 0.0

    @asynccontextmanager
    async def lifespan(self, drain: float, ended: asyncio.Event | None = None) -> AsyncGenerator[None]:
        """Run it; at the end, what is under way has so many seconds from `end` on to be finished.

        `ended` is set when it has ended by itself, which no Exception can bring about; leaving this raises the reason.
        """
        warn = partial(log.warning, "jobs wait")
        taking = asyncio.create_task(
            rounds(self._take_some, self._bell, LOOKS_EVERY, self._ending, warn), name="takes jobs on"
        )
        keeping = asyncio.create_task(self._keep(), name="keeps jobs")
        for task in (taking, keeping):
            task.add_done_callback(lambda _: ended.set() if ended else None)
        try:
            yield
        finally:
            self.end(drain)
            await self._drain(taking)
            for task in (taking, keeping):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    def end(self, drain: float) -> None:
        """Begin no job any more; only the first call counts."""
        if not self._ending.is_set():
            self._ends_at = monotonic() + drain
            self._ending.set()
            self._bell.set()

    async def _drain(self, taking: asyncio.Task[None]) -> None:
        """What is not finished in time goes back to the others at once."""
        await asyncio.wait([taking], timeout=max(self._ends_at - monotonic(), LETS_GO))
        if self._running:
            await asyncio.wait(self._running.values(), timeout=max(self._ends_at - monotonic(), 0.0))
        if left := dict(self._running):
            for taken, task in left.items():
                taken.is_cut_off = task.cancel()
            await asyncio.wait(left.values(), timeout=LETS_GO)
            await self._give_back(list(left))
        with suppress(Exception):  # else their leases end by themselves, and they are done again
            await self._write()
            await self._outcomes.write()

    async def _give_back(self, left: list[Taken]) -> None:
        try:
            returned = await self._leases.give_back(left)
        except Exception as error:  # noqa: BLE001 - their leases end by themselves
            log.warning("jobs were left in the middle", count=len(left), reason=str(error))
            return
        self._notices.tell(QUEUED)
        log.warning("jobs were not finished in time, and wait again", jobs=[str(one) for one in returned])

    async def _keep(self) -> None:
        never = asyncio.Event()  # while jobs are drained they are looked after as well
        async with asyncio.TaskGroup() as group:
            for name, do, pause, bell in (
                ("finish", self._write, None, self._written),
                ("renew", self._renew, RENEWED_EVERY, self._cancelled),
                ("expire", self._expire, EXPIRES_EVERY, asyncio.Event()),
                ("note", self._note, NOTES_EVERY, asyncio.Event()),
                ("outcomes", self._outcomes.write, EXPIRES_EVERY, asyncio.Event()),
                ("schedules", self._schedules.fire, LOOKS_EVERY, asyncio.Event()),
            ):
                warn = partial(log.warning, "jobs are not looked after", part=name)
                group.create_task(rounds(do, bell, pause, never, warn, longest=1.0), name=name)

    async def _take_some(self) -> bool:
        """Begin what there are places for; whether there was anything."""
        free = self._places - len(self._running)
        if len(self._done) > UNWRITTEN * self._places:
            free = 0
        taken = await self._claimed(free) if free else []
        if self._ending.is_set() and taken:
            await self._give_back(taken)
            return False
        for one in sorted(taken, key=lambda one: one.queue):
            self._begin(one)
        for _ in range(SWIFT if taken else 0):
            await asyncio.sleep(0)
        # Only where the last places were free, too, does nothing taken mean that nothing waits.
        self._is_hungry = bool(taken) or free < len(QUEUES)
        return bool(taken)

    async def _claimed(self, free: int) -> list[Taken]:
        """The most urgent; and one at a time of those that the urgent have left no place to for a minute.

        It has a place that is free beside the last one, which is for what is critical.
        """
        lent = []
        if free > 1 and self._lent not in self._running and monotonic() >= self._lends_at:
            busy = {one.queue for one in self._running}
            starved = [queue for queue in range(len(QUEUES)) if queue not in busy]
            lent = await self._leases.claim_starved(list(self._jobs), starved, STARVED_AFTER)
            self._lent, self._lends_at = (lent or [None])[0], monotonic() + LENDS_EVERY
        return lent + await self._leases.claim(list(self._jobs), free - len(lent))

    def _begin(self, taken: Taken) -> None:
        task = asyncio.create_task(self._do(taken), name=taken.name)
        self._running[taken] = task
        task.add_done_callback(lambda _: self._left(taken))

    def _left(self, taken: Taken) -> None:
        self._running.pop(taken, None)
        if self._is_hungry:
            self._bell.set()

    async def _do(self, taken: Taken) -> None:
        begun = perf_counter()
        try:
            is_written = await attempt(self._jobs[taken.name], taken, self._database, self._resources)
        except LeaseLostError:
            log.warning("a job was taken away while it ran: nothing of it happened", job=taken.name, id=str(taken.id))
        except asyncio.CancelledError as error:
            if taken.is_cut_off:
                raise
            await self._failed(taken, error, perf_counter() - begun)  # the handler's own
        except Exception as error:  # noqa: BLE001 - it is the job's
            await self._failed(taken, error, perf_counter() - begun)
        else:
            self._outcomes.add(taken.name, DONE, perf_counter() - begun)
            if not is_written:
                self._done.append(taken)
                self._written.set()

    async def _failed(self, taken: Taken, error: BaseException, seconds: float) -> None:
        failure = failure_of(error, taken.attempts, self._jobs[taken.name].treatment.longest_pause)
        try:
            state = await self._leases.fail(taken, failure)
        except Exception as unwritten:  # noqa: BLE001 - its lease ends by itself
            state = f"unknown: {unwritten}"
        self._outcomes.add(taken.name, DEAD if state == DEAD else FAILED, seconds)
        told = {"job": taken.name, "id": str(taken.id), "attempt": taken.attempts}
        log.warning("a job failed", **told, state=state, exc_info=error)

    async def _write(self) -> None:
        """All that is done by one statement; where that fails, they are kept for the next time."""
        async with self._writing:
            if not (done := self._done[:]):
                return
            mine, is_group_on = await self._leases.finish(done)
            del self._done[: len(done)]
        if is_group_on:
            self._notices.tell(QUEUED)
        if lost := [str(one.id) for one in done if one.id not in mine]:
            log.warning("jobs were taken away while they ran", jobs=lost)
        if self._is_hungry or is_group_on:
            self._bell.set()

    async def _renew(self) -> None:
        """Hold on to what runs; what was cancelled, or is somebody else's by now, is cut off."""
        held = [*self._running, *self._done]
        if not held:
            return
        async with self._writing:
            mine = await self._leases.renew(held)
        for one in held:
            task = self._running.get(one)
            if task is not None and (one.id, one.lease) not in mine:
                log.warning("a job is cut off: it was cancelled, or its lease was lost", job=one.name, id=str(one.id))
                one.is_cut_off = task.cancel()

    async def _expire(self) -> None:
        for one in await self._leases.expire():
            log.warning("a job's worker was lost", job=one.name, id=str(one.id), state=one.state)
            self._notices.tell(QUEUED)
            self._bell.set()

    async def _note(self) -> None:
        told = [taken for taken in self._running if taken.is_told]
        for one in told:
            one.is_told = False
        if told:
            async with self._writing:
                await self._leases.note(told)

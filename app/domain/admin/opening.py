"""The site of a process: made aside, when it is first asked for, so that a start does not wait for its imports."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from litestar.datastructures import State

from app.domain.admin.jobs import do_verb
from app.kit.identity import Viewer
from app.platform.database.pools import Database
from app.platform.resources import Resources

if TYPE_CHECKING:
    from app.platform.admin.site import Site

PROGRESS = "/admin/-/jobs?job="  # where one sees how far a job is

_sites: "WeakKeyDictionary[Resources, asyncio.Task[Site]]" = WeakKeyDictionary()


async def opened(state: State) -> "Site":
    """The site of this application. Raises what is wrong with a module's views, each time, until it is mended."""
    task = _sites.get(state.resources)
    if task is None or (task.done() and task.exception()):
        task = _sites[state.resources] = asyncio.create_task(_open(state), name="admin site")
    return await asyncio.shield(task)


async def _open(state: State) -> "Site":
    database, resources = state.database, state.resources
    secret = await resources.sealing.derived("cookie of the admin site")

    def make() -> "Site":
        from app.domain.admin.building import build  # noqa: PLC0415 - half a second, which no start waits for

        return build(state, _leaving(database), secret=secret.hex())

    return await asyncio.to_thread(make)


def _leaving(database: Database) -> Any:
    async def leave(viewer: Viewer, view: str, verb: str, keys: Sequence[str], inputs: Mapping[str, Any]) -> str:
        work = database.unit_of_work(viewer)
        call = do_verb(view=view, verb=verb, keys=list(keys), inputs=dict(inputs))
        return f"{PROGRESS}{await work.run(lambda: work.enqueue(call))}"

    return leave

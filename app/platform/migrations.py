"""Migrations: what a database has, what it lacks, and bringing it there, one process at a time.

Every function blocks, and runs an event loop of its own: a coroutine calls it by `asyncio.to_thread`. All raise
MigrationError, whose text is for whoever migrates. `folder` is the migrations folder, with `versions` in it.
"""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from io import StringIO
from pathlib import Path
from traceback import extract_tb
from typing import Any

import asyncpg
import structlog
from alembic import command
from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext, MigrationInfo
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app.platform import audited, module
from app.platform.database.refusals import LOCK_NOT_AVAILABLE, causes, sqlstate
from app.platform.migration_session import connection, take_turn, watched
from app.platform.module import installed
from app.platform.revisions import FOLDER, MigrationError, Revisions
from config.modules import MODULES

log = structlog.get_logger()
Tell = Callable[[str], object]
ALEMBIC = threading.Lock()  # `alembic.op` and `alembic.context` are globals of the process


def _log(sentence: str) -> None:
    log.info("migration", step=sentence)


@dataclass(frozen=True, slots=True)
class Migration:
    """A revision, and whether the database has it."""

    module: str
    revision: str
    title: str
    applied: bool


def upgrade(url: str, target: str = "heads", *, folder: Path = FOLDER, tell: Tell = _log) -> list[str]:
    """Apply what is missing for `heads`, a module or a revision; returns the revisions applied, in order.

    Each is a transaction of its own: those before one that fails stay applied.
    """
    revisions = Revisions(folder)
    target = f"{target}@head" if target in revisions.branches else target
    return asyncio.run(_migrate(url, revisions, partial(command.upgrade, revision=target), tell))


def downgrade(url: str, target: str, *, folder: Path = FOLDER, tell: Tell = _log) -> list[str]:
    """Undo `module@-1` (its last revision), `module@base` (all of them), all after a revision, or `base` (everything).

    What stands on them, in other modules too, is undone first. Returns the revisions undone, in order.
    """
    revisions = Revisions(folder)
    if target in revisions.branches:
        message = f"say {target}@-1 to undo the last revision of {target}, or {target}@base to undo all of them"
        raise MigrationError(message)
    return asyncio.run(_migrate(url, revisions, partial(command.downgrade, revision=target), tell))


async def _migrate(url: str, revisions: Revisions, run: Callable[[Config], None], tell: Tell) -> list[str]:
    done: list[str] = []

    def report(*, step: MigrationInfo, **_: object) -> None:
        done.append(str(step.up_revision_id))
        tell(f"{step.up_revision_id} {'applied' if step.is_upgrade else 'undone'}")

    async with connection(url) as raw:
        await take_turn(raw, tell)
        await _settle(raw, revisions)
        async with watched(raw, url) as waits:
            try:
                await run_alembic(raw, revisions, partial(_run_and_settle, run), report=report)
            except audited.UnsettledError as error:
                raise MigrationError(_unsettled(str(error), done, waits)) from error
            except DBAPIError as error:
                raise MigrationError(_explanation(error, revisions.folder, waits)) from error
    return done


def _run_and_settle(run: Callable[[Config], None], config: Config) -> None:
    """Afterwards the triggers of audited tables are those that the installed modules declare.

    Before that and meanwhile they hide what is declared to be hidden: nobody could take it out of the trail again.
    """
    modules, connection = installed(MODULES), config.attributes["connection"]
    declared = list(module.audited(modules).values())
    audited.hide(connection, declared)
    with audited.hidden(connection, declared):
        run(config)
    connection.rollback()  # where nothing was to be applied, a transaction that has only looked is open yet
    audited.settle(connection, declared, module.recorder(modules))


async def _settle(raw: asyncpg.Connection, revisions: Revisions) -> None:
    """Take the revisions of removed modules, which Alembic could not find, out of the database's own list."""
    rows = await _rows(raw)
    if (settled := revisions.settle(rows)) != rows:
        async with raw.transaction():
            await raw.execute("DELETE FROM alembic_version")
            await raw.executemany("INSERT INTO alembic_version VALUES ($1)", [(row,) for row in settled])


async def _rows(raw: asyncpg.Connection) -> set[str]:
    if await raw.fetchval("SELECT to_regclass('alembic_version')") is None:
        return set()
    return {row["version_num"] for row in await raw.fetch("SELECT version_num FROM alembic_version")}


async def run_alembic(
    raw: asyncpg.Connection, revisions: Revisions, run: Callable[[Config], Any], **handed_over: object
) -> Any:
    """Run an Alembic command over a connection, which is closed after it; `handed_over` is for migrations/env.py."""

    def with_alembic(wrapper: Connection) -> Any:
        with ALEMBIC:
            revisions.config.attributes.update(handed_over, connection=wrapper)
            return run(revisions.config)

    async def lend() -> asyncpg.Connection:
        return raw

    engine = create_async_engine("postgresql+asyncpg://", async_creator=lend, poolclass=NullPool)
    try:
        async with engine.connect() as wrapper:
            return await wrapper.run_sync(with_alembic)
    except CommandError as error:
        raise MigrationError(str(error)) from error
    finally:
        await engine.dispose()


def _explanation(error: DBAPIError, folder: Path, waits: list[str]) -> str:
    """Which line of which revision failed, why, and in whose way it was."""
    versions = folder / "versions"
    frames = [frame for frame in extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(versions)]
    place = f"{Path(frames[-1].filename).relative_to(versions)}:{frames[-1].lineno}" if frames else "alembic_version"
    reason = next((str(cause) for cause in causes(error) if isinstance(cause, asyncpg.PostgresError)), str(error.orig))
    blockers = waits if sqlstate(error) == LOCK_NOT_AVAILABLE else []
    return "\n".join([f"{place}: {reason}", *blockers, "This revision is left as it was; those before it are done."])


def _unsettled(tables: str, done: list[str], waits: list[str]) -> str:
    """Whose triggers could not be changed, and in whose way that was."""
    what = f"the triggers of {tables} could not be made as they are declared: somebody always wrote there"
    return "\n".join([what, *waits, f"{', '.join(done) or 'No revision'} applied; `just migrate` goes on from here."])


def history(url: str, *, folder: Path = FOLDER) -> list[Migration]:
    """All revisions, module by module, oldest first."""
    revisions = Revisions(folder)
    applied = asyncio.run(_applied(url, revisions))
    return [
        Migration(branch, script.revision, script.doc, script.revision in applied)
        for branch in revisions.branches
        for script in revisions.of(branch)
    ]


def pending(url: str, *, folder: Path = FOLDER) -> list[str]:
    """The revisions that the database lacks, in an order in which they can be applied."""
    revisions = Revisions(folder)
    applied = asyncio.run(_applied(url, revisions))
    return [revision for revision in revisions.scripts if revision not in applied]


async def _applied(url: str, revisions: Revisions) -> set[str]:
    async with connection(url) as raw:
        return revisions.closure(revisions.settle(await _rows(raw)))


def sql(target: str, *, folder: Path = FOLDER) -> str:
    """The SQL that applies a revision, or all revisions of a module; the row in alembic_version is not in it."""
    revisions = Revisions(folder)
    scripts = revisions.of(target) or [script for name, script in revisions.scripts.items() if name == target]
    if not scripts:
        message = f"there is neither a module with revisions nor a revision {target!r}"
        raise MigrationError(message)
    text = StringIO()
    # The parameter style of the dialect's usual driver would double every percent sign.
    context = MigrationContext.configure(
        dialect_name="postgresql",
        dialect_opts={"paramstyle": "named"},
        opts={"as_sql": True, "output_buffer": text, "transaction_per_migration": True},
    )
    with ALEMBIC, Operations.context(context):
        for script in scripts:
            text.write(f"-- {script.revision}: {script.doc}\n")
            with context.begin_transaction(_per_migration=True):
                script.module.upgrade()
    return text.getvalue()

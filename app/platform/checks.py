"""System checks: what is wrong with an installation, found before its users find it."""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from app.kit.errors import Busy
from app.platform.database.pools import Database
from app.platform.events.admin import orphans
from app.platform.jobs.admin import unknown
from app.platform.jobs.clearing import OWN_JOBS
from app.platform.mail.mailer import mail_faults
from app.platform.mail.table import CONTENT
from app.platform.migration_writing import differences
from app.platform.migrations import pending
from app.platform.module import Module, offered
from app.platform.revisions import MigrationError
from app.platform.sealing import lost
from config.settings import Settings

INVALID_INDEXES = "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid"


class Finding(NamedTuple):
    """What ought to be so, and a line for each fault; where it is not grave, one can do without."""

    subject: str
    faults: Sequence[str]
    is_grave: bool = True


async def system_checks(settings: Settings, database: Database, modules: Sequence[Module]) -> list[Finding]:
    """Every check, the platform's first. What cannot be looked at for an earlier fault is left out."""
    mail = Finding("mail can be sent", mail_faults(settings.mail), is_grave=False)
    findings = [mail, Finding("the database answers", await _silence(database))]
    if not findings[-1].faults:
        findings.append(Finding("every migration is applied", await _said(pending, database.url)))
    if not findings[-1].faults:
        findings += [
            Finding("the models have nothing that no migration makes", await _said(differences, database.url)),
            Finding("every index is valid", await _invalid_indexes(database)),
            Finding("every secret can be decrypted", await _lost_secrets(settings, database, modules)),
            Finding("every subscription is a module's", await _orphans(database, modules), is_grave=False),
            Finding("every job that waits is a module's", await _unknown_jobs(database, modules), is_grave=False),
            *[
                Finding(f"{module.name} finds nothing wrong", await _complaints(module, settings, database))
                for module in modules
            ],
        ]
    return findings


async def _silence(database: Database) -> list[str]:
    try:
        await database.reader().fetch("SELECT 1", ())
    except Busy as error:
        return [error.detail]
    return []


async def _said(look: Callable[[str], list[str]], url: str) -> list[str]:
    """What a look at the migrations finds; it blocks, and has an event loop of its own."""
    try:
        return await asyncio.to_thread(look, url)
    except MigrationError as error:
        return [str(error)]


async def _invalid_indexes(database: Database) -> list[str]:
    """What a CREATE INDEX CONCURRENTLY that failed leaves behind: kept up to date by every write, used by no read."""
    rows = await database.reader().fetch(INVALID_INDEXES, ())
    return [f"{row[0]} is invalid: DROP INDEX it and make it again" for row in rows]


async def _lost_secrets(settings: Settings, database: Database, modules: Sequence[Module]) -> list[str]:
    columns = [CONTENT, *(column for module in modules for column in module.sealed)]
    try:
        return [fault async for fault in lost(database.reader(), settings, columns)]
    except Busy:
        return ["LITEHOUSE_SECRET_KEYS is not set, and there are secrets that were encrypted"]


async def _orphans(database: Database, modules: Sequence[Module]) -> list[str]:
    return [
        f"{name} is offered by no module, and keeps old events: `just events-unsubscribe {name}`"
        for name in await orphans(database, offered(modules))
    ]


async def _unknown_jobs(database: Database, modules: Sequence[Module]) -> list[str]:
    names = [job.name for job in (*OWN_JOBS, *(job for module in modules for job in module.jobs))]
    return [
        f"{count} of {name} wait, which no module offers: `just jobs-cancel` each, or run the code that knows it"
        for name, count in (await unknown(database, names)).items()
    ]


async def _complaints(module: Module, settings: Settings, database: Database) -> list[str]:
    return [fault for check in module.checks for fault in await check(settings, database)]

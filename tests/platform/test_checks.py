"""System checks find what is wrong, and ask nothing of a database that does not answer."""

import asyncpg
import pytest

from app.platform.checks import system_checks
from app.platform.console.reach import at
from app.platform.database.pools import Database
from app.platform.module import Module
from config.settings import Settings


async def complain(_settings: Settings, database: Database) -> list[str]:
    rows = await database.reader().fetch("SELECT 'it rains'", ())
    return [row[0] for row in rows]


GUESTBOOK = Module(name="guestbook", summary="Who was here", checks=[complain, complain])


async def test_a_sound_database_has_no_fault(settings: Settings, database: Database):
    findings = await system_checks(settings, database, [])
    assert len(findings) == 5
    assert not any(finding.faults for finding in findings)


async def test_modules_add_their_own(settings: Settings, database: Database):
    findings = await system_checks(settings, database, [GUESTBOOK])
    assert findings[-1] == ("guestbook finds nothing wrong", ["it rains", "it rains"], True)


async def test_an_index_that_was_left_half_made_is_found(settings: Settings, database: Database):
    connection = await asyncpg.connect(database.url)
    try:
        await connection.execute("CREATE TABLE half AS SELECT 1 AS twice UNION ALL SELECT 1")
        with pytest.raises(asyncpg.UniqueViolationError):
            await connection.execute("CREATE UNIQUE INDEX CONCURRENTLY half_made ON half (twice)")
        findings = {finding.subject: finding.faults for finding in await system_checks(settings, database, [])}
    finally:
        await connection.execute("DROP TABLE half")
        await connection.close()
    assert findings["every index is valid"] == ["half_made is invalid: DROP INDEX it and make it again"]


async def test_a_database_that_is_no_house_of_ours_is_told(settings: Settings, empty_database_url: str):
    database = Database(at(settings, empty_database_url), on_oversized=pytest.fail)
    try:
        findings = await system_checks(settings, database, [GUESTBOOK])
    finally:
        await database.read.close()
    assert [finding.subject for finding in findings if finding.faults] == ["every migration is applied"]
    assert len(findings) == 3

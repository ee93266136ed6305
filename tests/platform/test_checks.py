"""System checks find what is wrong, and ask nothing of a database that does not answer."""

import asyncio
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr

from app.domain.accounts.totp import SECRETS
from app.platform.checks import system_checks
from app.platform.console.reach import at
from app.platform.database.pools import Database
from app.platform.events.delivery import subscribe
from app.platform.events.subscribers import Subscriber
from app.platform.module import Module
from app.platform.sealing import Seal
from config.settings import Settings


async def complain(_settings: Settings, database: Database) -> list[str]:
    rows = await database.reader().fetch("SELECT 'it rains'", ())
    return [row[0] for row in rows]


GUESTBOOK = Module(name="guestbook", summary="Who was here", checks=[complain, complain])


async def test_a_sound_database_has_no_fault(settings: Settings, database: Database):
    findings = await system_checks(settings, database, [])
    assert len(findings) == 8
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


async def test_a_subscription_that_no_module_offers_is_noted(settings: Settings, database: Database):
    await subscribe(database, ["guestbook.thank", "mail.thank"])
    offered = Subscriber("guestbook.thank", complain, ())
    guestbook = Module(name="guestbook", summary="Who was here", subscribers=[offered])
    found = {one.subject: one for one in await system_checks(settings, database, [guestbook])}
    assert found["every subscription is a module's"] == (
        "every subscription is a module's",
        ["mail.thank is offered by no module, and keeps old events: `just events-unsubscribe mail.thank`"],
        False,
    )


async def test_a_job_that_waits_and_no_module_offers_is_found(settings: Settings, database: Database):
    connection = await asyncpg.connect(database.url)
    waiting = "INSERT INTO platform_job (name, queue, arguments, tries) VALUES ('mail.send', 2, '{}', 5)"
    await connection.execute(waiting)
    await connection.close()
    found = {one.subject: one for one in await system_checks(settings, database, [])}
    [fault] = found["every job that waits is a module's"].faults
    assert fault.startswith("1 of mail.send wait, which no module offers: ")


async def test_secrets_whose_key_is_gone_are_found(settings: Settings, database: Database):
    accounts = Module(name="accounts", summary="Who people are", sealed=[SECRETS])
    keys, lost = [SecretStr("k" * 32)], Seal(["gone" * 8])
    connection = await asyncpg.connect(database.url)
    user = "INSERT INTO accounts_user (username, email, password) VALUES ($1, $1, '!') RETURNING id"
    for name, seal in (("ann", Seal(["k" * 32])), ("bea", lost)):
        row = await connection.fetchval(user, name)
        sealed = seal.close(b"secret", SECRETS.place(row))
        await connection.execute("INSERT INTO accounts_totp (user_id, secret) VALUES ($1, $2)", row, sealed)
    await connection.close()

    def within(**security: object) -> Settings:
        environment = {"environment": "production"} if security == {} else {}
        server = settings.server.model_copy(update=environment)
        return replace(settings, server=server, security=settings.security.model_copy(update=security))

    found = {one.subject: one.faults for one in await system_checks(within(secret_keys=keys), database, [accounts])}
    assert found["every secret can be decrypted"] == [
        "1 secrets of accounts_totp have no key among LITEHOUSE_SECRET_KEYS"
    ]
    found = {one.subject: one.faults for one in await system_checks(within(), database, [accounts])}
    assert found["every secret can be decrypted"] == [
        "LITEHOUSE_SECRET_KEYS is not set, and there are secrets that were encrypted"
    ]


async def test_a_key_of_the_installation_s_own_that_is_gone_is_missed_and_not_made(
    settings: Settings, database: Database, tmp_path: Path
):
    accounts = Module(name="accounts", summary="Who people are", sealed=[SECRETS])
    connection = await asyncpg.connect(database.url)
    user = "INSERT INTO accounts_user (username, email, password) VALUES ('ann', 'ann', '!') RETURNING id"
    row = await connection.fetchval(user)
    sealed = Seal(["gone" * 8]).close(b"secret", SECRETS.place(row))
    await connection.execute("INSERT INTO accounts_totp (user_id, secret) VALUES ($1, $2)", row, sealed)
    await connection.close()
    here = replace(settings, database=settings.database.model_copy(update={"data_folder": tmp_path}))
    found = {one.subject: one.faults for one in await system_checks(here, database, [accounts])}
    assert found["every secret can be decrypted"] == [
        f"1 secrets of accounts_totp have no key in {tmp_path / 'secret.key'}"
    ]
    assert not await asyncio.to_thread((tmp_path / "secret.key").exists)


async def test_a_database_that_is_no_house_of_ours_is_told(settings: Settings, empty_database_url: str):
    database = Database(at(settings, empty_database_url), on_oversized=pytest.fail)
    try:
        findings = await system_checks(settings, database, [GUESTBOOK])
    finally:
        await database.read.close()
    assert [finding.subject for finding in findings if finding.faults] == ["every migration is applied"]
    assert len(findings) == 3

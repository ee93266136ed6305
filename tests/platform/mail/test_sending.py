"""From the commit to a real SMTP server: nothing is lost, nothing goes out without it, and no is no."""

import asyncio
import ssl
from pathlib import Path

import asyncpg
import pytest
from msgspec.structs import replace

from app.platform.database.pools import Database
from app.platform.mail import sending, smtp
from app.platform.mail.mailer import Mailer
from app.platform.mail.message import Attachment, Mail
from app.platform.mail.suppression import suppress, suppressed, unsuppress
from tests.platform.mail.conftest import DROP, HANG, PASSWORD, USER, authenticate

SECRET = "lh_link_which_nobody_else_may_read"
STATE = "handed_over_at IS NOT NULL, failed_at IS NOT NULL, content IS NULL, coalesce(error, '')"
HANDED_OVER, WAITING = (True, False, True, ""), (False, False, False, "")


@pytest.fixture
def mail() -> Mail:
    return Mail("ann@example.com", "Hello", f"Hello, Ann: {SECRET}\n", f"<p>Hello, Ann: {SECRET}</p>\n")


@pytest.fixture
def mailer(app) -> Mailer:
    return app.state.resources.mailer


@pytest.fixture
def kept(database):
    """The rows of mails, oldest first."""

    async def rows(columns: str = STATE) -> list[tuple[object, ...]]:
        found = await database.reader().fetch(f"SELECT {columns} FROM platform_mail ORDER BY created_at, id", ())
        return [tuple(row) for row in found]

    return rows


async def test_a_mail_is_one_statement_of_the_transaction_and_nobody_reads_it_meanwhile(
    database: Database, mailer: Mailer, mail: Mail, kept, rows, statements
):
    work = database.unit_of_work()
    with statements() as sent:
        await work.run(lambda: mailer.send(work, mail))
    assert [one.split()[0] for one in sent] == ["BEGIN", "WITH", "COMMIT"]
    assert await kept() == [WAITING]
    [row] = await database.reader().fetch(
        "SELECT m::text, j::text, message_id, m.id FROM platform_mail AS m, platform_job AS j", ()
    )
    written = f"{row[0]} {row[1]}"
    assert SECRET not in written
    assert SECRET.encode().hex() not in written
    assert row[2] == f"<{row[3]}@localhost>"
    assert await rows.one("name", "arguments::text") == ("mail.send_mail", f'{{"mail": "{row[3]}"}}')


async def test_what_is_rolled_back_is_no_mail_and_what_is_run_again_is_one(
    database: Database, mailer: Mailer, mail: Mail, kept, rows
):
    work, attempts = database.unit_of_work(), []

    async def fail() -> None:
        await mailer.send(work, mail)
        await work.fetch("SELECT 1 / 0", ())

    with pytest.raises(asyncpg.DivisionByZeroError):
        await work.run(fail)
    assert (await kept(), await rows.states()) == ([], [])

    async def conflict_twice() -> None:
        attempts.append(await mailer.send(work, mail))
        if len(attempts) < 3:
            await work.fetch("DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$", ())

    await work.run(conflict_twice)
    assert (len(attempts), await kept(), await rows.states()) == (3, [WAITING], ["waiting"])


async def test_a_mail_arrives_as_it_was_written_and_is_then_forgotten(office, worker, send, rows, kept):
    post = office()
    files = (Attachment("one.bin", "application/octet-stream", bytes(range(256)) * 1_000),)
    mail = Mail("ann@b\u00fccher.example", "Gr\u00fc\u00dfe", f"Hello: {SECRET}\n.\nend\n", "<p>Hello</p>\n", files)
    async with worker(post.port):
        await send(mail, replace(mail, to=None), Mail("j\u00f6rg@example.com", "Hello", "Hello\n", "<p>Hello</p>\n"))
        await rows.until("done", "done", "done")
    assert sorted(one["To"] for one in post.received) == ["ann@xn--bcher-kva.example", "j\u00f6rg@example.com"]
    received = next(one for one in post.received if one["Subject"] == "Gr\u00fc\u00dfe")
    assert received.get_body(("plain",)).get_content().replace("\r\n", "\n") == mail.text
    assert [part.get_content() for part in received.iter_attachments()] == [files[0].content]
    sender, recipients, options = next(one for one in post.envelopes if one[1] != ["ann@xn--bcher-kva.example"])
    assert (sender, recipients, "SMTPUTF8" in options) == ("litehouse@localhost", ["j\u00f6rg@example.com"], True)
    assert await kept() == [HANDED_OVER, HANDED_OVER], "that for nobody is thrown away"
    assert {row[0] for row in await kept("message_id")} == {one["Message-ID"] for one in post.received}


@pytest.mark.parametrize(
    "trouble", ["450 4.7.1 greylisted", "421 4.3.2 closing", HANG, DROP], ids=["450", "421", HANG, DROP]
)
@pytest.mark.parametrize("command", ["rcpt", "data"])
async def test_what_may_pass_is_tried_again_by_the_same_id(
    office, worker, send, rows, kept, mail, trouble: str, command: str
):
    post = office()
    getattr(post, command).append(trouble)
    async with worker(post.port, timeout=0.3):
        await send(mail)
        await rows.until("done")
    assert await rows.one("attempts") == (2,)
    assert await kept() == [HANDED_OVER]
    # What it had in full when something happened it may have kept: then it knows the second by its id.
    assert len(post.received) == (2 if command == "data" else 1)
    assert len({(one["Message-ID"], one["Date"]) for one in post.received}) == 1


async def test_a_server_that_is_away_loses_nothing(office, worker, send, rows, kept, mail):
    post = office()
    async with worker(1):
        await send(mail)
        async with asyncio.timeout(30):
            while (await rows.one("attempts"))[0] < 2:
                await asyncio.sleep(0.01)
    [error] = await rows.one("error")
    assert "MailDelayed: 127.0.0.1:1 is not to be had: SMTPConnectError" in error
    assert await kept() == [WAITING]
    async with worker(post.port):
        await rows.until("done")
    assert (len(post.received), await kept()) == (1, [HANDED_OVER])


@pytest.mark.parametrize(
    ("command", "answer", "is_nobody"),
    [
        ("rcpt", "550 5.1.1 no such mailbox", True),
        ("rcpt", "556 5.1.10 takes no mail", True),
        ("rcpt", "550 5.7.1 not from you", False),
        ("rcpt", "550 no", False),
        ("data", "554 5.6.0 this looks like\trubbish", False),
        ("data", "550 5.1.1 no such mailbox after all", True),
    ],
    ids=["no mailbox", "no mail there", "policy", "without a code", "content", "no mailbox, late"],
)
async def test_a_no_is_believed_and_nobody_is_written_to_once(
    database, office, worker, send, rows, kept, mail, command: str, answer: str, is_nobody: bool
):
    post = office()
    getattr(post, command).append(answer)
    words = answer.replace("\t", " ")
    async with worker(post.port):
        await send(mail)
        await rows.until("done")
        assert await kept() == [(False, True, True, words)]
        assert [(one.address, one.reason) for one in await suppressed(database.reader())] == (
            [("ann@example.com", words)] if is_nobody else []
        )
        await send(replace(mail, to="ANN@example.com"))
        await rows.until("done", "done")
    later = (False, True, True, f"suppressed: {words}") if is_nobody else HANDED_OVER
    assert (await kept())[1] == later
    assert len(post.received) == (command == "data") + (not is_nobody)


async def test_an_address_that_bounced_gets_mail_again_when_an_admin_wants_it(
    database, office, worker, send, rows, kept, mail
):
    post, work = office(), database.unit_of_work()
    await work.run(lambda: suppress(work, "Ann@Example.com", "it bounced"))
    async with worker(post.port):
        await send(mail)
        await rows.until("done")
        assert (await kept())[0][3] == "suppressed: it bounced"
        await work.run(lambda: unsuppress(work, "ann@EXAMPLE.com"))
        await send(mail)
        await rows.until("done", "done")
    assert len(post.received) == 1


async def test_a_mail_larger_than_the_server_takes_is_given_up(office, worker, send, rows, kept, mail):
    post = office(data_size_limit=50_000)
    async with worker(post.port):
        await send(replace(mail, attachments=(Attachment("a", "application/pdf", bytes(50_000)),)))
        await rows.until("done")
    [(*_, error)] = await kept()
    assert error.startswith("552 ")
    assert post.received == []


async def test_a_server_that_knows_no_international_addresses_is_asked_once(office, worker, send, rows, kept, mail):
    post = office(enable_SMTPUTF8=False)
    async with worker(post.port):
        await send(replace(mail, to="j\u00f6rg@example.com"), mail)
        await rows.until("done", "done")
    assert sorted(row[3] for row in await kept()) == [
        "",
        "j\u00f6rg@example.com is for servers that know SMTPUTF8: SMTPUTF8 is not supported by this server",
    ]


async def test_what_was_handed_over_before_a_commit_that_failed_goes_again_by_the_same_id(
    office, worker, send, rows, kept, mail, monkeypatch
):
    post, ends = office(), "SELECT pg_terminate_backend(pg_backend_pid()), $1::uuid"
    async with worker(post.port):
        with monkeypatch.context() as patch:
            patch.setattr(sending, "HANDED_OVER", ends)
            await send(mail)
            async with asyncio.timeout(30):
                while len(post.received) < 2:
                    await asyncio.sleep(0.01)
        await rows.until("done")
    assert len({one["Message-ID"] for one in post.received}) == 1
    assert len(post.received) >= 2
    assert await kept() == [HANDED_OVER]


async def test_connections_are_few_kept_and_replaced_when_they_break(office, worker, send, rows, mail, monkeypatch):
    post = office()
    async with worker(post.port, connections=1) as resources:
        await send(mail, mail, mail)
        await rows.until("done", "done", "done")
        assert len(set(post.peers)) == 1
        [idle] = resources.mailer.backend._kept
        idle.client.transport.abort()
        await send(mail)
        await rows.until(*["done"] * 4)
        monkeypatch.setattr(smtp, "KEPT", 0.0)
        await send(mail)
        await rows.until(*["done"] * 5)
    assert len(set(post.peers)) == 3
    assert (await rows.states(), len(post.received)) == (["done"] * 5, 5)


async def test_a_certificate_must_be_trusted_and_the_password_right(
    office, worker, send, rows, kept, mail, encrypted: ssl.SSLContext, certificate: Path, monkeypatch, signing_in
):
    post = office(tls_context=encrypted, require_starttls=True, auth_required=True, authenticator=authenticate)

    async def refused(**given: object) -> str:
        async with worker(post.port, tls="starttls", **given):
            before = (await rows.one("attempts"))[0]
            async with asyncio.timeout(30):
                while (await rows.one("attempts"))[0] == before or not (await rows.one("error"))[0]:
                    await asyncio.sleep(0.01)
        return (await rows.one("error"))[0]

    await send(mail)
    assert "certificate verify failed" in await refused(**signing_in)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert "535" in await refused(user=USER, password=type(signing_in["password"])("wrong"))
    assert "authentication" in (await refused()).lower()
    assert PASSWORD not in (await rows.one("error"))[0]
    assert (await kept(), post.received) == ([WAITING], [])
    async with worker(post.port, tls="starttls", **signing_in):
        await rows.until("done")
    assert (await kept(), len(post.received)) == ([HANDED_OVER], 1)

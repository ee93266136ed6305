"""The port through which mail goes: one source for text and HTML, no header from a value, nothing before the commit."""

from pathlib import Path

import asyncpg
import pytest
from jinja2 import UndefinedError
from litestar import Litestar

from app.platform.database.pools import Database
from app.platform.mail import Console, Letters, Mail, Mailer, Memory, mail_faults
from config.mailing import MailSettings
from tests.conftest import Outbox

GREETING = """Hello {{ name }}

You are <b>{{ name }}</b>, and this is
the second line.

{{ link(address, "Read & answer") }}
"""


@pytest.fixture
def letters(tmp_path: Path) -> Letters:
    (tmp_path / "greeting.txt").write_text(GREETING)
    return Letters(tmp_path)


@pytest.fixture
def mail() -> Mail:
    return Mail("ann@example.com", "Hello", "Hello, Ann\n", "<p>Hello, Ann</p>\n")


def test_text_and_html_are_made_from_one_source(letters: Letters):
    mail = letters.write("greeting", "ann@example.com", name="Ann", address="https://example.com/?a=1&b=2")

    assert (mail.to, mail.subject) == ("ann@example.com", "Hello Ann")
    assert mail.text == (
        "You are <b>Ann</b>, and this is\nthe second line.\n\nRead & answer:\nhttps://example.com/?a=1&b=2\n"
    )
    assert "<title>Hello Ann</title>" in mail.html
    assert "<p>You are <b>Ann</b>, and this is\nthe second line.</p>" in mail.html
    assert '<p><a href="https://example.com/?a=1&amp;b=2">Read &amp; answer</a></p>' in mail.html


def test_a_value_is_text_wherever_it_stands(letters: Letters):
    mail = letters.write("greeting", "ann@example.com", name="<i>&", address='"><script>')
    assert mail.subject == "Hello <i>&"
    assert "<title>Hello &lt;i&gt;&amp;</title>" in mail.html
    assert "<b>&lt;i&gt;&amp;</b>" in mail.html
    assert "<script>" not in mail.html


def test_what_a_template_names_must_be_given(letters: Letters):
    with pytest.raises(UndefinedError, match="'address' is undefined"):
        letters.write("greeting", "ann@example.com", name="Ann")


@pytest.mark.parametrize("to", ["ann@example.com\nBcc: all@example.com", "ann@example.com\r\n"], ids=["header", "end"])
def test_no_value_makes_a_header(letters: Letters, to: str):
    with pytest.raises(ValueError, match="one line each"):
        letters.write("greeting", to, name="Ann", address="x")
    with pytest.raises(ValueError, match="one line each"):
        letters.write("greeting", "ann@example.com", name="Ann\nBcc: all@example.com", address="x")


def test_the_console_prints_what_would_be_sent(capfd: pytest.CaptureFixture[str], mail: Mail):
    Console().take(mail, "Litehouse <me@example.com>")
    printed = capfd.readouterr().out
    assert "From: Litehouse <me@example.com>\nTo: ann@example.com\nSubject: Hello\nDate: " in printed
    assert "\n\nHello, Ann\n-----\n" in printed


def test_only_where_nothing_is_sent_there_is_a_fault():
    assert mail_faults(MailSettings(backend="console")) == []
    assert mail_faults(MailSettings(backend="memory")) == []
    [fault] = mail_faults(MailSettings())
    assert fault.startswith("LITEHOUSE_MAIL is none")


@pytest.fixture
def mailer(app: Litestar) -> Mailer:
    return app.state.resources.mailer


async def test_mail_is_handed_over_after_the_commit(database: Database, mailer: Mailer, outbox: Outbox, mail: Mail):
    work = database.unit_of_work()

    async def send() -> None:
        mailer.send(work, mail)
        await work.fetch("SELECT 1", ())
        assert len(outbox) == 0

    await work.run(send)
    assert outbox.to("ann@example.com") == [mail]
    assert mailer.backend.taken[0][1] == "Litehouse <litehouse@localhost>"


async def test_what_is_rolled_back_sends_nothing(database: Database, mailer: Mailer, outbox: Outbox, mail: Mail):
    work = database.unit_of_work()

    async def fail() -> None:
        mailer.send(work, mail)
        await work.fetch("SELECT 1 / 0", ())

    with pytest.raises(asyncpg.DivisionByZeroError):
        await work.run(fail)
    assert len(outbox) == 0
    await work.run(lambda: work.fetch("SELECT 1", ()))
    assert len(outbox) == 0, "nor does what comes after it"


async def test_what_is_run_again_sends_once(database: Database, mailer: Mailer, outbox: Outbox, mail: Mail):
    work, attempts = database.unit_of_work(), []

    async def conflict_twice() -> None:
        attempts.append(mailer.send(work, mail))
        if len(attempts) < 3:
            await work.fetch("DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$", ())

    await work.run(conflict_twice)
    assert (len(attempts), len(outbox)) == (3, 1)


def test_memory_keeps_the_newest_thousand(mail: Mail):
    memory = Memory()
    for _ in range(1_001):
        memory.take(mail, "me@example.com")
    assert len(memory.taken) == 1_000

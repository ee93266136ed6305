"""What there is besides SMTP: mail that is printed, kept in memory or in a folder, cleared away, and encrypted anew."""

import asyncio
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from click.testing import CliRunner
from pydantic import SecretStr

from app.platform.checks import _lost_secrets
from app.platform.cli import console
from app.platform.figures import figures_page
from app.platform.jobs.clearing import clear_jobs
from app.platform.mail import backends
from app.platform.mail.backends import Console, Files, Memory
from app.platform.mail.figures import mail_figures
from app.platform.mail.mailer import encode, mail_faults
from app.platform.mail.message import Mail, Outgoing, message_id
from app.platform.mail.sending import clear_mail
from app.platform.mail.table import CONTENT
from app.platform.sealing import Seal
from config.mailing import MailSettings

SENDER = "Litehouse <me@example.com>"
INSERT = """
INSERT INTO platform_mail (id, message_id, recipient, subject, content, created_at, handed_over_at, failed_at)
SELECT uuidv7(), 'x', 'ann@example.com', 'x', 'x', now() - $1::text::interval, now() - $2::text::interval,
    now() - $3::text::interval
"""
WAITING = """
INSERT INTO platform_mail (id, message_id, subject, content)
VALUES ($1, 'x', 'x', $2), (uuidv7(), 'x', 'x', NULL)
"""


def outgoing(number: int = 7) -> Outgoing:
    mail = Mail("ann@example.com", "Hello", "Hello, Ann\n", "<p>Hello, Ann</p>\n")
    return Outgoing(UUID(int=number), message_id(UUID(int=number), SENDER), SENDER, mail, datetime.now(UTC))


async def test_the_console_prints_what_would_be_sent(capfd: pytest.CaptureFixture[str]):
    await Console().hand_over(outgoing())
    printed = capfd.readouterr().out
    assert "From: Litehouse <me@example.com>\nTo: ann@example.com\nSubject: Hello\nDate: " in printed
    assert "\n\nHello, Ann\n-----\n" in printed


async def test_memory_keeps_the_newest_thousand():
    memory, one = Memory(), outgoing()
    for _ in range(1_001):
        await memory.hand_over(one)
    assert len(memory.taken) == 1_000


async def test_a_folder_keeps_the_newest_for_its_owner_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(backends, "MOST_KEPT", 2)
    folder = tmp_path / "data" / "mail"
    files = Files(folder, "http://localhost:8000/mail")
    for number in (1, 2, 3, 3):
        await files.hand_over(outgoing(number))
    assert [path.name for path in sorted(folder.iterdir())] == [f"{UUID(int=number)}.eml" for number in (2, 3)]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    line = f"----- mail to ann@example.com: Hello - http://localhost:8000/mail/{UUID(int=3)}\n"
    assert capfd.readouterr().out.count(line) == 2


def test_only_where_nothing_is_sent_there_is_a_fault():
    for backend in ("console", "memory", "file", "smtp"):
        assert mail_faults(MailSettings(backend=backend)) == []
    [fault] = mail_faults(MailSettings())
    assert fault.startswith("LITEHOUSE_MAIL is none")


async def test_what_is_over_is_cleared_away_and_what_waits_is_not(do, database):
    old, older = "31 days", "40 days"
    work = database.unit_of_work()
    over = [(old, old, None), (old, None, old)]  # handed over, given up
    present = [(old, "1 day", None), (old, None, "1 day"), (old, None, None), ("1 day", None, None)]
    await work.run(lambda: _insert(work, [*over, *present, (older, None, None)]))
    await do(clear_mail)
    [(left, waiting)] = await database.reader().fetch(
        "SELECT count(*), count(*) FILTER (WHERE handed_over_at IS NULL AND failed_at IS NULL) FROM platform_mail", ()
    )
    assert (left, waiting) == (len(present), 2), "without a job that is tried, one is forgotten in the end"
    assert clear_mail.treatment.schedule != clear_jobs.treatment.schedule


async def _insert(work, rows) -> None:
    for row in rows:
        await work.fetch(INSERT, row)


async def test_a_scrape_tells_what_waits_and_what_became_of_the_rest(database):
    work = database.unit_of_work()
    rows = [("90 seconds", None, None), ("60 seconds", None, None), ("1 hour", "1 s", None), ("1 hour", None, "1 s")]
    await work.run(lambda: _insert(work, [*rows, ("1 hour", "1 s", None), ("25 hours", "1 s", None)]))
    page = (await figures_page(database, mail_figures)).decode()
    told = {name: float(value) for name, value in (x.rsplit(" ", 1) for x in page.splitlines() if x[0] != "#")}
    assert told.pop("mails_oldest_waiting_seconds") == pytest.approx(90, abs=30)
    assert told == {
        "mails_waiting": 2,
        'mails_last_day{outcome="handed_over"}': 2,
        'mails_last_day{outcome="failed"}': 1,
    }


async def test_mail_that_waits_is_encrypted_anew_with_the_other_secrets(database, settings):
    old, new = "o" * 32, "n" * 32
    work, one = database.unit_of_work(), outgoing()
    sealed = Seal([old]).close(encode(one.mail), CONTENT.place(one.id))
    await work.run(lambda: work.fetch(WAITING, (one.id, sealed)))
    security = settings.security.model_copy(update={"secret_keys": (SecretStr(new),)})
    [told] = await _lost_secrets(replace(settings, security=security), database, [])
    assert told == "1 secrets of platform_mail have no key among LITEHOUSE_SECRET_KEYS"

    environ = {"DATABASE_URL": database.url, "LITEHOUSE_ENVIRONMENT": "test", "LITEHOUSE_SECRET_KEYS": f"{new},{old}"}
    done = await asyncio.to_thread(CliRunner().invoke, console, ["rotate-secrets"], env=environ)
    assert done.stdout == "1 secrets were encrypted anew.\n"
    [(content,)] = await database.reader().fetch("SELECT content FROM platform_mail WHERE id = $1", (one.id,))
    assert Seal([new]).open(content, CONTENT.place(one.id)) == encode(one.mail)

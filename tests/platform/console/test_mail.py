"""The commands about mail, as an admin types them."""

from email import message_from_bytes
from pathlib import Path

import pytest

from tests.e2e.running import free_port
from tests.platform.console.conftest import Command
from tests.platform.mail.conftest import PostOffice, office

__all__ = ["office"]


def by_smtp(port: int) -> dict[str, str]:
    return {
        "LITEHOUSE_MAIL": "smtp",
        "LITEHOUSE_SMTP_HOST": "127.0.0.1",
        "LITEHOUSE_SMTP_PORT": str(port),
        "LITEHOUSE_SMTP_TIMEOUT": "5",
    }


def test_a_test_mail_goes_out_at_once_and_tells_what_the_server_says(command: Command, office):
    post: PostOffice = office()
    sent = command("mail-test", "ann@example.com", **by_smtp(post.port))
    assert (sent.exit_code, sent.stdout) == (0, "Handed over: 2.0.0 thank you\n")
    assert [one["To"] for one in post.received] == ["ann@example.com"]

    post.rcpt.append("550 5.1.1 nobody of this name")
    refused = command("mail-test", "ann@example.com", **by_smtp(post.port))
    assert (refused.exit_code, refused.stderr) == (1, "Error: refused: 550 5.1.1 nobody of this name\n")
    post.rcpt.append("450 4.7.1 later")
    later = command("mail-test", "ann@example.com", **by_smtp(post.port))
    assert later.stderr == "Error: not handed over; of the queue it would be tried again: 450 4.7.1 later\n"

    away = command("mail-test", "ann@example.com", **by_smtp(free_port()))
    assert away.exit_code == 1
    assert "is not to be had: SMTPConnectError" in away.stderr
    assert command("mail-test", "nowhere", **by_smtp(post.port)).exit_code == 2
    assert "LITEHOUSE_MAIL is none" in command("mail-test", "ann@example.com", LITEHOUSE_MAIL="none").stderr


def test_a_test_mail_is_a_file_where_mail_is_kept_in_files(command: Command, tmp_path: Path):
    kept = command("mail-test", "ann@example.com", LITEHOUSE_MAIL="file", LITEHOUSE_DATA_FOLDER=str(tmp_path))
    [path] = (tmp_path / "mail").iterdir()
    assert kept.stdout.endswith(f"Handed over: kept as {path}\n")
    assert message_from_bytes(path.read_bytes())["To"] == "ann@example.com"


@pytest.mark.parametrize(
    ("reason", "told"), [(["it bounced"], "it bounced"), ([], "an admin wants it so")], ids=["given", "none"]
)
def test_an_address_is_suppressed_listed_and_admitted_again(command: Command, reason: list[str], told: str):
    assert command("mail-suppressed").stdout == ""
    assert command("mail-suppress", "Ann@Example.com", *reason).exit_code == 0
    assert command("mail-suppress", "ann@example.com", "again").exit_code == 0
    [line] = command("mail-suppressed").stdout.splitlines()
    assert line.startswith("ann@example.com since ")
    assert line.endswith(f" UTC: {told}")
    assert command("mail-unsuppress", "ANN@example.com").exit_code == 0
    again = command("mail-unsuppress", "ann@example.com")
    assert (again.exit_code, again.stderr) == (1, "Error: address: not found\n")
    assert command("mail-suppress", "nowhere").exit_code == 2

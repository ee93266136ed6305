"""What a mail becomes on its way: text and HTML of one source, files, and no header that a value has made."""

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from uuid import UUID

import pytest
from jinja2 import UndefinedError

from app.platform.mail.letters import Letters
from app.platform.mail.message import LARGEST, Attachment, Mail, Outgoing, message_id

GREETING = """Hello {{ name }}

You are <b>{{ name }}</b>, and this is
the second line.

{{ link(address, "Read & answer") }}
"""
SENDER = "Bücherei <post@bücher.example>"


@pytest.fixture
def letters(tmp_path: Path) -> Letters:
    (tmp_path / "greeting.txt").write_text(GREETING)
    return Letters(tmp_path)


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


BREAKS = ["ann@example.com\nBcc: all@example.com", "ann@example.com\r\n", "ann@example.com\u2028"]


@pytest.mark.parametrize("text", BREAKS, ids=["header", "end", "line separator"])
def test_no_value_makes_a_header(letters: Letters, text: str):
    with pytest.raises(ValueError, match="one line each"):
        letters.write("greeting", text, name="Ann", address="x")
    with pytest.raises(ValueError, match="one line each"):
        letters.write("greeting", "ann@example.com", name=text, address="x")
    for file in (
        Attachment(text, "text/plain", b""),
        Attachment("a", text, b""),
        Attachment("a", "image/png", b"", text),
    ):
        with pytest.raises(ValueError, match="one line each"):
            Mail("ann@example.com", "Hello", "", "", (file,))
    with pytest.raises(ValueError, match="one line each"):
        Mail("ann@example.com", "Hello", "", "", reply_to=text)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"to": "ann"}, "something like me@example.com"),
        ({"to": "ann@"}, "something like me@example.com"),
        ({"to": "ann@b\u00fccher..example"}, "the domain of a host"),
        ({"reply_to": "@example.com"}, "something like me@example.com"),
        ({"attachments": (Attachment("a", "text/plain", bytes(LARGEST + 1)),)}, "at most: send a link"),
    ],
    ids=["no domain", "empty domain", "no host", "nobody", "too much"],
)
def test_what_cannot_be_sent_is_refused_when_it_is_written(given, fault):
    with pytest.raises(ValueError, match=fault):
        Mail(**{"to": "ann@example.com", "subject": "Hello", "text": "", "html": "", **given})


def sent(mail: Mail) -> EmailMessage:
    """The message as whoever gets it reads it."""
    key = UUID(int=7)
    outgoing = Outgoing(key, message_id(key, SENDER), SENDER, mail, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    return message_from_bytes(bytes(outgoing.message()), EmailMessage, policy=policy.default)


def body(message: EmailMessage, kind: str) -> str:
    """A part of it, with line ends as they are written here."""
    return message.get_body((kind,)).get_content().replace("\r\n", "\n")


def test_a_message_has_what_standards_ask_for():
    files = (
        Attachment("über.pdf", "application/pdf", b"%PDF"),
        Attachment("logo.png", "image/png", b"\x89PNG", "logo"),
    )
    html = '<p>Grüße <img src="cid:logo" alt=""></p>\n'
    message = sent(Mail("Ann <ann@example.com>", "Ein Gruß", "Grüße\n", html, files, "desk@example.com"))

    assert str(message["From"]) == "Bücherei <post@xn--bcher-kva.example>"
    assert {name: message[name] for name in ("To", "Reply-To", "Subject", "Date", "Message-ID", "Auto-Submitted")} == {
        "To": "Ann <ann@example.com>",
        "Reply-To": "desk@example.com",
        "Subject": "Ein Gruß",
        "Date": "Fri, 02 Jan 2026 03:04:05 +0000",
        "Message-ID": "<00000000-0000-0000-0000-000000000007@xn--bcher-kva.example>",
        "Auto-Submitted": "auto-generated",
    }
    assert body(message, "plain") == "Grüße\n"
    assert body(message, "html") == html
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "application/pdf",
    ]
    inline, attached = (part for part in message.walk() if part.get_filename())
    assert (inline["Content-ID"], inline.get_content_disposition(), inline.get_content()) == (
        "<logo>",
        "inline",
        b"\x89PNG",
    )
    assert (attached.get_filename(), attached.get_content_disposition()) == ("über.pdf", "attachment")


def test_a_message_goes_by_servers_that_know_ascii_alone():
    key = UUID(int=7)
    mail = Mail("ann@b\u00fccher.example", "x" * 300 + "\u00fc" * 300, "\u00fc" * 2_000 + "\n", "<p>\u00fc</p>\n")
    outgoing = Outgoing(key, message_id(key, SENDER), SENDER, mail, datetime.now(UTC))
    raw = bytes(outgoing.message())
    assert raw.isascii()
    assert max(map(len, raw.splitlines())) <= 998
    assert outgoing.envelope == ("post@xn--bcher-kva.example", "ann@xn--bcher-kva.example")
    assert not outgoing.is_international
    assert sent(mail)["Subject"] == mail.subject
    assert body(sent(mail), "plain") == mail.text

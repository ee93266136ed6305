"""Settings of mail: seen in development, never lost or told elsewhere, and links that no request can bend."""

import pytest

from app.platform.mail.mailer import Mailer
from app.platform.sealing import Sealing
from config.settings import load

OWN = {"DATABASE_URL": "postgresql://app@db.internal:5432/app"}
TEST, PRODUCTION = OWN | {"LITEHOUSE_ENVIRONMENT": "test"}, OWN | {"LITEHOUSE_ENVIRONMENT": "production"}
WHERE = {"LITEHOUSE_BASE_URL": "https://example.com", "LITEHOUSE_MAIL_FROM": "me@example.com"}


@pytest.mark.parametrize(
    ("environ", "origin"),
    [({}, "http://localhost:8000"), ({"LITEHOUSE_PORT": "9000"}, "http://localhost:9000")],
    ids=["nothing set", "another port"],
)
def test_development_keeps_mail_whose_links_lead_to_itself(environ, origin):
    settings = load(None, environ)
    assert (settings.mail.backend, settings.mail.sender) == ("file", "Litehouse <litehouse@localhost>")
    assert Mailer(settings, Sealing(settings)).link("reset", "x") == f"{origin}/account/reset?token=x"


def test_tests_keep_mail():
    assert load(None, TEST).mail.backend == "memory"


def test_production_sends_nothing_unless_it_is_told_how():
    mail = load(None, PRODUCTION).mail
    assert (mail.backend, mail.sender) == ("none", "")


def test_one_signs_up_without_a_link_where_there_is_none_or_nobody_minds():
    assert load(None, {}).security.direct_sign_up
    assert load(None, TEST).security.direct_sign_up
    assert load(None, PRODUCTION).security.direct_sign_up
    assert not load(None, PRODUCTION | {"LITEHOUSE_DIRECT_SIGN_UP": "false"}).security.direct_sign_up


@pytest.mark.parametrize(
    ("environ", "backend", "fault"),
    [
        (PRODUCTION, "console", "LITEHOUSE_MAIL=console: prints the secrets in mails to where logs go"),
        (TEST, "console", "LITEHOUSE_MAIL=console: prints the secrets in mails to where logs go"),
        (PRODUCTION, "memory", "LITEHOUSE_MAIL=memory: sends nothing: it is for development and tests"),
        (PRODUCTION, "file", "LITEHOUSE_MAIL=file: sends nothing: it is for development"),
        ({}, "smpt", "LITEHOUSE_MAIL=smpt: must be one of none, smtp, file, console, memory"),
    ],
    ids=["printed in production", "printed in tests", "kept in production", "in files in production", "unknown"],
)
def test_what_would_lose_mail_or_tell_its_secrets_is_refused(faults_of, environ, backend, fault):
    assert [told.startswith(fault) for told in faults_of(environ | WHERE | {"LITEHOUSE_MAIL": backend})] == [True]


SMTP = WHERE | {"LITEHOUSE_MAIL": "smtp", "LITEHOUSE_SMTP_HOST": "smtp.example.com"}
KEY = {"LITEHOUSE_SECRET_KEYS": "k" * 32}
SIGNED_IN = {"LITEHOUSE_SMTP_USER": "me", "LITEHOUSE_SMTP_PASSWORD": "of-the-server-alone"}


@pytest.mark.parametrize(
    ("given", "tls", "port"),
    [
        ({}, "starttls", 587),
        ({"LITEHOUSE_SMTP_TLS": "tls"}, "tls", 465),
        ({"LITEHOUSE_SMTP_TLS": "none"}, "none", 25),
        ({"LITEHOUSE_SMTP_HOST": "localhost"}, "none", 25),
        ({"LITEHOUSE_SMTP_HOST": "127.0.0.1", "LITEHOUSE_SMTP_PORT": "1025"} | SIGNED_IN, "none", 1025),
        (SIGNED_IN, "starttls", 587),
    ],
    ids=["nothing said", "from the start", "without", "this machine", "this machine's catcher", "signed in"],
)
def test_mail_leaves_the_machine_encrypted_unless_it_is_told_otherwise(given, tls, port):
    mail = load(None, PRODUCTION | SMTP | KEY | given).mail
    assert (mail.smtp_tls, mail.smtp_port) == (tls, port)
    assert SIGNED_IN["LITEHOUSE_SMTP_PASSWORD"] not in f"{mail} {mail!r} {mail.model_dump_json()}"


@pytest.mark.parametrize(
    ("environ", "fault"),
    [
        (SMTP, "LITEHOUSE_SECRET_KEYS: must be set where mail is sent in production"),
        (SMTP | KEY | {"LITEHOUSE_SMTP_HOST": ""}, "LITEHOUSE_SMTP_HOST: must be set where LITEHOUSE_MAIL is smtp"),
        (SMTP | KEY | SIGNED_IN | {"LITEHOUSE_SMTP_TLS": "none"}, "LITEHOUSE_SMTP_TLS=none: must be starttls or tls"),
        (SMTP | KEY | {"LITEHOUSE_SMTP_USER": "me"}, "LITEHOUSE_SMTP_PASSWORD: must be set where the other one is"),
        (SMTP | KEY | {"LITEHOUSE_SMTP_PASSWORD": "x"}, "LITEHOUSE_SMTP_USER: must be set where the other one is"),
    ],
    ids=["no key", "no server", "a password in the open", "no password", "no user"],
)
def test_what_mail_by_smtp_needs_is_named(faults_of, environ, fault):
    assert [told.startswith(fault) for told in faults_of(PRODUCTION | environ)] == [True]


def test_links_are_secret_in_production(faults_of):
    [fault] = faults_of(PRODUCTION | {"LITEHOUSE_LINK_TEMPLATE": "http://front.example/{purpose}/{token}"})
    assert "must begin with https:// in production" in fault


@pytest.mark.parametrize("sender", ["me", "me@", "a@b.c d@e.f", "Me <me@example.com", "a@example.com, b@example.com"])
def test_a_sender_is_one_address(faults_of, sender):
    [fault] = faults_of({"LITEHOUSE_MAIL_FROM": sender})
    assert "must be an address such as me@example.com, or Name <me@example.com>" in fault


def test_a_front_end_may_have_the_pages():
    settings = load(None, {"LITEHOUSE_LINK_TEMPLATE": "https://front.example/#/{purpose}?token={token}"})
    assert (
        Mailer(settings, Sealing(settings)).link("sign-in", "lh_link_x")
        == "https://front.example/#/sign-in?token=lh_link_x"
    )


@pytest.mark.parametrize(
    "template",
    [
        "https://front.example/{token}",
        "https://front.example/{purpose}/{token}/{other}",
        "https://front.example/{purpose}/{token.__class__}",
        "https://front.example/{purpose}/{token",
        "javascript:{purpose}{token}",
    ],
    ids=["no purpose", "another", "an attribute", "open", "a script"],
)
def test_a_template_has_its_two_places(faults_of, template):
    [fault] = faults_of({"LITEHOUSE_LINK_TEMPLATE": template})
    assert "must be an address with {purpose} and {token} in it, once each" in fault

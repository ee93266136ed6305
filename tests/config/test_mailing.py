"""Settings of mail: seen in development, never lost or told elsewhere, and links that no request can bend."""

import pytest

from config.settings import load

OWN = {"DATABASE_URL": "postgresql://app@db.internal:5432/app"}
TEST, PRODUCTION = OWN | {"LITEHOUSE_ENVIRONMENT": "test"}, OWN | {"LITEHOUSE_ENVIRONMENT": "production"}
WHERE = {"LITEHOUSE_BASE_URL": "https://example.com", "LITEHOUSE_MAIL_FROM": "me@example.com"}


@pytest.mark.parametrize(
    ("environ", "base_url"),
    [
        ({}, "http://127.0.0.1:8000"),
        ({"LITEHOUSE_PORT": "9000", "LITEHOUSE_HOST": "localhost"}, "http://127.0.0.1:9000"),
        ({"LITEHOUSE_HOST": "::1"}, "http://[::1]:8000"),
    ],
    ids=["nothing set", "localhost", "ipv6"],
)
def test_development_prints_mail_whose_links_lead_to_itself(environ, base_url):
    mail = load(None, environ).mail
    assert (mail.backend, mail.base_url, mail.sender) == ("console", base_url, "Litehouse <litehouse@localhost>")
    assert mail.link("reset", "lh_link_x") == f"{base_url}/account/reset?token=lh_link_x"


def test_tests_keep_mail():
    assert load(None, TEST).mail.backend == "memory"


@pytest.mark.parametrize("environment", ["development", "test"])
def test_a_server_that_others_reach_has_no_mail_until_it_knows_its_name(environment):
    environ = OWN | {"LITEHOUSE_ENVIRONMENT": environment, "LITEHOUSE_HOST": "0.0.0.0"}
    assert load(None, environ).mail.backend == "none"
    assert load(None, environ | {"LITEHOUSE_BASE_URL": "http://192.0.2.1:8000"}).mail.backend != "none"


def test_production_sends_nothing_unless_it_is_told_how():
    mail = load(None, PRODUCTION).mail
    assert (mail.backend, mail.base_url, mail.sender) == ("none", "", "")
    assert load(None, PRODUCTION | {"LITEHOUSE_MAIL": "none"} | WHERE).mail.base_url == "https://example.com"


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
        (PRODUCTION, "memory", "LITEHOUSE_MAIL=memory: sends nothing: it is for tests"),
        ({}, "smtp", "LITEHOUSE_MAIL=smtp: must be one of none, console, memory"),
    ],
    ids=["printed in production", "printed in tests", "kept in production", "unknown"],
)
def test_what_would_lose_mail_or_tell_its_secrets_is_refused(faults_of, environ, backend, fault):
    assert [told.startswith(fault) for told in faults_of(environ | WHERE | {"LITEHOUSE_MAIL": backend})] == [True]


def test_mail_that_is_sent_needs_a_sender_and_a_place_for_links_to_lead_to(faults_of):
    reached = OWN | {"LITEHOUSE_ENVIRONMENT": "development", "LITEHOUSE_HOST": "0.0.0.0", "LITEHOUSE_MAIL": "console"}
    assert faults_of(reached) == [
        "LITEHOUSE_BASE_URL: must be set where mail is sent, to something like https://example.com (not set)",
        "LITEHOUSE_MAIL_FROM: must be set where mail is sent, to something like me@example.com (not set)",
    ]


@pytest.mark.parametrize(
    "base", ["example.com", "ftp://example.com", "https://me@example.com", "https://example.com/?x", "https://a/{b}"]
)
def test_what_no_link_can_begin_with_is_refused(faults_of, base):
    [fault] = faults_of({"LITEHOUSE_BASE_URL": base})
    assert "must be the address that browsers know the house by" in fault


def test_links_are_secret_in_production(faults_of):
    template = "http://front.example/{purpose}/{token}"
    faults = faults_of(PRODUCTION | {"LITEHOUSE_BASE_URL": "http://example.com", "LITEHOUSE_LINK_TEMPLATE": template})
    assert ["must begin with https:// in production" in fault for fault in faults] == [True, True]


def test_a_house_below_a_path_has_links_below_it():
    mail = load(None, {"LITEHOUSE_BASE_URL": "https://example.com/app/"}).mail
    assert mail.link("verify", "x") == "https://example.com/app/account/verify?token=x"


@pytest.mark.parametrize("sender", ["me", "me@", "a@b.c d@e.f", "Me <me@example.com", "a@example.com, b@example.com"])
def test_a_sender_is_one_address(faults_of, sender):
    [fault] = faults_of({"LITEHOUSE_MAIL_FROM": sender})
    assert "must be an address such as me@example.com, or Name <me@example.com>" in fault


def test_a_front_end_may_have_the_pages():
    mail = load(None, {"LITEHOUSE_LINK_TEMPLATE": "https://front.example/#/{purpose}?token={token}"}).mail
    assert mail.link("sign-in", "lh_link_x") == "https://front.example/#/sign-in?token=lh_link_x"


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

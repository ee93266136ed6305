"""Settings of mail: by what it leaves, from whom, what the links in it are made of, and how often one causes some."""

import re
from string import Formatter
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import NoDecode

from config.loading import Concern, Reading
from config.rates import Rate, as_rate

ADDRESS = r"[^\s<>@,;]+@[^\s<>@,;]+"
LIMITS = ("MAIL", "MAIL_ADDRESS", "LINK_ADDRESS")
BACKENDS = {"development": "console", "test": "memory"}


def follow_mail(reading: Reading) -> None:
    """Let mail be seen where nobody else can reach the server, and refuse what would lose it or tell its secrets."""
    environment = reading.text("LITEHOUSE_ENVIRONMENT")
    if environment in BACKENDS:
        _ease(reading, BACKENDS[environment])
    backend = reading.text("LITEHOUSE_MAIL")
    if environment in BACKENDS or backend in ("", "none"):
        reading.default("LITEHOUSE_DIRECT_SIGN_UP", "true")  # else nobody could sign up
    if backend == "console" and environment != "development":
        reading.refuse("LITEHOUSE_MAIL", "prints the secrets in mails to where logs go: it is for development alone")
    if backend == "memory" and environment == "production":
        reading.refuse("LITEHOUSE_MAIL", "sends nothing: it is for tests")
    if backend not in ("", "none"):
        for name, what in (("LITEHOUSE_BASE_URL", "https://example.com"), ("LITEHOUSE_MAIL_FROM", "me@example.com")):
            if not reading.text(name):
                reading.refuse(name, f"must be set where mail is sent, to something like {what}")
    if environment == "production" and reading.text("LITEHOUSE_LINK_TEMPLATE").startswith("http://"):
        reading.refuse("LITEHOUSE_LINK_TEMPLATE", "must begin with https:// in production: the links to it are secret")


def _ease(reading: Reading, backend: str) -> None:
    for limit in LIMITS:
        reading.default(f"LITEHOUSE_{limit}_LIMIT", "1000000/60")
    if reading.text("LITEHOUSE_BASE_URL"):
        reading.default("LITEHOUSE_MAIL", backend)
        reading.default("LITEHOUSE_MAIL_FROM", "Litehouse <litehouse@localhost>")


def _sender(text: str) -> str:
    """An address, or a name with an address behind it in angle brackets."""
    if text and not re.fullmatch(rf"{ADDRESS}|[^<>@,;\x00-\x1f]+ <{ADDRESS}>", text):
        raise ValueError("must be an address such as me@example.com, or Name <me@example.com>")
    return text


def _template(text: str) -> str:
    """An address of a front end's with two places to be filled in."""
    try:
        places = sorted(name for _, name, _, _ in Formatter().parse(text) if name is not None)
    except ValueError:
        places = []
    if text and (places != ["purpose", "token"] or urlsplit(text).scheme not in ("http", "https")):
        raise ValueError("must be an address with {purpose} and {token} in it, once each")
    return text


Times = Annotated[Rate, NoDecode, BeforeValidator(as_rate)]


class MailSettings(Concern):
    """Mail, and the links that it brings."""

    backend: Literal["none", "console", "memory"] = Field("none", validation_alias="LITEHOUSE_MAIL")
    sender: Annotated[str, AfterValidator(_sender)] = Field("", validation_alias="LITEHOUSE_MAIL_FROM")
    link_template: Annotated[str, AfterValidator(_template)] = ""
    mail_limit: Times = Rate(5, 3600)  # of one kind, to one account
    mail_address_limit: Times = Rate(30, 3600)  # asked for by one address
    link_address_limit: Times = Rate(100, 60)  # followed by one address

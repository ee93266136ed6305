"""Settings of mail: by what it leaves, from whom, what the links in it are made of, and how often one causes some."""

import re
from ipaddress import ip_address
from string import Formatter
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import NoDecode

from config.loading import Concern, Reading
from config.rates import Rate, as_rate

OWN_PAGES = "/account/{purpose}?token={token}"
ADDRESS = r"[^\s<>@,;]+@[^\s<>@,;]+"
LIMITS = ("MAIL", "MAIL_ADDRESS", "LINK_ADDRESS")
BACKENDS = {"development": "console", "test": "memory"}


def follow_mail(reading: Reading, host: str, port: str) -> None:
    """Let mail be seen where nobody else can reach the server, and refuse what would lose it or tell its secrets."""
    environment = reading.text("LITEHOUSE_ENVIRONMENT")
    if environment in BACKENDS:
        _ease(reading, BACKENDS[environment], _own_origin(host, port))
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
    for name in ("LITEHOUSE_BASE_URL", "LITEHOUSE_LINK_TEMPLATE"):
        if environment == "production" and reading.text(name).startswith("http://"):
            reading.refuse(name, "must begin with https:// in production: the links to it are secret")


def _ease(reading: Reading, backend: str, origin: str | None) -> None:
    for limit in LIMITS:
        reading.default(f"LITEHOUSE_{limit}_LIMIT", "1000000/60")
    if origin:
        reading.default("LITEHOUSE_BASE_URL", origin)
    if reading.text("LITEHOUSE_BASE_URL"):
        reading.default("LITEHOUSE_MAIL", backend)
        reading.default("LITEHOUSE_MAIL_FROM", "Litehouse <litehouse@localhost>")


def _own_origin(host: str, port: str) -> str | None:
    """Where a browser on this machine finds the server; None where others find it too, by a name that is not known."""
    try:
        address = ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        return None
    if not port.isdecimal():
        return None  # another fault, which is told already
    shown = f"[{address}]" if address.version == 6 else str(address)
    return f"http://{shown}:{port}" if address.is_loopback else None


def _sender(text: str) -> str:
    """An address, or a name with an address behind it in angle brackets."""
    if text and not re.fullmatch(rf"{ADDRESS}|[^<>@,;\x00-\x1f]+ <{ADDRESS}>", text):
        raise ValueError("must be an address such as me@example.com, or Name <me@example.com>")
    return text


def _base_url(text: str) -> str:
    """Where the house is reached: scheme and host, a path where it stands below one, no slash at the end."""
    if text and not re.fullmatch(r"https?://[A-Za-z0-9.\[\]:_-]+(?:/[A-Za-z0-9._~/-]*)?", text):
        raise ValueError("must be the address that browsers know the house by, such as https://example.com")
    return text.rstrip("/")


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
    base_url: Annotated[str, AfterValidator(_base_url)] = ""
    link_template: Annotated[str, AfterValidator(_template)] = ""
    mail_limit: Times = Rate(5, 3600)  # of one kind, to one account
    mail_address_limit: Times = Rate(30, 3600)  # asked for by one address
    link_address_limit: Times = Rate(100, 60)  # followed by one address

    def link(self, purpose: str, token: str) -> str:
        """The address that a mail leads to: never made of what a request says of its host."""
        return (self.link_template or self.base_url + OWN_PAGES).format(purpose=purpose, token=token)

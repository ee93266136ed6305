"""Settings of mail: by what it leaves, from whom, what the links in it are made of, and how often one causes some."""

import re
from ipaddress import ip_address
from string import Formatter
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from config.loading import Concern, Reading
from config.rates import Rate, Times

ADDRESS = r"[^\s<>@,;]+@[^\s<>@,;]+"
LIMITS = ("MAIL", "MAIL_ADDRESS", "LINK_ADDRESS")
BACKENDS = {"development": "file", "test": "memory"}
PORTS = {"starttls": 587, "tls": 465, "none": 25}


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
    if backend in ("memory", "file") and environment == "production":
        reading.refuse("LITEHOUSE_MAIL", "sends nothing: it is for development and tests")
    if backend not in ("", "none"):
        _require_origin(reading)
    if backend == "smtp":
        _follow_smtp(reading)
    if environment == "production" and reading.text("LITEHOUSE_LINK_TEMPLATE").startswith("http://"):
        reading.refuse("LITEHOUSE_LINK_TEMPLATE", "must begin with https:// in production: the links to it are secret")


def _require_origin(reading: Reading) -> None:
    for name, what in (("LITEHOUSE_BASE_URL", "https://example.com"), ("LITEHOUSE_MAIL_FROM", "me@example.com")):
        if not reading.text(name):
            reading.refuse(name, f"must be set where mail is sent, to something like {what}")


def _follow_smtp(reading: Reading) -> None:
    """Encrypt what waits, and what leaves the machine, and send no password that others could read on its way."""
    if reading.text("LITEHOUSE_ENVIRONMENT") == "production" and not reading.text("LITEHOUSE_SECRET_KEYS"):
        problem = "must be set where mail is sent in production: what waits is encrypted by the first of them"
        reading.refuse("LITEHOUSE_SECRET_KEYS", problem)
    host = reading.text("LITEHOUSE_SMTP_HOST")
    if not host:
        reading.refuse("LITEHOUSE_SMTP_HOST", "must be set where LITEHOUSE_MAIL is smtp, as smtp.example.com")
    if is_near := _is_this_machine(host):
        reading.default("LITEHOUSE_SMTP_TLS", "none")
    tls = reading.text("LITEHOUSE_SMTP_TLS") or "starttls"
    reading.default("LITEHOUSE_SMTP_PORT", str(PORTS.get(tls, PORTS["starttls"])))
    user, password = (reading.text(f"LITEHOUSE_SMTP_{name}") for name in ("USER", "PASSWORD"))
    if bool(user) is not bool(password):
        missing = "LITEHOUSE_SMTP_PASSWORD" if user else "LITEHOUSE_SMTP_USER"
        reading.refuse(missing, "must be set where the other one is: who signs in has a name and a password")
    if tls == "none" and user and not is_near:
        reading.refuse("LITEHOUSE_SMTP_TLS", "must be starttls or tls: else the password could be read on its way")


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


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


class MailSettings(Concern):
    """Mail, and the links that it brings."""

    backend: Literal["none", "smtp", "file", "console", "memory"] = Field("none", validation_alias="LITEHOUSE_MAIL")
    sender: Annotated[str, AfterValidator(_sender)] = Field("", validation_alias="LITEHOUSE_MAIL_FROM")
    smtp_host: str = ""
    smtp_port: int = Field(PORTS["starttls"], ge=1, le=65535)
    smtp_tls: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_timeout: float = Field(30.0, ge=0.1, le=300)  # for each answer
    smtp_connections: int = Field(4, ge=1, le=50)  # of each worker process
    link_template: Annotated[str, AfterValidator(_template)] = ""
    mail_limit: Times = Rate(5, 3600)  # of one kind, to one account
    mail_address_limit: Times = Rate(30, 3600)  # asked for by one address
    link_address_limit: Times = Rate(100, 60)  # followed by one address

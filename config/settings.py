"""Every setting of Litehouse, typed and bounded, one class a concern; `.env.example` explains each to operators."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, TypeAdapter, ValidationError
from pydantic_settings import NoDecode

from config.caching import CacheSettings
from config.database_url import DatabaseUrl
from config.http import HttpSettings
from config.keys import as_keys
from config.loading import SECRETS_FOLDER, Concern, Reading, SettingsError
from config.mailing import MailSettings, follow_mail
from config.origins import as_list
from config.rates import Rate, Times

__all__ = [
    "CacheSettings",
    "DatabaseSettings",
    "DatabaseUrl",
    "HttpSettings",
    "LoggingSettings",
    "MailSettings",
    "SecuritySettings",
    "ServerSettings",
    "Settings",
    "SettingsError",
    "listening",
    "load",
]

ROOT = Path(__file__).resolve().parents[1]
ENV_FILE = ROOT / ".env"


def load(env_file: Path | None = ENV_FILE, environ: Mapping[str, str] | None = None) -> "Settings":
    """Read and check every setting: environment (`os.environ` unless given) over `.env` over the secrets folder.

    An empty value is an unset one in all three places, so that the next place or the default answers: compose hands on
    `NAME: ${NAME:-}` as empty text, and its users mean "leave it alone". Raises SettingsError with every fault at once.
    """
    reading = _found(env_file, environ)
    reading.alias("DATABASE_URL", "LITEHOUSE_DATABASE_URL")
    _follow_environment(reading)
    _check_embedded(reading)
    _check_credentials(reading)
    settings = Settings(
        server=reading.build(ServerSettings),
        database=reading.build(DatabaseSettings),
        security=reading.build(SecuritySettings),
        http=reading.build(HttpSettings),
        cache=reading.build(CacheSettings),
        mail=reading.build(MailSettings),
        logging=reading.build(LoggingSettings),
        places=reading.places(),
    )
    reading.finish()
    return settings


def listening(env_file: Path | None = ENV_FILE, environ: Mapping[str, str] | None = None) -> tuple[str, int]:
    """Where the server listens, IP address and port, by the same places; whatever else stands there is not judged.

    Raises ValueError.
    """
    reading, fields = _found(env_file, environ), ServerSettings.model_fields
    host = reading.text("LITEHOUSE_HOST") or fields["host"].default
    return _ip_address(host), int(reading.text("LITEHOUSE_PORT") or fields["port"].default)


def _found(env_file: Path | None, environ: Mapping[str, str] | None) -> Reading:
    reading = Reading(known=known_names())
    reading.environment(os.environ if environ is None else environ)
    if env_file:
        reading.env_file(env_file)
    reading.secrets_folder(ROOT)
    return reading


def known_names() -> list[str]:
    """The full name of every setting, and the two that are no field: DATABASE_URL and LITEHOUSE_SECRETS_DIR."""
    concerns = (
        ServerSettings,
        DatabaseSettings,
        SecuritySettings,
        HttpSettings,
        CacheSettings,
        MailSettings,
        LoggingSettings,
    )
    return [*(name for concern in concerns for name in concern.names().values()), "DATABASE_URL", SECRETS_FOLDER]


def _follow_environment(reading: Reading) -> None:
    """Let development be the environment where nobody else can reach it, and set what is easier there."""
    host = reading.text("LITEHOUSE_HOST") or ServerSettings.model_fields["host"].default
    if _is_loopback(host) and not reading.text("LITEHOUSE_DATABASE_URL"):
        reading.default("LITEHOUSE_ENVIRONMENT", "development")
    if reading.text("LITEHOUSE_ENVIRONMENT") in ("development", "test"):
        for name in ("SIGN_IN", "SIGN_IN_ACCOUNT", "SIGN_IN_ADDRESS", "SIGN_UP", "SIGN_UP_ADDRESS"):
            reading.default(f"LITEHOUSE_{name}_LIMIT", "1000000/60")  # all that is tried there comes from one address
        if _is_loopback(host):
            port = reading.text("LITEHOUSE_PORT")
            port = port if port.isdecimal() else ServerSettings.model_fields["port"].default
            # By name: browsers take passkeys for no bare IP address.
            reading.default("LITEHOUSE_BASE_URL", f"http://localhost:{port}")
    if reading.text("LITEHOUSE_ENVIRONMENT") == "development":
        reading.default("LITEHOUSE_CORS_ORIGINS", "*")
        reading.default("LITEHOUSE_DOCS", "true")
        reading.default("LITEHOUSE_ADMIN", "true")
    follow_mail(reading)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(_ip_address(host)).is_loopback
    except ValueError:
        return False


def _check_credentials(reading: Reading) -> None:
    """Refuse to let the pages of any origin at all act with the cookies of our users."""
    if _is_true(reading.text("LITEHOUSE_CORS_CREDENTIALS")) and reading.text("LITEHOUSE_CORS_ORIGINS") in ("", "*"):
        problem = "must be false while LITEHOUSE_CORS_ORIGINS is * or none; name there the origins that are trusted"
        reading.refuse("LITEHOUSE_CORS_CREDENTIALS", problem)


def _check_embedded(reading: Reading) -> None:
    """Refuse the embedded database in production unless it is asked for, and beside a database of one's own."""
    asked = _is_true(reading.text("LITEHOUSE_EMBEDDED_POSTGRES"))
    own = reading.text("LITEHOUSE_DATABASE_URL")
    if asked and own:
        reading.refuse(
            "LITEHOUSE_EMBEDDED_POSTGRES", "contradicts the database URL that is given; give only one of the two"
        )
    if reading.text("LITEHOUSE_ENVIRONMENT") == "production" and not asked and not own:
        problem = (
            "must name a database in production; "
            "or set LITEHOUSE_EMBEDDED_POSTGRES=true to run the embedded PostgreSQL there on purpose"
        )
        reading.refuse("LITEHOUSE_DATABASE_URL", problem)


def _is_true(text: str) -> bool:
    try:
        return TypeAdapter(bool).validate_python(text)
    except ValidationError:  # `build` reports it; here it is just not a yes
        return False


def _ip_address(text: str) -> str:
    """An IP address, 127.0.0.1 for `localhost`: granian takes no host names (`invalid IP address syntax`)."""
    try:
        return str(ip_address("127.0.0.1" if text == "localhost" else text))
    except ValueError:
        raise ValueError("must be an IP address such as 127.0.0.1, 0.0.0.0 or ::1") from None


class ServerSettings(Concern):
    """The process that serves."""

    environment: Literal["development", "test", "production"] = Field(
        description="must be named: development, test or production; it may be left out only where LITEHOUSE_HOST "
        "is a loopback address and the database is the embedded one"
    )
    host: Annotated[str, AfterValidator(_ip_address)] = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535)
    workers: int = Field(1, ge=1, le=64)
    backpressure: int = Field(4096, ge=1, le=1_000_000)  # open connections a worker holds, idle ones included
    worker_jobs: int = Field(10, ge=5, le=100)  # that a worker process does at once; the last four are for the urgent
    worker_metrics_port: Annotated[int, Field(ge=1, le=65535)] | None = (
        None  # of `host`; none: a worker listens nowhere
    )
    drain_notice: float = Field(2.0, ge=0, le=300)  # from the first /ready 503 to the end, for load balancers to see it
    drain_timeout: int = Field(30, ge=1, le=1800)  # seconds; granian takes whole ones, 1800 at most


def _folder(path: Path) -> Path:
    if str(path).startswith("~"):
        raise ValueError("must be written out: nothing expands ~ here")
    return ROOT / path


class DatabaseSettings(Concern):
    """PostgreSQL, embedded where there is no `url`, the pools of slots to it, and its ceilings; times in seconds."""

    url: DatabaseUrl | None = Field(None, validation_alias="LITEHOUSE_DATABASE_URL")
    embedded: bool = Field(False, validation_alias="LITEHOUSE_EMBEDDED_POSTGRES")  # in production too
    data_folder: Annotated[Path, AfterValidator(_folder)] = ROOT / ".data"
    write_pool_size: int = Field(6, ge=1, le=200)
    read_pool_size: int = Field(10, ge=1, le=200)
    pool_timeout: float = Field(2.0, ge=0.05, le=60)  # the longest wait for a slot, then 503
    connection_max_age: int = Field(1800, ge=10, le=86_400)
    idle_check: int = Field(30, ge=1, le=3600)  # a slot idle for longer is asked whether it lives before it is used
    statement_timeout: float = Field(10.0, ge=0.1, le=3600)
    lock_timeout: float = Field(3.0, ge=0.1, le=3600)
    event_days: int = Field(30, ge=1, le=3650)  # that the event log keeps at least
    job_days: int = Field(30, ge=1, le=3650)  # that jobs are kept which are done
    webhook_days: int = Field(30, ge=1, le=3650)  # that it is known what became of webhooks' messages
    audit_days: int = Field(0, ge=0, le=36_500)  # that the trail of changes is kept at least; 0: for ever


SecretKeys = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(as_list), AfterValidator(as_keys)]


class SecuritySettings(Concern):
    """Signing in."""

    token_lifetime_days: int = Field(90, ge=1, le=3650)
    token_idle_days: int = Field(30, ge=1, le=3650)  # without use, then a token ends before its time
    token_max_days: int = Field(365, ge=1, le=3650)  # that a token may be asked for
    session_lifetime_days: int = Field(14, ge=1, le=365)
    session_idle_hours: int = Field(72, ge=1, le=8760)  # without use, then a session ends before its time
    proof_minutes: int = Field(15, ge=1, le=1440)  # that it counts to have proved who one is
    secret_keys: SecretKeys = ()  # the first encrypts, all decrypt
    password_workers: int = Field(2, ge=1, le=32)  # threads that hash at once
    password_queue: int = Field(20, ge=0, le=1000)  # waiting for one of them; more: 503
    strict_passwords: bool = False  # at those doors too, where by their contract the length alone counts
    direct_sign_up: bool = False  # without a link to one's address; it tells whether an address is somebody's
    strict_addresses: bool = False  # at those doors too, where by their contract an address changes at once
    # Of sign-ins to one account by one address, to one account by all, and by one address to all.
    sign_in_limit: Times = Rate(10, 60)
    sign_in_account_limit: Times = Rate(100, 3600)
    sign_in_address_limit: Times = Rate(100, 60)
    sign_up_limit: Times = Rate(10, 3600)  # with one email address
    sign_up_address_limit: Times = Rate(100, 3600)


class LoggingSettings(Concern):
    """What is told."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    slow_query_ms: int = Field(500, ge=1, le=600_000)  # a statement slower than this is logged
    loop_block_ms: int = Field(100, ge=10, le=60_000)  # a loop blocked for longer is logged with its stack, and counted


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, checked; printing it shows no secret."""

    server: ServerSettings
    database: DatabaseSettings
    security: SecuritySettings
    http: HttpSettings
    cache: CacheSettings
    mail: MailSettings
    logging: LoggingSettings
    places: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)  # where each was found, by name

    @property
    def development(self) -> bool:
        """Whether development's ease holds."""
        return self.server.environment == "development"

    @property
    def production(self) -> bool:
        """Whether real users are served."""
        return self.server.environment == "production"

    @property
    def shows_mail(self) -> bool:
        """Whether one reads at /mail what was sent: mail is kept, and nobody else can reach the server."""
        return self.development and self.mail.backend == "file" and _is_loopback(self.server.host)

    @property
    def worker_write_slots(self) -> int:
        """Connections for writing of a worker process: each job may want one, and so do those who look after them."""
        return max(self.database.write_pool_size, self.server.worker_jobs + 4)

"""The settings themselves: defaults, what each environment allows, what every value must be, and `.env.example`."""

import inspect
import pickle
import re
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from config.settings import (
    ROOT,
    DatabaseSettings,
    DatabaseUrl,
    HttpSettings,
    LoggingSettings,
    MailSettings,
    SecuritySettings,
    ServerSettings,
    known_names,
    load,
)

EXAMPLE = ROOT / "config" / ".env.example"
CONCERNS = (ServerSettings, DatabaseSettings, SecuritySettings, HttpSettings, MailSettings, LoggingSettings)
CANARY = "canary-3141"
OWN_DATABASE = {"DATABASE_URL": "postgresql://app:hunter2@db.internal:5432/app"}
TEST, PRODUCTION = {"LITEHOUSE_ENVIRONMENT": "test"}, {"LITEHOUSE_ENVIRONMENT": "production"}


# Environments


def test_nothing_set_is_development_on_loopback_with_the_embedded_database():
    settings = load(None, {})

    assert settings.development
    assert not settings.production
    assert (settings.server.host, settings.server.port, settings.server.workers) == ("127.0.0.1", 8000, 1)
    assert settings.database.url is None
    assert settings.http.cors_origins == ("*",)
    assert settings.http.docs_enabled
    assert settings.http.metrics_token is None


@pytest.mark.parametrize("environment", [TEST, PRODUCTION], ids=["test", "production"])
def test_development_s_ease_ends_with_development(environment):
    settings = load(None, environment | OWN_DATABASE)

    assert not settings.development
    assert settings.http.cors_origins == ()
    assert not settings.http.docs_enabled


def test_production_can_open_what_is_closed_there():
    opened = {"LITEHOUSE_DOCS": "true", "LITEHOUSE_CORS_ORIGINS": "*", "LITEHOUSE_METRICS_TOKEN": CANARY}
    settings = load(None, PRODUCTION | OWN_DATABASE | opened)

    assert settings.production
    assert settings.http == HttpSettings(docs_enabled=True, cors_origins=("*",), metrics_token=SecretStr(CANARY))


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({"LITEHOUSE_HOST": "0.0.0.0"}, id="other machines reach it"),
        pytest.param({"LITEHOUSE_HOST": "::"}, id="other machines reach it by IPv6"),
        pytest.param(OWN_DATABASE, id="a database of one's own"),
    ],
)
def test_environment_must_be_named_where_ease_would_be_dangerous(faults_of, environ):
    [fault] = faults_of(environ)

    assert fault.startswith("LITEHOUSE_ENVIRONMENT: must be named: development, test or production")
    assert load(None, environ | {"LITEHOUSE_ENVIRONMENT": "development"}).development


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.53", "::1", "localhost"])
def test_loopback_needs_no_environment(host):
    settings = load(None, {"LITEHOUSE_HOST": host})

    assert settings.development
    assert settings.server.host == host.replace("localhost", "127.0.0.1")


def test_production_refuses_the_embedded_database_unless_it_is_asked_for(faults_of):
    [fault] = faults_of(PRODUCTION)

    assert fault == (
        "LITEHOUSE_DATABASE_URL: must name a database in production; or set LITEHOUSE_EMBEDDED_POSTGRES=true "
        "to run the embedded PostgreSQL there on purpose (not set)"
    )
    assert len(faults_of(PRODUCTION | {"LITEHOUSE_READ_POOL_SIZE": "0", "LITEHOUSE_PORT": "0"})) == 3
    assert load(None, PRODUCTION | {"LITEHOUSE_EMBEDDED_POSTGRES": "yes"}).database.url is None
    assert load(None, PRODUCTION | OWN_DATABASE).database.url


def test_embedded_and_a_database_of_one_s_own_contradict_each_other(faults_of):
    [fault] = faults_of(TEST | OWN_DATABASE | {"LITEHOUSE_EMBEDDED_POSTGRES": "1"})

    assert fault.startswith("LITEHOUSE_EMBEDDED_POSTGRES=1: contradicts the database URL")


# Values


def test_settings_are_frozen(monkeypatch):
    settings = load(None, {})

    with pytest.raises(AttributeError):
        monkeypatch.setattr(settings, "server", None)
    with pytest.raises(ValidationError, match="frozen"):
        monkeypatch.setattr(settings.server, "port", 1)
    assert hash(settings) == hash(load(None, {}))


def test_env_file_is_looked_for_in_the_project_s_root():
    assert inspect.signature(load).parameters["env_file"].default == ROOT / ".env"
    assert (ROOT / "pyproject.toml").is_file()


@pytest.mark.parametrize(
    "fault",
    [
        "LITEHOUSE_PORT=0: must be a whole number from 1 to 65535",
        "LITEHOUSE_PORT=eighty: must be a whole number from 1 to 65535",
        "LITEHOUSE_PORT=8000.5: must be a whole number from 1 to 65535",
        "LITEHOUSE_WORKERS=999999999999999999999: must be a whole number from 1 to 64",
        "LITEHOUSE_WRITE_POOL_SIZE=0: must be a whole number from 1 to 200",
        "LITEHOUSE_READ_POOL_SIZE=201: must be a whole number from 1 to 200",
        "LITEHOUSE_POOL_TIMEOUT=nan: must be a number from 0.05 to 60",
        "LITEHOUSE_STATEMENT_TIMEOUT=inf: must be a number from 0.1 to 3600",
        "LITEHOUSE_ENVIRONMENT=prod: must be one of development, test, production",
        "LITEHOUSE_DOCS=perhaps: must be true or false",
        "LITEHOUSE_EMBEDDED_POSTGRES=perhaps: must be true or false",
        "LITEHOUSE_HOST=db.example: must be an IP address such as 127.0.0.1, 0.0.0.0 or ::1",
        "LITEHOUSE_DATA_FOLDER=~/data: must be written out: nothing expands ~ here",
    ],
    ids=lambda fault: fault.split(":")[0],
)
def test_a_fault_says_what_would_be_right(faults_of, fault):
    name, value = fault.split(": ")[0].split("=")

    assert faults_of(TEST | {name: value}) == [f"{fault} (from the environment)"]


@pytest.mark.parametrize(
    ("given", "folder"),
    [("var", ROOT / "var"), ("/srv/data", Path("/srv/data"))],
    ids=["in the project", "elsewhere"],
)
def test_data_folder_is_relative_to_the_project(given, folder):
    assert load(None, {"LITEHOUSE_DATA_FOLDER": given}).database.data_folder == folder


def test_cors_origins_are_comma_separated():
    origins = load(None, {"LITEHOUSE_CORS_ORIGINS": " https://a.example , http://[::1]:4200,"}).http.cors_origins

    assert origins == ("https://a.example", "http://[::1]:4200")


@pytest.mark.parametrize("bad", ["a.example", "https://a.example/", "https://a/x", "https://A.example", "*", "null"])
def test_an_origin_that_no_browser_sends_is_refused(faults_of, bad):
    [fault] = faults_of({"LITEHOUSE_CORS_ORIGINS": f"https://ok.example,{bad}"})

    assert fault.startswith(f"LITEHOUSE_CORS_ORIGINS=https://ok.example,{bad}: each must be scheme://host")


# The database's address


@pytest.mark.parametrize(
    ("given", "understood"),
    [
        pytest.param("postgresql://app:pw@db:5432/app", "postgresql://app:pw@db:5432/app", id="plain"),
        pytest.param("postgres://app@db/app", "postgresql://app@db/app", id="short scheme"),
        pytest.param("postgresql+asyncpg://db/app?sslmode=require", "postgresql://db/app?sslmode=require", id="driver"),
        pytest.param("postgresql:///app?host=/run/pg", "postgresql:///app?host=/run/pg", id="socket"),
        pytest.param("postgresql://me@/app?host=%2Fpg", "postgresql://me@/app?host=%2Fpg", id="socket with user"),
        pytest.param("postgresql://one:1,two:2/app", "postgresql://one:1,two:2/app", id="two hosts"),
        pytest.param("postgresql://app:%40%2F@[::1]/app", "postgresql://app:%40%2F@[::1]/app", id="encoded password"),
    ],
)
def test_every_customary_spelling_of_a_database_url(given, understood):
    url = load(None, TEST | {"LITEHOUSE_DATABASE_URL": given}).database.url

    assert url is not None
    assert url.get_secret_value() == understood


@pytest.mark.parametrize(
    "url",
    [
        pytest.param(f"mysql://app:{CANARY}@db/app", id="scheme"),
        pytest.param(f"postgresql://app:{CANARY}@db", id="no database"),
        pytest.param(f"postgresql://app:{CANARY}@db/", id="empty database"),
        pytest.param(f"postgresql://app:{CANARY}@db:99999/app", id="port"),
        pytest.param(f"postgresql://app:{CANARY}@db:/app", id="empty port"),
        pytest.param(f"postgresql://app:{CANARY}@db:0/app", id="port 0"),
        pytest.param(f"postgresql://app:{CANARY}@one:1,two:x/app", id="second port"),
        pytest.param(f"postgresql://app:x@{CANARY}@db/app", id="@ in password"),
        pytest.param(f"postgresql://app:{CANARY} x@db/app", id="space in password"),
        pytest.param(f"postgresql://app:{CANARY}#x@db/app", id="# in password"),
        pytest.param(f"postgresql://app:1/{CANARY}@db/app", id="/ in password"),
        pytest.param(f"postgresql://app:1/{CANARY}@db", id="/ in password, no database"),
        pytest.param(f"postgresql://app:1/x?{CANARY}@db/app", id="/ and ? in password"),
        pytest.param(f"postgresql://db/app#{CANARY}", id="fragment"),
        pytest.param(f"postgresql://db/app?a=b#{CANARY}", id="fragment after options"),
        pytest.param(f"postgresql://db/app/{CANARY}", id="two names"),
        pytest.param(f"postgresql:{CANARY}", id="no slashes"),
        pytest.param(f"postgresql:/{CANARY}", id="one slash"),
        pytest.param(CANARY, id="no url"),
    ],
)
def test_a_malformed_database_url_is_refused_and_not_shown(faults_of, url):
    assert faults_of(TEST | {"DATABASE_URL": url}) == [
        "DATABASE_URL: must be postgresql://user:password@host:port/database, with special characters "  # noqa: ISC004
        "percent-encoded: @ as %40 (from the environment)"
    ]
    with pytest.raises(ValidationError) as refused:
        DatabaseSettings.model_validate({"url": url})
    assert CANARY not in repr(refused.value)


def test_both_names_of_the_database_url_must_agree(env_file, faults_of):
    url = OWN_DATABASE["DATABASE_URL"]
    environ = TEST | {"LITEHOUSE_DATABASE_URL": url}

    env_file.write_text(f"DATABASE_URL={url}\n")
    assert load(env_file, environ).database.url == DatabaseUrl(url)

    env_file.write_text(f"DATABASE_URL=postgresql://app:{CANARY}@db/app\n")
    told = f"LITEHOUSE_DATABASE_URL: differs from DATABASE_URL of {env_file}; give only one of the two"
    assert faults_of(environ, env_file) == [f"{told} (from the environment)"]


def test_secrets_are_in_no_printed_form():
    address = f"postgresql://app:{CANARY}@one,two/app?sslpassword={CANARY}&sslmode=require"
    settings = load(None, PRODUCTION | {"DATABASE_URL": address, "LITEHOUSE_METRICS_TOKEN": CANARY})

    printed = f"{settings} {settings!r} {settings.database.url} {settings.database.model_dump_json()}"
    assert CANARY not in printed
    assert printed.count("postgresql://app:***@one,two/app?sslpassword=***&sslmode=require") == 4


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://app@db:5/app",
        "postgresql://me@/app?host=/run/pg",
        "postgresql:///app",
        "postgresql://[::1]:5,two/app",
    ],
)
def test_a_url_without_password_is_masked_as_it_is(url):
    assert DatabaseUrl(url).masked == url


def test_settings_reach_another_process_whole():
    settings = load(None, TEST | OWN_DATABASE | {"LITEHOUSE_METRICS_TOKEN": CANARY})

    assert pickle.loads(pickle.dumps(settings)) == settings


# .env.example


def documented() -> dict[str, tuple[str, str]]:
    """Each setting of the example: the comment above it and its value."""
    found = re.findall(r"((?:^# .+\n)+)^#(\w+)=(.*)$", EXAMPLE.read_text(), re.MULTILINE)
    return {name: (comment, value) for comment, name, value in found}


def test_the_example_has_every_setting_and_nothing_else():
    names = re.findall(r"^#?(\w+)=", EXAMPLE.read_text(), re.MULTILINE)

    assert sorted(names) == sorted(set(known_names()) - {"DATABASE_URL"})
    assert sorted(documented()) == sorted(names)
    assert " DATABASE_URL, its\n# customary name" in documented()["LITEHOUSE_DATABASE_URL"][0]


def test_the_example_changes_nothing_copied_or_uncommented(env_file):
    env_file.write_text(re.sub(r"^#(\w+=)", r"\1", EXAMPLE.read_text(), flags=re.MULTILINE))

    assert load(EXAMPLE, {}) == load(env_file, {}) == load(None, {})


def test_the_example_leaves_only_what_has_no_default_empty():
    empty = {name for name, (_, value) in documented().items() if not value}

    assert empty == {
        "LITEHOUSE_CACHE_URL",
        "LITEHOUSE_DATABASE_URL",
        "LITEHOUSE_LINK_TEMPLATE",
        "LITEHOUSE_METRICS_TOKEN",
        "LITEHOUSE_SECRETS_DIR",
        "LITEHOUSE_SECRET_KEYS",
        "LITEHOUSE_SMTP_HOST",
        "LITEHOUSE_SMTP_PASSWORD",
        "LITEHOUSE_SMTP_USER",
        "LITEHOUSE_TRUSTED_PROXIES",
        "LITEHOUSE_WORKER_METRICS_PORT",
    }


@pytest.mark.parametrize("concern", CONCERNS, ids=lambda concern: concern.__name__)
def test_the_example_tells_the_bounds(concern):
    for field, name in concern.names().items():
        rules = concern.model_fields[field].metadata
        bounds = [str(getattr(rule, end)) for end in ("ge", "le") for rule in rules if hasattr(rule, end)]
        assert " to ".join(bounds) in documented()[name][0]


@pytest.mark.parametrize("origins", ["*", "", None], ids=["all", "none", "unset"])
def test_no_page_of_any_origin_at_all_acts_with_a_cookie(faults_of, origins):
    environ = TEST | OWN_DATABASE | {"LITEHOUSE_CORS_CREDENTIALS": "true"}
    [fault] = faults_of(environ | ({} if origins is None else {"LITEHOUSE_CORS_ORIGINS": origins}))
    assert fault.startswith("LITEHOUSE_CORS_CREDENTIALS=true: must be false while LITEHOUSE_CORS_ORIGINS is * or none")
    named = environ | {"LITEHOUSE_CORS_ORIGINS": "https://a.example"}
    assert load(None, named).http.cors_credentials


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "http://localhost:8000"),
        ({"LITEHOUSE_PORT": "8123"}, "http://localhost:8123"),
        (PRODUCTION | OWN_DATABASE, None),
        (TEST | {"LITEHOUSE_HOST": "0.0.0.0"}, None),
        ({"LITEHOUSE_BASE_URL": "https://example.org:8443"}, "https://example.org:8443"),
        ({"LITEHOUSE_BASE_URL": "http://127.0.0.1:9000"}, "http://127.0.0.1:9000"),
    ],
    ids=["development", "its port", "production", "other machines reach it", "https", "loopback"],
)
def test_browsers_know_an_installation_by_its_address(environ, expected):
    http = load(None, environ).http
    assert http.base_url == expected
    assert http.secure == (expected is None or expected.startswith("https"))


@pytest.mark.parametrize("bad", ["http://example.org", "https://example.org/", "example.org", "https://Example.org"])
def test_an_address_that_cookies_are_not_safe_at_is_refused(faults_of, bad):
    [fault] = faults_of({"LITEHOUSE_BASE_URL": bad})
    assert fault.startswith(f"LITEHOUSE_BASE_URL={bad}: must be https://host or https://host:port")

"""The database's address in every customary spelling, refused where it is malformed, and shown without its secrets."""

import pytest
from pydantic import ValidationError

from config.settings import DatabaseSettings, DatabaseUrl, load
from tests.config.environments import CANARY, OWN_DATABASE, PRODUCTION, TEST


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

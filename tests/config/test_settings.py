"""The settings themselves: defaults, what each environment allows, and what every value must be."""

import inspect
import pickle
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from config.settings import ROOT, HttpSettings, load
from tests.config.environments import CANARY, OWN_DATABASE, PRODUCTION, TEST


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


def test_settings_reach_another_process_whole():
    settings = load(None, TEST | OWN_DATABASE | {"LITEHOUSE_METRICS_TOKEN": CANARY})

    assert pickle.loads(pickle.dumps(settings)) == settings

"""Reading settings: which place wins, every fault told at once, and no secret in any message."""

import pytest
from pydantic import SecretStr

from config.settings import DatabaseSettings, DatabaseUrl, listening, load
from tests.config.environments import CANARY

# Places


def test_environment_wins_over_env_file_and_that_over_secrets(env_file, secrets_folder):
    env_file.write_text("LITEHOUSE_PORT=8002\nLITEHOUSE_WORKERS=2\n")
    for name in ("LITEHOUSE_PORT", "LITEHOUSE_WORKERS", "LITEHOUSE_READ_POOL_SIZE"):
        (secrets_folder / name).write_text("3\n")

    settings = load(env_file, {"LITEHOUSE_PORT": "8001", "LITEHOUSE_SECRETS_DIR": str(secrets_folder)})

    assert (settings.server.port, settings.server.workers, settings.database.read_pool_size) == (8001, 2, 3)


@pytest.mark.parametrize("name", ["LITEHOUSE_METRICS_TOKEN", "litehouse_metrics_token"])
def test_a_secret_s_file_is_named_in_upper_or_lower_case(secrets_folder, env_file, name):
    (secrets_folder / name).write_text(f"\ufeff{CANARY}\n")  # as Windows editors begin a file
    (secrets_folder / "another_program_s_secret").write_bytes(b"\xff")
    env_file.write_text(f"LITEHOUSE_SECRETS_DIR={secrets_folder}\n")

    assert load(env_file, {}).http.metrics_token == SecretStr(CANARY)


def test_where_the_server_listens_is_told_whatever_else_is_wrong(env_file, secrets_folder):
    (secrets_folder / "litehouse_port").write_text("8003\n")
    env_file.write_text(f"LITEHOUSE_HOST=localhost\nLITEHOUSE_WORKERS=none\nLITEHOUSE_SECRETS_DIR={secrets_folder}\n")

    assert listening(env_file, {}) == ("127.0.0.1", 8003)
    assert listening(env_file, {"LITEHOUSE_PORT": "8001", "LITEHOUSE_HOST": "::"}) == ("::", 8001)
    assert listening(None, {}) == ("127.0.0.1", 8000)


def test_empty_is_unset_and_the_next_place_answers(env_file):
    env_file.write_text("LITEHOUSE_PORT=8002\nLITEHOUSE_WORKERS=\n")

    settings = load(env_file, {"LITEHOUSE_PORT": "", "DATABASE_URL": " "})

    assert (settings.server.port, settings.server.workers, settings.database.url) == (8002, 1, None)


def test_env_file_may_refer_to_other_names(env_file):
    env_file.write_text("LITEHOUSE_ENVIRONMENT=test\nSECRET=x\nDATABASE_URL=postgresql://app:${SECRET}@db/app\n")

    assert load(env_file, {}).database.url == DatabaseUrl("postgresql://app:x@db/app")


def test_missing_env_file_is_an_empty_one(env_file):
    assert load(env_file, {}) == load(None, {})


def test_the_process_s_environment_is_read_unless_another_is_given(monkeypatch):
    monkeypatch.setattr("os.environ", {"LITEHOUSE_PORT": "8111"})

    assert load(None).server.port == 8111
    assert load(None, {}).server.port == 8000


def test_built_by_hand_a_concern_ignores_the_process_s_environment(monkeypatch):
    monkeypatch.setenv("LITEHOUSE_DATABASE_URL", "postgresql://app@db/app")
    monkeypatch.setenv("LITEHOUSE_READ_POOL_SIZE", "77")

    assert DatabaseSettings() == DatabaseSettings(url=None, read_pool_size=10)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        pytest.param(b"LITEHOUSE_PORT: 8002\n", "{path}, line 1: cannot be understood", id="not NAME=value"),
        pytest.param(b"A=1\n\n  B='canary-3141\n", "{path}, line 3: cannot be understood", id="open quote"),
        pytest.param(b"A=\xff\n", "{path}: cannot be read: it is not UTF-8 text", id="not text"),
        pytest.param(None, "{path}: cannot be read: Is a directory", id="a folder"),
    ],
)
def test_env_file_that_cannot_be_read_is_a_fault(env_file, faults_of, content, fault):
    if content:
        env_file.write_bytes(content)
    else:
        env_file.mkdir()

    [told] = faults_of({}, env_file)

    assert told.startswith(fault.format(path=env_file))
    assert CANARY not in told


def test_lines_after_a_broken_one_are_still_read(env_file, faults_of, caplog):
    env_file.write_text("what is this\nLITEHOUSE_PORT=0\n")

    assert len(faults_of({}, env_file)) == 2
    assert not caplog.records  # the dotenv library would tell the broken line again


def test_secret_s_file_that_cannot_be_read_is_a_fault(secrets_folder, faults_of):
    dangling = secrets_folder / "litehouse_metrics_token"
    dangling.symlink_to("nowhere")

    [fault] = faults_of({"LITEHOUSE_SECRETS_DIR": str(secrets_folder)})

    assert fault == f"{dangling}: cannot be read: No such file or directory"


@pytest.mark.parametrize("kind", ["missing", "a file"])
def test_secrets_folder_that_cannot_be_read_is_a_fault(env_file, faults_of, kind):
    if kind == "a file":
        env_file.write_text("")

    [fault] = faults_of({"LITEHOUSE_SECRETS_DIR": str(env_file)})

    assert fault.startswith(f"LITEHOUSE_SECRETS_DIR={env_file}: must be a folder that can be read: ")


# Faults


def test_every_fault_is_told_at_once_with_its_name_and_place(env_file, secrets_folder, faults_of):
    env_file.write_text("LITEHOUSE_LOG_LEVEL=loud\nLITEHOUSE_DOC=1\n")
    token, misspelt = secrets_folder / "litehouse_metrics_token", secrets_folder / "litehouse_metrics_tocken"
    token.write_text(f"{CANARY} two")
    misspelt.write_text(CANARY)
    environ = {"LITEHOUSE_PORT": "70000", "LITEHOUSE_HOST": "0.0.0.0", "LITEHOUSE_DEBUGG": CANARY}

    faults = faults_of(environ | {"LITEHOUSE_SECRETS_DIR": str(secrets_folder)}, env_file)

    assert [shortened(fault) for fault in faults] == [
        "LITEHOUSE_DEBUGG: no such setting (from the environment)",
        f"LITEHOUSE_DOC: no such setting (from {env_file})",
        f"LITEHOUSE_METRICS_TOCKEN: no such setting (from {misspelt})",
        "LITEHOUSE_ENVIRONMENT: must be named (not set)",
        "LITEHOUSE_PORT=70000: must be a whole number from 1 to 65535 (from the environment)",
        f"LITEHOUSE_METRICS_TOKEN: must be printable ASCII without spaces (from {token})",
        f"LITEHOUSE_LOG_LEVEL=loud: must be one of debug, info, warning, error (from {env_file})",
    ]


def shortened(fault: str) -> str:
    """A fault without the explanation that follows the first clause."""
    name, problem = fault.split(": ", 1)
    clause, place = problem.rsplit(" (", 1)
    return f"{name}: {clause.split(': ')[0].split(';')[0]} ({place}"


@pytest.mark.parametrize("name", ["litehouse_port", "LITEHOUSE_PROT", "LITEHOUSE_PORT "])
@pytest.mark.parametrize("value", ["8000", ""], ids=["with a value", "empty"])
def test_a_name_nearly_right_is_refused_with_the_right_one(faults_of, name, value):
    [fault] = faults_of({name: value})

    assert fault == f"{name}: no such setting; the nearest is LITEHOUSE_PORT (from the environment)"


def test_names_of_other_programs_are_left_alone(env_file):
    env_file.write_text("COMPOSE_PROJECT_NAME=x\nPORT=1\nLITEHOUS=1\n")

    assert load(env_file, {"PATH": "/bin", "PORT": "9"}) == load(None, {})


def test_a_value_that_another_place_overrides_is_no_fault(env_file):
    env_file.write_text("LITEHOUSE_PORT=70000\n")

    assert load(env_file, {"LITEHOUSE_PORT": "8001"}).server.port == 8001


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({"LITEHOUSE_METRICS_TOKEN": f"{CANARY} two"}, id="secret setting"),
        pytest.param({"LITEHOUSE_METRIC_TOKEN": CANARY}, id="misspelt secret setting"),
        pytest.param({"LITEHOUSE_HOST": f"postgresql://app:{CANARY}@db/app"}, id="database URL in the wrong setting"),
        pytest.param({"DATABASE_URL": f"postgresql://:{CANARY}@@/"}, id="malformed database URL"),
    ],
)
def test_a_fault_shows_no_secret(faults_of, environ):
    assert CANARY not in "\n".join(faults_of(environ))


def test_a_fault_s_value_stays_on_one_short_line(faults_of):
    [fault] = faults_of({"LITEHOUSE_PORT": "8000\n\x1b[31m" + "x" * 500})

    assert fault.isprintable()
    assert len(fault) < 200

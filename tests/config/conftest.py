"""What the settings' tests share: the places to read from, and the faults that reading ends with."""

import pytest

from config.settings import SettingsError, load


@pytest.fixture
def env_file(tmp_path):
    """Where a `.env` may be written."""
    return tmp_path / ".env"


@pytest.fixture
def secrets_folder(tmp_path):
    """An empty folder for secrets."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    return folder


@pytest.fixture
def faults_of():
    """Load settings that cannot be used: the lines of the message after the first."""

    def load_and_tell(environ, env_file=None):
        with pytest.raises(SettingsError) as refused:
            load(env_file, environ)
        return [line.strip() for line in str(refused.value).splitlines()[1:]]

    return load_and_tell

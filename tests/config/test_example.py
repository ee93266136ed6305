"""config/.env.example has every setting, with its bounds, and changes nothing."""

import re

import pytest

from config.settings import (
    ROOT,
    DatabaseSettings,
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

"""Settings of computed values: an address that the client understands, told without its password."""

import pytest

from config.settings import load


@pytest.mark.parametrize(
    "url",
    [
        "http://canary.example",
        "valkey://",
        "valkey://:canary@/0",
        "valkey://:canary@cache:port",
        "valkey://:canary@cache:0",
        "redis://:canary@cache:6379/one",
        "redis://:canary@cache?db=1",
    ],
    ids=["another scheme", "nothing", "no host", "no port", "port 0", "no number", "options"],
)
def test_what_is_no_address_of_a_cache_is_refused_and_not_shown(faults_of, url):
    [fault] = faults_of({"LITEHOUSE_CACHE_URL": url})
    assert fault.startswith("LITEHOUSE_CACHE_URL")
    assert "must be valkey://user:password@host:port/number" in fault
    assert "canary" not in fault


@pytest.mark.parametrize(
    "url", ["valkey://cache", "redis://:p%40ss@cache:6379/3", "valkeys://me:secret@cache.example:6380"]
)
def test_an_address_is_taken_whole(url):
    cache = load(None, {"LITEHOUSE_CACHE_URL": url}).cache
    assert cache.url is not None
    assert cache.url.get_secret_value() == url
    assert "secret" not in repr(cache)

"""Settings that are more than a number: how often, and whose word is taken."""

from ipaddress import ip_network

import pytest

from config.rates import Rate
from config.settings import SecuritySettings, load

OWN = {"DATABASE_URL": "postgresql://app:hunter2@db.internal:5432/app", "LITEHOUSE_ENVIRONMENT": "production"}
LIMITS = [name for name in SecuritySettings.model_fields if name.endswith("_limit")]


@pytest.mark.parametrize(
    "text", ["10", "10/", "/60", "0/60", "10/0", "-1/60", "1.5/60", "10/86401", "1000001/60", "\u0661/60"]
)
def test_a_rate_is_times_and_seconds(faults_of, text):
    [fault] = faults_of(OWN | {"LITEHOUSE_SIGN_IN_LIMIT": text})
    assert "LITEHOUSE_SIGN_IN_LIMIT=" in fault
    assert "must be times/seconds such as 10/60, 1 to 1000000 times in 1 to 86400 seconds" in fault


def test_a_rate_is_read_as_it_is_written():
    assert load(None, OWN | {"LITEHOUSE_SIGN_IN_LIMIT": "5/3600"}).security.sign_in_limit == Rate(5, 3600)


def test_limits_are_strict_in_production_alone():
    assert len(LIMITS) == 5
    for name in LIMITS:
        assert getattr(load(None, OWN).security, name).times <= 100
        assert getattr(load(None, OWN | {"LITEHOUSE_ENVIRONMENT": "test"}).security, name).times == 1_000_000
        assert getattr(load(None, {}).security, name).times == 1_000_000


@pytest.mark.parametrize("text", ["10.0.0.0/8, proxy", "10.0.0.1/8", "10.0.0.0/33", "*", "10.0.0.0-10.0.0.9"])
def test_proxies_are_networks(faults_of, text):
    [fault] = faults_of(OWN | {"LITEHOUSE_TRUSTED_PROXIES": text})
    assert "each must be an IP address or a network such as 10.0.0.0/8 or fd00::/8" in fault


def test_proxies_are_read_as_they_are_written():
    told = load(None, OWN | {"LITEHOUSE_TRUSTED_PROXIES": "10.0.0.0/8, ::1,"}).http.trusted_proxies
    assert told == (ip_network("10.0.0.0/8"), ip_network("::1/128"))
    assert load(None, OWN).http.trusted_proxies == ()

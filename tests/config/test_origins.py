"""At which address browsers know an installation, and which other pages may act there."""

import pytest

from config.settings import load
from tests.config.environments import OWN_DATABASE, PRODUCTION, TEST


def test_cors_origins_are_comma_separated():
    origins = load(None, {"LITEHOUSE_CORS_ORIGINS": " https://a.example , http://[::1]:4200,"}).http.cors_origins

    assert origins == ("https://a.example", "http://[::1]:4200")


@pytest.mark.parametrize("bad", ["a.example", "https://a.example/", "https://a/x", "https://A.example", "*", "null"])
def test_an_origin_that_no_browser_sends_is_refused(faults_of, bad):
    [fault] = faults_of({"LITEHOUSE_CORS_ORIGINS": f"https://ok.example,{bad}"})

    assert fault.startswith(f"LITEHOUSE_CORS_ORIGINS=https://ok.example,{bad}: each must be scheme://host")


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

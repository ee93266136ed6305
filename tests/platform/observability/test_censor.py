"""What must not be shown is not shown, and what may be shown is."""

from dataclasses import dataclass
from secrets import token_urlsafe
from uuid import UUID

import msgspec
import pytest
from pydantic import SecretStr

from app.platform.observability.censor import LONGEST, censored, censored_pair, is_secret, quoted, scrubbed

CANARY = "canary-3141"


class SignIn(msgspec.Struct, rename="camel"):
    email: str
    password: str
    access_token: str


@dataclass
class Key:
    name: str
    api_key: str


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "new_password",
        "token",
        "X-Access-Token",
        "authorization",
        "Cookie",
        "client_secret",
        "body",
        "apikey",
    ],
)
def test_what_has_the_name_of_a_secret_is_hidden(name):
    assert is_secret(name)
    assert censored_pair(name, CANARY) == "***"
    assert censored({"deep": [{name: CANARY}]}) == {"deep": [{name: "***"}]}


@pytest.mark.parametrize("name", ["slug", "author", "nobody", "body_bytes", "keyset", "passed", "accept"])
def test_what_has_a_harmless_name_is_shown(name):
    assert censored_pair(name, "shown") == "shown"


def test_absent_secret_is_shown_as_absent():
    assert censored_pair("token", None) is None


@pytest.mark.parametrize(
    "value",
    [
        SignIn("a@example.com", CANARY, CANARY),
        Key("k", CANARY),
        [(b"host", b"x"), (b"cookie", CANARY.encode())],
        {"outer": ({"secret": [CANARY]},)},
        SecretStr(CANARY),
        ValueError(f"bad password={CANARY}"),
        f"password={CANARY}".encode(),
        {"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": {"i": {"j": CANARY}}}}}}}}}},
    ],
    ids=["struct", "dataclass", "headers", "nested", "secret string", "exception", "bytes", "too deep"],
)
def test_values_lose_their_secrets(value):
    assert CANARY not in repr(censored(value))


def test_shape_of_a_value_is_kept():
    value = {"id": UUID(int=7), "n": 1, "ok": True, "none": None, "at": (1.5, "x"), "signed": SignIn("a@b.c", "p", "t")}

    assert censored(value) == {
        "id": UUID(int=7),
        "n": 1,
        "ok": True,
        "none": None,
        "at": [1.5, "x"],
        "signed": {"email": "a@b.c", "password": "***", "accessToken": "***"},
    }


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://app:{CANARY}@db:5432/app",
        f"two: redis://:{CANARY}@a/0, amqp://u:x{CANARY}@{CANARY}@b",
        f"GET /reset?token={CANARY}&x=1",
        f"Authorization: Bearer {CANARY}",
        f"Cookie: a=b; session={CANARY}",
        f"SignIn(email='a@b.c', password='{CANARY} with space')",
        f'{{"email": "a@b.c", "password": "{CANARY}"}}',
        f"{{'set-cookie': 'a; {CANARY}'}}",
        f"[(b'authorization', b'{CANARY}')]",
        f"client_secret = {CANARY}",
        f"api-key:{CANARY}",
    ],
)
def test_texts_lose_their_secrets(text):
    shown = scrubbed(text)

    assert CANARY not in shown
    assert "***" in shown


@pytest.mark.parametrize(
    "text",
    ["{}", "signed in with {}.", "/reset/{}/now", "('{}', 1)", "x{}", "{}" + " and more" * 2_000],
    ids=["alone", "sentence", "path", "quoted", "glued", "long"],
)
@pytest.mark.parametrize("prefix", ["lh_", "lhs_"], ids=["token", "session"])
def test_a_token_of_the_house_is_known_by_its_form(text, prefix):
    token = prefix + token_urlsafe(32)

    shown = scrubbed(text.format(token))

    assert token[10:] not in shown
    assert f"{prefix}***" in shown


def test_a_token_at_the_cut_of_a_long_text_is_none_left():
    token = "lh_" + token_urlsafe(32)

    shown = scrubbed("a" * (LONGEST // 2 - 20) + token + "z" * LONGEST)

    assert token[:12] not in shown


@pytest.mark.parametrize(
    "text",
    [
        "article published",
        "lh_worker",
        "http://example.com/a?b=c",
        "mail to a@b.c: sent",
        "3 = 1 + 2",
        "12:30: it's late",
        "no tokens left",
    ],
)
def test_harmless_texts_are_left_alone(text):
    assert scrubbed(text) == text


def test_long_text_loses_its_middle():
    shown = scrubbed("a" * 50_000 + "z")

    assert len(shown) < 17_000
    assert shown.endswith("z")


@pytest.mark.parametrize(
    "text",
    ["token" * 3000, "password='" * 1600, "a" * 16_000 + "=", "://" * 5000, "cookie:   " * 1600, "://" + ":" * 16_000],
    ids=["names", "open quotes", "one word", "addresses", "headers", "colons"],
)
@pytest.mark.timeout(5)
def test_no_text_takes_long(text):
    for _ in range(10):
        scrubbed(text)


def test_what_is_kept_is_scrubbed_storable_and_bounded():
    shown = quoted(f"first\0\ud800 password={CANARY} {'x' * 5000} last", 200)

    assert len(shown) == 200
    assert shown.startswith("first\\0\\ud800 password=*** x")
    assert shown.endswith("x last")
    assert quoted("short", 200) == "short"

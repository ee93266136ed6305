"""What a token looks like, and what is kept of it."""

import pytest

from app.domain.accounts.tokens import digest_of, is_token, new_token


def test_tokens_are_long_and_never_the_same() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(is_token(token) and len(token) == 46 for token in tokens)


def test_a_digest_tells_tokens_apart_and_does_not_hold_them() -> None:
    token = new_token()
    assert digest_of(token) == digest_of(token) != digest_of(new_token())
    assert len(digest_of(token)) == 32
    assert token.encode() not in digest_of(token)


@pytest.mark.parametrize(
    "credential",
    ["", "lh_", "lh_" + "x" * 42, "lh_" + "x" * 44, "xx_" + "x" * 43, "x" * 10_000],
    ids=["empty", "prefix", "too short", "too long", "another prefix", "huge"],
)
def test_what_has_not_the_form_of_a_token_is_none(credential: str) -> None:
    assert not is_token(credential)

"""What is easy to guess, by the list that comes with the house and by a user's own names."""

import pytest

from app.domain.accounts.guessing import common_passwords, guessing_faults


def codes(password: str, *personal: str) -> list[str]:
    return [code for code, _ in guessing_faults(password, frozenset({"letmein"}), personal)]


def test_the_list_is_whole_and_in_lower_case() -> None:
    common = common_passwords()
    assert len(common) > 19_000
    assert {"password", "qwertyuiop", "iloveyou1"} <= common
    assert all(password == password.lower() for password in common)


@pytest.mark.parametrize(
    ("password", "text", "is_similar"),
    [
        pytest.param("Ann.Smith", "annsmith", True, id="capitals and a full stop"),
        pytest.param("joe@example.com", "joe@example.com", True, id="the address"),
        pytest.param("example1", "joe@example.com", True, id="the domain"),
        pytest.param("Müller-1977", "Jürgen Müller 1977", True, id="a display name"),
        pytest.param("staple battery horse", "ann", False, id="three letters of it, by chance"),
        pytest.param("x" * 1024, "x", False, id="a long password and a short name"),
        pytest.param("anything else", "", False, id="no name"),
        pytest.param("anything else", "!!!", False, id="a name without words"),
    ],
)
def test_a_password_like_a_name_is_too_similar(password: str, text: str, is_similar: bool) -> None:
    assert codes(password, text) == ["too_similar"] * is_similar


def test_a_password_like_several_names_is_so_once() -> None:
    assert codes("letmein", "letmein", "letmein@example.com") == ["too_similar", "too_common"]

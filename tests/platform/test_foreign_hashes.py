"""Hashes that Django 5.2 wrote: made by its own hashers, with few passes, so that they cost nothing to compare."""

import pytest

from app.platform.foreign_hashes import argon2_form, comparison, is_hash
from app.platform.passwords import PasswordHasher

pytestmark = pytest.mark.dear_passwords

PASSWORD = "correct horse battery staple"
HASHES = {
    "pbkdf2_sha256": "pbkdf2_sha256$1000$41yU7LmJJk4xZ94bkxJl6a$5H3EHGcgisqqFrn4Dtne5a69lBGzW2xkpXjVTynU/vc=",
    "pbkdf2_sha1": "pbkdf2_sha1$1000$S8Fk89Cu80gB8T1ioVk2Vr$OPOpjpyOO85enEYbMg5MT74qCaA=",
    "bcrypt_sha256": "bcrypt_sha256$$2b$04$/xpf5/Z532IlDMXYstQN0uJOSwxSHAeOJV30/A9eg/GA8/oYbJBIq",
    "bcrypt": "bcrypt$$2b$04$TjIOQa.NSpsiDDtREe9H6ex8TqXkvYZHCmYR3sIUCDDsfM/M.Szg2",
    "argon2": "argon2$argon2id$v=19$m=8,t=1,p=1$UlJvTzU4NDJXNFFRNzRQYWU1OVpxZA"
    "$2zSOLwyWHfuhKblKeuJszF9wgCBY1qVr+kyKXJ3CCnE",
}
IN_OTHER_SCRIPTS = "bcrypt$$2b$04$LzNVzC0M4PnxAgoAnJD69eY3g9UNF.iNeo0hJZYUMnotGrsccBzYu"


@pytest.mark.parametrize("known", HASHES.values(), ids=HASHES)
async def test_a_password_is_known_by_its_hash_which_becomes_argon2id(known: str) -> None:
    hasher = PasswordHasher(workers=1, queue=0)
    kept = await hasher.verify(PASSWORD, known)
    assert kept is not None
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=1$")
    assert await hasher.verify(PASSWORD, kept) == kept
    assert await hasher.verify(PASSWORD + "!", known) is None
    assert await hasher.verify(PASSWORD + "!", kept) is None


def test_a_password_in_other_scripts_is_compared_as_utf_8() -> None:
    matches = comparison(IN_OTHER_SCRIPTS)
    assert matches is not None
    assert matches("пароль 密码")
    assert not matches("пароль")


def test_a_long_password_is_cut_as_bcrypt_cut_it() -> None:
    matches = comparison("bcrypt$$2b$04$c0o0.h2umWumz1/Bi372A.K8oFr65bTQU/73J/Gs/1FOPyZq0i/ky")
    assert matches is not None
    assert matches("x" * 1024)
    assert not matches("x" * 71)


@pytest.mark.parametrize(
    "known",
    [
        pytest.param("", id="empty"),
        pytest.param("!eETYlpo8WzmnMHqoh74yoKkJ5ae9thgIb9GrZUl", id="unusable"),
        pytest.param("!" + HASHES["pbkdf2_sha256"], id="a hash made unusable"),
        pytest.param(HASHES["pbkdf2_sha256"] + "\n", id="a line feed"),
        pytest.param(HASHES["pbkdf2_sha256"].replace("$1000$", "$99999999$"), id="passes that take a minute"),
        pytest.param(HASHES["pbkdf2_sha256"].replace("$1000$", "$0$"), id="no passes"),
        pytest.param("pbkdf2_sha256$1000$salt$A", id="no base64"),
        pytest.param(HASHES["bcrypt"].replace("$04$", "$31$"), id="rounds that take a month"),
        pytest.param(HASHES["argon2"].replace("m=8", "m=4194304"), id="memory that nobody has"),
        pytest.param("md5$salt$f2c0a1a6a5d2bd3b4a4bd8fa1bf1cbf5", id="an algorithm of old"),
    ],
)
def test_all_else_is_no_hash(known: str) -> None:
    assert not is_hash(known)
    assert comparison(known) is None
    assert argon2_form(known) is None


def test_a_broken_hash_is_nobodys_password() -> None:
    matches = comparison("bcrypt$$2b$04$" + "." * 53)
    assert matches is not None
    assert not matches(PASSWORD)

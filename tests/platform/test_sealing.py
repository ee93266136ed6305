"""Secrets at rest: opened by the right key in the right place alone, and encrypted anew without being lost."""

import asyncio
import stat
import uuid
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
from click.testing import CliRunner, Result

from app.kit.errors import Busy
from app.platform.cli import console
from app.platform.sealing import Seal, SealBroken, SealedColumn, Sealing, keys_of
from config.settings import load

OLD, NEW = "o" * 32, "n" * 32
TOTP = SealedColumn("accounts_totp", "user_id", "secret")


def test_what_is_sealed_is_opened_in_its_place_alone():
    seal = Seal([OLD])
    sealed = seal.close(b"secret", "there")
    assert b"secret" not in sealed
    assert seal.open(sealed, "there") == b"secret"
    with pytest.raises(SealBroken):
        seal.open(sealed, "elsewhere")
    with pytest.raises(SealBroken):
        seal.open(sealed[:-1] + bytes([sealed[-1] ^ 1]), "there")
    assert seal.close(b"secret", "there") != sealed, "two of the same look different"


def test_the_first_key_seals_and_each_opens():
    sealed = Seal([OLD]).close(b"secret", "there")
    both = Seal([NEW, OLD])
    assert both.open(sealed, "there") == b"secret"
    assert Seal([NEW]).open(both.close(b"secret", "there"), "there") == b"secret"
    with pytest.raises(SealBroken, match="not among LITEHOUSE_SECRET_KEYS"):
        Seal([NEW]).open(sealed, "there")


@pytest.mark.parametrize("keys", ["short", f"{OLD},short", f"{OLD},{OLD}"], ids=["short", "second", "twice"])
def test_keys_that_are_none_are_refused_and_not_shown(keys):
    with pytest.raises(Exception, match="LITEHOUSE_SECRET_KEYS: each must be different and have at least 32") as told:
        load(None, {"LITEHOUSE_SECRET_KEYS": keys})
    assert OLD not in str(told.value)


def test_keys_are_in_no_printed_form():
    settings = load(None, {"LITEHOUSE_SECRET_KEYS": f"{NEW}, {OLD}"})
    assert keys_of(settings) == [NEW, OLD]
    assert NEW not in f"{settings} {settings!r} {settings.security.model_dump_json()}"


def test_production_has_no_key_of_its_own(tmp_path: Path):
    environ = {"LITEHOUSE_ENVIRONMENT": "production", "DATABASE_URL": "postgresql://a@b/c"}
    settings = load(None, environ | {"LITEHOUSE_DATA_FOLDER": str(tmp_path)})
    with pytest.raises(Busy, match="LITEHOUSE_SECRET_KEYS"):
        asyncio.run(Sealing(settings).seal())
    assert not list(tmp_path.iterdir())


def test_elsewhere_one_is_made_once_that_only_its_owner_reads(tmp_path: Path):
    settings = load(None, {"LITEHOUSE_DATA_FOLDER": str(tmp_path / "data")})
    [key] = keys_of(settings)
    assert [key] == keys_of(settings)
    [file] = (tmp_path / "data").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text() == key
    assert len(key) >= 32


@pytest.fixture
def rotate(fresh_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """`just rotate-secrets` with these keys."""
    monkeypatch.setattr("app.platform.console.rotation.AT_ONCE", 2)

    def rotate(keys: str | None = None) -> Result:
        environ = {
            "DATABASE_URL": fresh_database_url,
            "LITEHOUSE_ENVIRONMENT": "test",
            "LITEHOUSE_SECRET_KEYS": keys,
            "LITEHOUSE_DATA_FOLDER": str(tmp_path / "data"),
        }
        return CliRunner().invoke(console, ["rotate-secrets"], env=environ)

    return rotate


def test_secrets_are_encrypted_anew_in_batches_and_the_old_key_can_go(rotate, fresh_database_url):
    users = asyncio.run(_planted(fresh_database_url, Seal([OLD]), 5))

    done = rotate(f"{NEW},{OLD}")
    assert (done.exit_code, done.stdout) == (0, "5 secrets were encrypted anew.\n")
    assert rotate(f"{NEW},{OLD}").stdout == "0 secrets were encrypted anew.\n"

    kept = asyncio.run(_kept(fresh_database_url))
    assert {user: Seal([NEW]).open(sealed, TOTP.place(user)) for user, sealed in kept.items()} == users


def test_what_no_key_opens_is_told_and_stays(rotate, fresh_database_url):
    [(lost, _)] = asyncio.run(_planted(fresh_database_url, Seal(["x" * 32]), 1)).items()
    before = asyncio.run(_kept(fresh_database_url))[lost]
    found = asyncio.run(_planted(fresh_database_url, Seal([OLD]), 3))

    done = rotate(f"{NEW},{OLD}")

    assert done.exit_code == 1
    assert done.stdout == "3 secrets were encrypted anew.\n"
    assert f"accounts_totp.secret:{lost}: its key is not among" in done.stderr
    kept = asyncio.run(_kept(fresh_database_url))
    assert kept.pop(lost) == before
    assert kept.keys() == found.keys()


def test_where_there_is_no_key_none_is_made(rotate, fresh_database_url, tmp_path):
    done = rotate()
    assert (done.exit_code, done.stdout) == (0, "There is no key here yet, and so nothing that was encrypted by one.\n")

    asyncio.run(_planted(fresh_database_url, Seal([OLD]), 2))
    done = rotate()
    assert done.exit_code == 1
    assert "2 secrets of accounts_totp have no key in" in done.stderr
    assert not (tmp_path / "data").exists()


async def _planted(url: str, seal: Seal, count: int) -> dict[uuid.UUID, bytes]:
    connection = await asyncpg.connect(url)
    planted = {}
    for number in range(count):
        user = await connection.fetchval(
            "INSERT INTO accounts_user (username, email, password) VALUES ($1, $1, '!') RETURNING id",
            f"{uuid.uuid4()}",
        )
        planted[user] = f"secret {number}".encode()
        sealed = seal.close(planted[user], TOTP.place(user))
        await connection.execute("INSERT INTO accounts_totp (user_id, secret) VALUES ($1, $2)", user, sealed)
    await connection.close()
    return planted


async def _kept(url: str) -> dict[uuid.UUID, bytes]:
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("SELECT user_id, secret FROM accounts_totp")
    await connection.close()
    return {row[0]: row[1] for row in rows}

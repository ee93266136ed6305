"""What changes the code is tried on a copy of it: a reload, a new module, and the removal of one."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from tests.e2e.running import ROOT, Running, just, reachable_folder, until

MODELS = '''"""Tables of the guestbook."""

from sqlalchemy.orm import Mapped

from app.platform.database.model import Base, Identified


class Entry(Identified, Base):
    """Who was here."""

    __tablename__ = "guestbook_entry"

    name: Mapped[str]
'''
MODULE = '''"""What the guestbook brings to the house."""

from app.domain.guestbook import models  # noqa: F401
from app.platform.module import Module

module = Module(name="guestbook", summary="Who was here")
'''


@pytest.fixture
def copy() -> Iterator[Path]:
    """The project in another folder."""
    with reachable_folder() as folder:
        for part in ("app", "config", "migrations", "tests"):  # with what is compiled, which holds for the copy too
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("results", "*.pyc.*"))
        shutil.copy(ROOT / "justfile", folder)
        yield folder


def rows(url: str, query: str) -> list[asyncpg.Record]:
    async def fetch() -> list[asyncpg.Record]:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetch(query)
        finally:
            await connection.close()

    return asyncio.run(fetch())


@pytest.mark.long(9)
def test_a_change_of_the_code_is_served_and_a_mistake_survived(copy: Path, lent_database_url: str):
    health = copy / "app" / "platform" / "health.py"
    text = health.read_text()
    with Running("dev", folder=copy, environment="development", database_url=lent_database_url) as run:
        assert run.until_answer().json() == {"status": "ok"}
        health.write_text(f"{text}\nthis is no Python")
        until(lambda: "SyntaxError" in run.said, "the mistake is told")
        health.write_text(text.replace('"ok"', '"very well"'))
        until(lambda: (answer := run.get("/health")) and "very well" in answer.text, "the change is served")
        run.interrupt()
        assert run.ended() == 0


@pytest.mark.long(20)
def test_a_module_comes_and_goes_on_a_database_that_is_in_use(copy: Path, fresh_database_url: str):
    room, listed = copy / "app" / "domain" / "guestbook", copy / "config" / "modules.py"
    room.mkdir()
    (room / "__init__.py").write_text('"""Who was here."""\n')
    (room / "models.py").write_text(MODELS)
    (room / "module.py").write_text(MODULE)
    before = listed.read_text()

    def recipe(*words: str) -> str:
        return just(*words, folder=copy, environment="test", database_url=fresh_database_url)

    listed.write_text(before.replace("\n)\n", '\n    "guestbook",\n)\n'))
    contract = (copy / "tests" / "contract" / "openapi.json").read_text()

    assert "0001_who_was_here.py" in recipe("makemigrations", "guestbook", "who was  here")
    assert "guestbook_0001 applied" in recipe("migrate")
    rows(fresh_database_url, "INSERT INTO guestbook_entry (name) VALUES ('Kilroy')")

    assert "guestbook is gone" in recipe("remove-module", "guestbook")
    assert not room.exists()
    assert not (copy / "migrations" / "versions" / "guestbook").exists()
    assert listed.read_text() == before
    assert (copy / "tests" / "contract" / "openapi.json").read_text() == contract
    assert list((copy / "migrations" / "versions" / "platform").glob("*_remove_guestbook.py"))

    assert "applied" in recipe("migrate")
    assert rows(fresh_database_url, "SELECT to_regclass('guestbook_entry')")[0][0] is None
    assert "FAULT" not in recipe("check")

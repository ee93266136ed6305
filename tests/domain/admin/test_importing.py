"""Files of rows from outside: tried out, then all of them or none; by a job where they are many."""

import io
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from litestar import Litestar
from openpyxl import Workbook

from app.domain.accounts.models import Group
from app.domain.admin import building, jobs, opening
from app.kit.errors import AppError
from app.platform.admin import importing
from app.platform.admin.model_admin import ModelAdmin
from app.platform.database.pools import Database
from app.platform.database.work import UnitOfWork
from tests.conftest import Aside
from tests.domain.admin.conftest import OURS, Browser

Enter = Callable[..., Awaitable[Browser]]


class ImportedAdmin(ModelAdmin[Group]):
    """Groups from files, by a verb with a rule of its own."""

    name = "groups"
    fields = (Group.name, Group.created_at)
    exclude_fields_from_create = exclude_fields_from_edit = (Group.created_at,)
    record_title = "{name}"
    can_import = True
    import_limit = 700

    async def create(self, work: UnitOfWork, values: dict[str, Any]) -> Group:
        if values["name"] == "Kraken":
            raise AppError(detail="There are no krakens")
        return await super().create(work, values)


SITES: Any = WeakKeyDictionary()


@pytest.fixture(autouse=True)
def _offered(app: Litestar, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "offered", lambda _modules: [ImportedAdmin])
    monkeypatch.setattr(opening, "_sites", SITES)
    monkeypatch.setattr(building, "_built", lru_cache(building._built.__wrapped__))


async def names(aside: Aside) -> list[str]:
    rows = await (await aside.connection()).fetch("SELECT name FROM accounts_group ORDER BY name")
    return [row["name"] for row in rows]


async def tried(admin: Browser, file: str | bytes, name: str = "groups.csv", status: int = 200) -> str:
    form = await admin.page("/groups/import")
    data = file if isinstance(file, bytes) else file.encode()
    answer = await admin.post(
        "/admin/groups/import", data=admin.hidden(form), files={"file": (name, data)}, headers=OURS
    )
    assert answer.status_code == status, answer.text
    return answer.text


def token(html: str) -> str:
    return html.partition('action="/admin/groups/import/')[2].partition('"')[0]


async def imported(admin: Browser, preview: str) -> str:
    form = await admin.page("/groups/import")
    answer = await admin.submit(form, f"/groups/import/{token(preview)}")
    return (await admin.get(answer.headers["location"])).text


async def test_a_file_is_tried_and_then_imported_once(staff: Enter, aside: Aside, statements):
    admin, other = await staff(is_superuser=True), await staff(is_superuser=True)
    whales = await (await aside.connection()).fetchval(
        "INSERT INTO accounts_group (name) VALUES ('Whales') RETURNING id"
    )

    preview = await tried(admin, f"id,name,colour\n{whales},Blue whales,blue\n,Seals,grey\n")
    assert all(text in preview for text in ("1 new", "1 changed", "Not used: colour"))
    assert await names(aside) == ["Whales"], "it was tried, and taken back"
    assert "has expired" in await imported(other, preview), "a file is its owner's"
    assert "Imported 1 new and changed 1" in await imported(admin, preview)
    assert await names(aside) == ["Blue whales", "Seals"]
    assert "has expired" in await imported(admin, preview), "it is done once"
    assert "has expired" in await imported(admin, preview.replace(token(preview), "no-uuid"))

    book, data = Workbook(), io.BytesIO()
    for row in (("name",), ("Rays",)):
        book.active.append(row)
    book.save(data)
    preview = await tried(admin, data.getvalue(), "groups.xlsx")
    assert "Imported 1 new" in await imported(admin, preview)
    assert await names(aside) == ["Blue whales", "Rays", "Seals"]


async def test_where_a_row_has_a_problem_nothing_is_imported(staff: Enter, aside: Aside):
    admin = await staff(is_superuser=True)
    preview = await tried(admin, "name\nSeals\nKraken\nSeals\n")
    assert "There are no krakens" in preview
    assert "already" in preview, "what PostgreSQL refuses is told beside its row, and the others are tried as well"
    assert "2 with problems" in preview
    assert 'type="submit">Import' not in preview
    said = await imported(admin, preview)
    assert "Nothing was imported: 1 row has a problem. row 3: There are no krakens" in said
    assert await names(aside) == []
    assert "None of the columns match" in await tried(admin, "colour\nblue\n", status=422)
    assert "could not be read" in await tried(admin, b"no zip", "groups.xlsx", status=422)
    assert "at most 700 rows" in await tried(admin, "name\n" + "x\n" * 701, status=422)
    bomb = io.BytesIO()
    with ZipFile(bomb, "w", ZIP_DEFLATED) as package:
        package.writestr("xl/worksheets/sheet1.xml", b" " * (importing.MOST_UNPACKED + 1))
    assert "could not be read" in await tried(admin, bomb.getvalue(), "groups.xlsx", status=422)
    nobody = await staff()
    await nobody.page("/groups/import", 404)


async def test_many_rows_are_a_job_s(staff: Enter, aside: Aside, do_jobs, database: Database, monkeypatch):
    monkeypatch.setattr(importing, "AT_ONCE", 2)
    monkeypatch.setattr(importing, "AT_A_TIME", 2)
    admin = await staff(is_superuser=True)
    preview = await tried(admin, "name\n" + "".join(f"Group {n}\n" for n in range(5)))
    assert "The first 2 rows were tried" in preview
    assert "5 rows are left to a job" in await imported(admin, preview)
    assert await names(aside) == []
    assert [(row["state"], row["result"], row["step"]) for row in await do_jobs()] == [("done", "5 rows", 5)]
    assert await names(aside) == [f"Group {n}" for n in range(5)]

    preview = await tried(admin, "name\nRays\nSeals\nGroup 3\n")
    await imported(admin, preview)
    failed = (await do_jobs())[-1]
    assert failed["state"] == "dead"
    assert "row 4" in failed["error"]
    assert len(await names(aside)) == 5


async def test_what_nobody_imports_is_forgotten(staff: Enter, aside: Aside, database: Database):
    admin, connection = await staff(is_superuser=True), await aside.connection()
    await tried(admin, "name\nRays\n")
    for kept in ("23 hours", "2 hours"):
        work = database.unit_of_work()
        await connection.execute(f"UPDATE admin_upload SET created_at = created_at - interval '{kept}'")
        await work.run(lambda work=work: jobs.clear_uploads.handler(work))
        assert await connection.fetchval("SELECT count(*) FROM admin_upload") == (1 if kept == "23 hours" else 0)

"""Lists from outside: pages by key, totals, search, filters, dates, exports, changes to many rows."""

import csv
import io
import json
import re
from collections.abc import Awaitable, Callable
from uuid import UUID

from openpyxl import load_workbook

from app.domain.admin import opening
from app.domain.publishing.policies import REVISE_ANY_ARTICLE
from app.platform.admin import exporting, files, listing
from tests.domain.admin.conftest import Browser, do_jobs, staff  # noqa: F401 - fixtures

Enter = Callable[..., Awaitable[Browser]]
COLUMNS = "cols=title&cols=slug&cols=author&cols=created_at"
MADE = """
INSERT INTO publishing_article (slug, title, description, body, author_id, created_at)
SELECT 'whale-' || n, format($2, n), 'd', 'b', $1, '2025-12-31T22:30Z'::timestamptz + n * interval '1 hour'
FROM generate_series(1, $3::int) AS n
"""


async def articles(aside, author: UUID, count: int, title: str = "Whale %s") -> None:
    await (await aside.connection()).execute(MADE, author, title, count)


def titles(html: str) -> list[str]:
    return list(dict.fromkeys(re.findall(r"Whale \d+", html)))


def link(html: str, label: str) -> str:
    found = re.search(rf'<a [^>]*?aria-label="{label}"[^>]*?href="([^"]+)"', html, re.DOTALL) or re.search(
        rf'<a [^>]*?href="/admin([^"]+)"[^>]*>{label}', html
    )
    assert found, label
    return found[1].replace("&amp;", "&").removeprefix("/admin")


async def test_pages_go_by_key_to_the_end_and_back(sign_in, aside, staff: Enter, statements):  # noqa: F811
    author, editor = await sign_in(), await staff(REVISE_ANY_ARTICLE)
    await articles(aside, author.id, 60)

    with statements() as sent:
        first = await editor.page("/articles")
    second = await editor.page(link(first, "Next"))
    last = await editor.page(link(first, "Last"))

    assert titles(first) == [f"Whale {n}" for n in range(60, 35, -1)]
    assert titles(second) == [f"Whale {n}" for n in range(35, 10, -1)]
    assert titles(last) == [f"Whale {n}" for n in range(25, 0, -1)]
    assert titles(await editor.page(link(last, "Previous"))) == [f"Whale {n}" for n in range(50, 25, -1)]
    assert len(sent) == 9, "session, name, BEGIN, rows, tags, comments, dates, ROLLBACK, lists that are kept"
    assert "OFFSET" not in " ".join(sent)


async def test_one_finds_by_words_by_author_and_by_date(sign_in, aside, staff: Enter):  # noqa: F811
    one, other = await sign_in(), await sign_in()
    editor = await staff(REVISE_ANY_ARTICLE)
    await articles(aside, one.id, 30)
    await articles_of(aside, other.id)

    assert titles(await editor.page("/articles?q=whale")) == [f"Whale {n}" for n in range(30, 5, -1)]
    assert titles(await editor.page("/articles?q=whale-7")) == ["Whale 7"]
    by_author = await editor.page(f"/articles?author={other.id}")
    assert "Of seals" in by_author
    assert not titles(by_author)
    html = await editor.page("/articles")
    assert re.findall(r"created_at_in=([\d-]+)", html) == ["2025", "2026"]
    html = await editor.page("/articles?created_at_in=2025")
    assert titles(html) == ["Whale 1"]
    assert "created_at_in=2025-12" in html
    html = await editor.page("/articles?created_at_in=2026-01-01")
    assert titles(html) == [f"Whale {n}" for n in range(25, 1, -1)]
    assert "must be a year, a month or a day" in await editor.page("/articles?created_at_in=2026-13", 422)


async def articles_of(aside, author: UUID) -> None:
    insert = "INSERT INTO publishing_article (slug, title, description, body, author_id) VALUES ('s', $1, '', '', $2)"
    await (await aside.connection()).execute(insert, "Of seals", author)


async def test_totals_are_counted_so_far_and_no_further(sign_in, aside, staff: Enter, monkeypatch):  # noqa: F811
    author, editor = await sign_in(), await staff(REVISE_ANY_ARTICLE)
    await articles(aside, author.id, 30)
    counted = {"HX-Request": "true", "HX-Trigger": "records-counter"}

    answer = await editor.get("/admin/articles", headers=counted)
    assert "30 articles" in answer.text
    monkeypatch.setattr(listing, "MOST_COUNTED", 20)
    answer = await editor.get(f"/admin/articles?author={author.id}", headers=counted)
    assert "about " in answer.text
    answer = await editor.get("/admin/articles?q=whale-7", headers=counted)
    assert "1 article" in answer.text


async def test_a_list_is_exported_as_it_is_seen(sign_in, aside, staff: Enter, statements, monkeypatch):  # noqa: F811
    author, editor = await sign_in(), await staff(REVISE_ANY_ARTICLE)
    await articles(aside, author.id, 1200)
    await (await aside.connection()).execute(
        "UPDATE publishing_article SET title = $1 WHERE slug = 'whale-7'", '=HYPERLINK("http://evil")\x0b<&'
    )

    with statements() as sent:
        answer = await editor.get(f"/admin/articles/export?created_at_in=2026-01&{COLUMNS}")
    assert answer.headers["content-disposition"] == 'attachment; filename="articles.csv"'
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert rows[0] == ["Title", "Author", "Published", "Slug"]
    assert [row[3] for row in rows[1:]] == [f"whale-{n}" for n in range(745, 1, -1)]
    assert rows[-6][0] == '\'=HYPERLINK("http://evil")\x0b<&'
    assert sum("FROM publishing_article" in statement for statement in sent) == 1
    assert "REPEATABLE READ" in " ".join(sent)

    monkeypatch.setattr(files, "MOST_ROWS", 500)
    answer = await editor.get(f"/admin/articles/export?format=xlsx&created_at_in=2026-01&{COLUMNS}")
    sheets = load_workbook(io.BytesIO(answer.content), read_only=True).worksheets
    cells = [[cell.value for cell in row] for sheet in sheets for row in sheet.iter_rows()]
    assert [row[3] for row in cells if row[3] != "Slug"] == [f"whale-{n}" for n in range(745, 1, -1)]
    assert [cells[0][0], cells[500][0]] == ["Title", "Title"]
    assert cells[-6][0] == '=HYPERLINK("http://evil")<&'
    assert load_workbook(io.BytesIO(answer.content)).worksheets[1]["A2"].data_type != "f"

    answer = await editor.get("/admin/articles/export?format=ndjson&sort=slug&cols=slug&cols=created_at")
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert len(lines) == 1200
    assert lines[0] == {"slug": "whale-1", "created_at": "2025-12-31T23:30:00Z"}

    await editor.page("/articles/export?format=pdf", 404)
    html = await editor.page("/articles")
    assert all(f"format={kind}" in html for kind in ("csv", "ndjson", "xlsx"))


async def test_exports_are_few_at_once_and_give_their_slots_back(sign_in, aside, staff: Enter, app, database):  # noqa: F811
    author, editor = await sign_in(), await staff(REVISE_ANY_ARTICLE)
    await articles(aside, author.id, 3)
    await editor.page("/articles")
    site = await opening.opened(app.state)
    site.exports = exporting.MOST_AT_ONCE

    assert (await editor.get("/admin/articles/export")).status_code == 503
    site.exports = 0
    assert (await editor.get("/admin/articles/export")).status_code == 200
    assert site.exports == 0
    assert database.read.gauges()["in_use"] == 0


async def test_many_articles_are_changed_by_one_dialog(client, sign_in, aside, staff: Enter, statements, do_jobs):  # noqa: F811
    author, editor = await sign_in(), await staff(REVISE_ANY_ARTICLE)
    await articles(aside, author.id, 130)
    connection = await aside.connection()
    keys = [str(row["id"]) for row in await connection.fetch("SELECT id FROM publishing_article ORDER BY id LIMIT 3")]
    form = await editor.page("/articles")
    assert "Change Description" in form

    changed = {"change_description": "true", "description": "Of the sea"}
    await editor.submit(form, "/articles/action/change", keys=keys, **changed)
    found = await connection.fetch("SELECT id::text FROM publishing_article WHERE description = 'Of the sea'")
    assert {row["id"] for row in found} == set(keys)
    assert await connection.fetchval("SELECT count(*) FROM platform_outbox") == 3, "each fires the event of the API"

    for wrong in ({"description": "x"}, {"change_description": "true", "description": "d" * 3000}):
        await editor.submit(form, "/articles/action/change", keys=keys, **wrong)
    assert "Description:" in await editor.page("/articles"), "the API's own struct refused it"

    await editor.submit(form, "/articles/action/change", everything="1", **changed | {"description": "Of all"})
    assert await connection.fetchval("SELECT count(*) FROM publishing_article WHERE description = 'Of all'") == 0
    assert [(row["state"], row["result"]) for row in await do_jobs()] == [("done", "130 rows")]
    assert await connection.fetchval("SELECT count(*) FROM publishing_article WHERE description = 'Of all'") == 130
    reader = await staff()
    await reader.submit(await reader.page("/"), "/articles/action/change", 404, keys=keys, **changed)


async def test_a_value_is_changed_in_its_cell(client, sign_in, aside, staff: Enter):  # noqa: F811
    author, editor = await sign_in(), await staff(REVISE_ANY_ARTICLE)
    await articles(aside, author.id, 1)
    connection = await aside.connection()
    key = await connection.fetchval("SELECT id FROM publishing_article")
    cell = f"/articles/{key}/edit/description?cols=title&cols=description"

    form = await editor.page(cell)
    await editor.submit(form, cell, 422, description="d" * 3000)
    await editor.submit(form, cell, 200, description="Of the sea")
    assert await connection.fetchval("SELECT description FROM publishing_article") == "Of the sea"
    assert await connection.fetchval("SELECT count(*) FROM platform_outbox") == 1
    await editor.page(f"/articles/{key}/edit/slug?cols=title&cols=slug", 404)


async def test_lists_are_kept_under_a_name(sign_in, aside, staff: Enter):  # noqa: F811
    author, one, other = await sign_in(), await staff(REVISE_ANY_ARTICLE), await staff(REVISE_ANY_ARTICLE)
    await articles(aside, author.id, 1)
    form = await one.page("/articles")
    await one.submit(form, "/articles/saved-views", name="Of 2026", query="created_at_in=2026&page=3")
    await one.submit(form, "/articles/saved-views", name="Of 2026", query="created_at_in=2026&sort=slug")
    await one.submit(form, "/articles/saved-views", name="For all", query="q=whale", shared="on")

    html = await one.page("/articles")
    assert html.count("created_at_in=2026&amp;sort=slug") == 1
    assert "For all" in html
    html = await other.page("/articles")
    assert "Of 2026" not in html
    assert "For all" in html
    connection = await aside.connection()
    kept = [row["id"] for row in await connection.fetch("SELECT id FROM admin_saved_view ORDER BY id")]
    await other.submit(html, f"/articles/saved-views/{kept[-1]}/delete")
    assert await connection.fetchval("SELECT count(*) FROM admin_saved_view") == 2
    await one.submit(form, f"/articles/saved-views/{kept[-1]}/delete")
    assert "For all" not in await other.page("/articles")
    await one.submit(form, "/articles/saved-views/none/delete", 404)

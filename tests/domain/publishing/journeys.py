"""What articles and comments go through at the admin site, in a real browser."""

import csv
import io
import json
import re
from datetime import UTC, datetime

from openpyxl import load_workbook
from playwright.async_api import Browser, expect

from tests.e2e.hands import act, exported, press, write
from tests.e2e.house import House
from tests.e2e.looking import ALIKE, PHONE, PICTURE, WITHIN, Visitor

ARTICLES = """
WITH made AS (
  INSERT INTO publishing_article (slug, title, description, body, author_id)
  SELECT $1 || '-whales-' || n, 'Of whales ' || $1 || ' ' || n, 'Large', 'They swim far.', u.id
  FROM generate_series(1, $2::int) n, accounts_user u WHERE u.username = $3 RETURNING id
), tagged AS (INSERT INTO publishing_tagging (article_id, tag, position) SELECT id, $1, 0 FROM made)
SELECT id FROM made ORDER BY id LIMIT 1
"""
AUTHOR = "INSERT INTO accounts_user (username, email, password) VALUES ($1, $1 || '@example.com', '!') RETURNING id"


async def an_article_is_written_commented_and_taken_back(visitor: Visitor, house: House, _chromium: Browser) -> None:
    """By keyboard alone, until its history is read: refused, mended, commented, revised, and again what it was."""
    page = visitor.page
    await visitor.goto("/admin/articles")
    await press(page, page.get_by_role("link", name="New article"))
    await page.get_by_role("textbox", name="Title").focus()
    await page.keyboard.type("Of Grey Whales")
    await expect(page.locator("output[data-slug-of]")).to_have_text("of-grey-whales")
    await press(page, page.get_by_role("button", name="Create article"))
    summary = page.get_by_role("alert")
    await expect(summary).to_be_focused()
    await expect(summary.get_by_role("link")).to_have_text(["Description", "Body"])
    visitor.forgive(status=422)
    await write(page, "description", "What they are")
    await write(page, "body", "There she blows.")
    await write(page, "tag_list", "whales\nsea")
    await press(page, page.get_by_role("button", name="Create article"))
    await expect(page.get_by_role("heading", level=1)).to_have_text("Of Grey Whales")
    await expect(page.get_by_role("main")).to_contain_text("whales, sea")

    await press(page, page.get_by_role("link", name="Edit", exact=True).first)
    await press(page, page.get_by_role("button", name="Add a row"))
    comment = page.locator("textarea[name='newest_comments-0-body']")
    await comment.focus()
    await page.keyboard.type("Blubber whales")
    await visitor.look("inline-row", ALIKE)
    await write(page, "title", "Of Blue Whales")
    await press(page, page.get_by_role("button", name="Save changes"))
    await expect(page.get_by_role("heading", level=1)).to_have_text("Of Blue Whales")
    await expect(page.get_by_role("main")).to_contain_text("Blubber whales")
    await is_taken_back(visitor)
    await is_asked_for_before_it_goes(visitor)
    assert await house.sql("SELECT title FROM publishing_article WHERE slug LIKE 'of-grey-whales%'") == "Of Grey Whales"


async def is_taken_back(visitor: Visitor) -> None:
    """By its history, which shows the difference, and what it was at a moment."""
    page = visitor.page
    await press(page, page.get_by_role("tab", name=re.compile("History")))
    changed = page.locator("#panel-history li").filter(has_text="Of Grey Whales").filter(has_text="Of Blue Whales")
    await expect(changed.locator("del", has_text="Of Grey Whales")).to_be_visible()
    await expect(changed.locator("ins", has_text="Of Blue Whales")).to_be_visible()
    await visitor.look("history", PICTURE)
    await visitor.look("history", ALIKE, part="main")
    await press(page, changed.get_by_role("button", name="Back to before this"))
    await expect(page.get_by_role("status").first).to_contain_text("is again what it was")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Of Grey Whales")
    await page.get_by_role("tab", name=re.compile("History")).click()
    await page.get_by_label("As it was at (UTC)").fill(datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"))
    await page.locator("#panel-history").get_by_role("button", name="Show").click()
    await expect(page.get_by_role("columnheader", name="Then")).to_be_visible()
    await visitor.look("as-of", ALIKE)


async def is_asked_for_before_it_goes(visitor: Visitor) -> None:
    """With what goes along."""
    page = visitor.page
    await page.get_by_role("link", name="As it is").click()
    await page.get_by_role("button", name="More actions").click()
    await page.get_by_role("button", name="Delete", exact=True).first.click()
    told = page.locator("dialog[open] [data-along=going] li")
    await expect(told.filter(has_text="Tags: 2")).to_be_visible()
    await expect(told.filter(has_text="Comments: 1")).to_be_visible()
    await visitor.look("delete", ALIKE, part="dialog[open]")


async def a_comment_is_made_of_what_is_found(visitor: Visitor, house: House, _chromium: Browser) -> None:
    """The article is searched by typing; the comment stands in the article's form, from which it is removed."""
    page = visitor.page
    key = await house.sql(ARTICLES, "krill", 101, "ahab")
    await visitor.goto("/admin/comments/new")
    await page.get_by_role("textbox", name="Body").fill("They sieve, whales do")
    found = page.get_by_role("combobox", name="Article")
    await found.focus()
    await page.keyboard.type("krill 77")
    await expect(page.get_by_role("option").filter(visible=True)).to_have_count(1)
    await visitor.look("relation-found", WITHIN, part="main")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await press(page, page.get_by_role("button", name="Create comment"))
    await expect(page.get_by_role("status").first).to_contain_text("created")
    commented = "SELECT a.title FROM publishing_comment JOIN publishing_article a ON a.id = article_id"
    assert await house.sql(f"{commented} WHERE publishing_comment.body LIKE 'They sieve%'") == "Of whales krill 77"

    key = await house.sql("SELECT id FROM publishing_article WHERE title = 'Of whales krill 77'")
    await visitor.goto(f"/admin/articles/{key}/edit")
    await page.get_by_role("checkbox", name="Remove this row").focus()
    await page.keyboard.press("Space")
    await press(page, page.get_by_role("button", name="Save changes"))
    await expect(page.get_by_role("heading", level=1)).to_have_text("Of whales krill 77")
    assert await house.sql("SELECT count(*) FROM publishing_comment WHERE article_id = $1", key) == 0


async def a_list_is_narrowed(visitor: Visitor, house: House, _chromium: Browser) -> None:
    """By its author, who is searched for, its tag and its year."""
    page = visitor.page
    await house.sql(AUTHOR, "pip")
    await house.sql(ARTICLES, "pods", 3, "pip")
    await visitor.goto("/admin/articles?cols=title&cols=description&cols=author")
    await page.get_by_role("button", name="Filters").click()
    drawer = page.locator("#filters")
    await drawer.get_by_role("combobox", name="Author").press_sequentially("pip")
    await drawer.get_by_role("option", name="pip").click()
    await expect(page).to_have_url(re.compile("author="))
    await expect(page.locator("tbody tr")).to_have_count(3)
    await drawer.get_by_role("textbox", name="Tag").fill("pods")
    await expect(page).to_have_url(re.compile("tag=pods"))
    await visitor.look("filters", WITHIN, part="#filters")
    await page.keyboard.press("Escape")
    year = str(await house.sql("SELECT to_char(now(), 'YYYY')"))
    dates = page.get_by_role("navigation", name="Published")
    await dates.get_by_role("link", name=year, exact=True).click()
    await expect(dates.locator("[aria-current]")).to_have_text(year)
    await expect(page.locator("tbody tr")).to_have_count(3)


async def rows_are_changed_where_they_stand(visitor: Visitor, house: House, _chromium: Browser) -> None:
    """A cell, by keyboard, with an error first; then the same change to many rows."""
    page = visitor.page
    await house.sql(ARTICLES, "schools", 3, "ahab")
    await visitor.goto("/admin/articles?tag=schools&cols=title&cols=description")
    cell = page.locator("tbody tr", has_text="schools 2").get_by_role("button", name="Edit Description")
    await cell.focus()
    await page.keyboard.press("Enter")
    editor = page.get_by_role("dialog")
    await expect(editor.get_by_role("textbox")).to_be_focused()
    await editor.get_by_role("textbox").fill("x" * 2001)
    await editor.get_by_role("button", name="Save").click()
    await expect(editor).to_contain_text("2000")
    visitor.forgive(status=422)
    await visitor.look("cell-refused", WITHIN, part="#value-editor")
    await editor.get_by_role("textbox").fill("Larger")
    await editor.get_by_role("button", name="Save").click()
    await expect(editor).to_be_hidden()
    await expect(cell).to_be_focused()
    await expect(cell).to_contain_text("Larger")

    await page.get_by_role("checkbox", name="Select Of whales schools 1").check()
    await page.get_by_role("checkbox", name="Select Of whales schools 3").check()
    await act(page, "Change")
    await page.get_by_role("dialog").get_by_label("Change Description").check()
    await page.get_by_role("dialog").get_by_role("textbox", name="Description").fill("Largest")
    await visitor.look("bulk-change", WITHIN, part="dialog[open]")
    await page.get_by_role("dialog").get_by_role("button", name="Change").click()
    await expect(page.get_by_role("status").first).to_contain_text("Changed. (2)")
    held = "SELECT string_agg(description, ' ' ORDER BY title) FROM publishing_article WHERE slug LIKE 'schools-%'"
    assert await house.sql(held) == "Largest Larger Largest"


async def a_list_is_taken_along(visitor: Visitor, house: House, _chromium: Browser) -> None:
    """Exports of each kind, of what is shown, read as those who get them read them."""
    page = visitor.page
    await house.sql(ARTICLES, "charts", 2, "ahab")
    await visitor.goto("/admin/articles?tag=charts&cols=title&cols=tags")
    texts = {name: await exported(page, name) for name in ("CSV", "NDJSON", "XLSX")}
    rows = {("Of whales charts 1", "charts"), ("Of whales charts 2", "charts")}
    header, *body = csv.reader(io.StringIO(texts["CSV"].decode("utf-8-sig")))
    assert {tuple(row) for row in body} == rows, header
    assert {tuple(json.loads(line).values()) for line in texts["NDJSON"].splitlines()} == rows
    sheet = load_workbook(io.BytesIO(texts["XLSX"])).active
    assert set(list(sheet.iter_rows(values_only=True))[1:]) == rows


async def a_file_is_tried_mended_and_imported(visitor: Visitor, house: House, _chromium: Browser) -> None:
    """A bad row: a report, and nothing is saved; then it is mended, and all of it is."""
    page = visitor.page
    written = "SELECT count(*) FROM publishing_article WHERE title LIKE 'Of imported whales%'"
    await offer(visitor, f"1,d,b\nOf imported whales 2,{'x' * 2001},b")
    await expect(page.get_by_role("alert")).to_contain_text("Nothing is imported as long as a row has a problem")
    await expect(page.locator("tbody tr", has_text="problem")).to_contain_text("xxx")
    await expect(page.get_by_role("button", name=re.compile("^Import"))).to_have_count(0)
    await visitor.look("import-with-a-bad-row", WITHIN)
    await visitor.look("import-with-a-bad-row", ALIKE)
    assert await house.sql(written) == 0
    await offer(visitor, "1,d,b\nOf imported whales 2,d,b")
    await expect(page.get_by_text("2 new", exact=True)).to_be_visible()
    assert await house.sql(written) == 0
    await page.get_by_role("button", name="Import 2 rows").click()
    await expect(page.get_by_role("status").first).to_contain_text("Imported 2 new and changed 0 Articles")
    assert await house.sql(written) == 2


async def many_are_withdrawn_by_a_job(visitor: Visitor, house: House, _chromium: Browser) -> None:
    """More than a hundred: chosen over all pages, confirmed, left to a worker, and one sees how far it is."""
    page = visitor.page
    await house.sql(ARTICLES, "flotsam", 120, "ahab")
    await visitor.goto("/admin/articles?tag=flotsam")
    await page.locator("thead input[type=checkbox]").check()
    await page.locator("#bulk-actions-button").click()
    await page.get_by_role("button", name="Select all 120 matching").click()
    await page.locator("#bulk-actions-menu").get_by_role("button", name="Withdraw").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("All 120 matching rows")
    await dialog.get_by_role("button", name="Withdraw").click()
    status = page.get_by_role("status").first
    await expect(status).to_contain_text("120 rows are left to a job.")
    await status.get_by_role("link", name="See how far it is").click()
    await expect(page.get_by_role("main")).to_contain_text("waiting")
    await visitor.look("job-waiting", PICTURE)
    with house.worker():
        await expect(page.get_by_role("progressbar")).to_have_attribute("value", "120", timeout=60_000)
        await expect(page.get_by_role("main")).to_contain_text("120 rows")
    await visitor.look("job-done", ALIKE)
    assert await house.sql("SELECT count(*) FROM publishing_article WHERE slug LIKE 'flotsam-%'") == 0


async def one_is_revised_on_a_phone(visitor: Visitor, house: House, _chromium: Browser) -> None:
    """390 px wide: the menu, the list as cards, a page, its form; nothing scrolls sideways. And found by Ctrl+K."""
    page = visitor.page
    await house.sql(ARTICLES, "phones", 1, "ahab")
    await visitor.become(390)
    await visitor.goto("/admin/")
    await page.locator(".drawer-content label[for=navigation]").click()
    await visitor.look("phone-menu", PHONE)
    await visitor.become(390)
    await page.locator("#sidebar-links").get_by_role("link", name="Articles").click()
    await page.get_by_role("main").get_by_role("link", name=re.compile("Of whales phones 1")).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Of whales phones 1")
    await page.keyboard.press("Control+K")
    await page.keyboard.type("whales phones")
    option = page.locator("#palette").get_by_role("option", name=re.compile("Of whales phones 1"))
    await expect(option).to_have_attribute("aria-selected", "true")
    await visitor.look("palette", [(390, "light", "axe")], part="#palette")
    await visitor.become(390)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Of whales phones 1")
    await page.get_by_role("link", name="Edit", exact=True).first.click()
    await page.get_by_role("textbox", name="Description").fill("Small")
    await visitor.look("phone-form", PHONE)
    await visitor.become(390)
    await page.get_by_role("button", name="Save changes").click()
    await expect(page.get_by_role("main")).to_contain_text("Small")
    await visitor.look("phone-article", PHONE)


async def offer(visitor: Visitor, rows: str) -> None:
    """Have a file of articles tried."""
    page = visitor.page
    await visitor.goto("/admin/articles")
    await page.get_by_role("link", name="Import").first.click()
    file = f"title,description,body\nOf imported whales {rows}\n"
    await page.get_by_label("A CSV or Excel file").set_input_files(
        {"name": "whales.csv", "mimeType": "text/csv", "buffer": file.encode()}
    )
    await page.get_by_role("button", name=re.compile("review")).click()


JOURNEYS = [
    an_article_is_written_commented_and_taken_back,
    a_comment_is_made_of_what_is_found,
    a_list_is_narrowed,
    rows_are_changed_where_they_stand,
    a_list_is_taken_along,
    a_file_is_tried_mended_and_imported,
    many_are_withdrawn_by_a_job,
    one_is_revised_on_a_phone,
]

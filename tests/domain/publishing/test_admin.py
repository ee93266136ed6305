"""Articles and comments at the admin site: by the verbs of the API, and for whom the API would let."""

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import httpx
import pytest

from app.domain.publishing.policies import RETRACT_ANY_COMMENT, REVISE_ANY_ARTICLE
from app.platform.database.pools import Database
from tests.conftest import SignedIn
from tests.domain.admin.conftest import Browser, staff  # noqa: F401 - a fixture

Enter = Callable[..., Awaitable[Browser]]
WHALES = {"title": "Of whales", "description": "What they are", "body": "There she blows", "tag_list": "whales\nsea"}


@pytest.fixture
async def editor(staff: Enter) -> Browser:  # noqa: F811
    return await staff(REVISE_ANY_ARTICLE, RETRACT_ANY_COMMENT)


async def publish(client: httpx.AsyncClient, author: SignedIn, title: str, *tags: str) -> None:
    body = {"article": {"title": title, "description": "d", "body": "There she blows", "tagList": list(tags)}}
    assert (await client.post("/api/articles", json=body, auth=author)).status_code == 201


async def key_of(editor: Browser, title: str) -> str:
    found = re.search(rf'href="/admin/articles/([0-9a-f-]{{36}})"[^>]*>\s*{title}', await editor.page("/articles"))
    assert found
    return found[1]


async def told(database: Database) -> list[tuple[str, object]]:
    rows = await database.reader().fetch("SELECT name, actor FROM platform_outbox ORDER BY id", ())
    return [(row["name"], row["actor"]) for row in rows if row["name"].startswith("publishing")]


async def test_who_is_let_publishes_and_revises_as_over_the_api(client, editor: Browser, database: Database):
    form = await editor.page("/articles/new")
    assert "/admin/house/slug.js" in form
    answer = await editor.submit(form, "/articles/new", 422, title="", description="d" * 2001, body="b", tag_list="")
    assert re.search(r'id="field-title-note">.*?required', answer.text, re.DOTALL)
    assert "2000" in answer.text
    made = await editor.submit(form, "/articles/new", **WHALES)
    path = made.headers["location"].removeprefix("/admin")
    article = (await client.get("/api/articles/of-whales")).json()["article"]
    assert (article["tagList"], article["author"]["username"]) == (["whales", "sea"], editor.user.username)
    shown = await editor.page(path)
    assert all(text in shown for text in ("of-whales", "whales, sea", editor.user.username))

    form = await editor.page(f"{path}/edit")
    assert "User object" not in form
    await editor.submit(form, f"{path}/edit", **WHALES)  # as it stands: nothing is done, and nobody told
    await editor.submit(form, f"{path}/edit", **WHALES | {"title": "Of seals", "tag_list": "seals"})
    assert (await client.get("/api/articles/of-seals")).json()["article"]["tagList"] == ["seals"]
    late = await editor.submit(form, f"{path}/edit", 422, **WHALES | {"tag_list": "whales"})
    assert re.search(r"<del[^>]*>whales\s+sea</del>.*?<ins>seals</ins>", late.text, re.DOTALL)

    await editor.submit(await editor.page("/articles"), "/articles/action/withdraw", keys=path.rpartition("/")[2])
    assert (await client.get("/api/articles/of-seals")).status_code == 404
    done = ["article_published", "article_revised", "article_withdrawn"]
    assert await told(database) == [(f"publishing.{name}", editor.user.id) for name in done]


async def test_comments_are_rows_of_their_article(
    client,
    sign_in,
    staff: Enter,  # noqa: F811
    editor: Browser,
    database: Database,
    statements,
):
    author = await sign_in()
    await publish(client, author, "Of whales")
    comments = "/api/articles/of-whales/comments"
    await client.post(comments, json={"comment": {"body": "Blubber"}}, auth=author)
    path = f"/articles/{await key_of(editor, 'Of whales')}/edit"
    form = await editor.page(path)
    assert "Blubber" in form
    [key] = re.findall(r'name="newest_comments-0-key" value="(\d+)"', form)
    values = {"title": "Of whales", "description": "d", "body": "There she blows", "tag_list": ""}
    rows = {"newest_comments-count": "2", "newest_comments-0-key": key, "newest_comments-1-key": ""}
    gone = {"newest_comments-count": "2", "newest_comments-0-key": key, "newest_comments-1-key": "99999"}
    with statements() as sent:
        await editor.submit(form, path, **values, **gone)  # nothing is changed of either
    assert not [one for one in sent if "publishing_comment" in one and "FOR UPDATE" in one]
    longer = {"newest_comments-1-body": "x" * 10_001}
    refused = await editor.submit(form, path, 422, **values, **rows, **longer)
    assert re.search(r'id="field-newest_comments-1-body".*?10000', refused.text, re.DOTALL)
    changed = {"newest_comments-0-body": "Other", "newest_comments-0-delete": "1", "newest_comments-1-body": "Spout"}
    await editor.submit(form, path, **values, **rows, **changed)
    [left] = (await client.get(comments)).json()["comments"]
    assert (left["body"], left["author"]["username"]) == ("Spout", editor.user.username)
    assert [name for name, who in await told(database) if who == editor.user.id] == [
        "publishing.comment_retracted",
        "publishing.comment_posted",
    ]

    # Who may not take comments back sees none of them here, and adds none.
    reviser = await staff(REVISE_ANY_ARTICLE)
    form = await reviser.page(path)
    assert "Spout" not in form
    rows = {"newest_comments-count": "1", "newest_comments-0-key": "", "newest_comments-0-body": "Sneaked"}
    await reviser.submit(form, path, **values, **rows)
    assert len((await client.get(comments)).json()["comments"]) == 1
    await reviser.page("/comments", 404)
    listed = await editor.page("/comments")
    await editor.submit(listed, "/comments/action/delete_selected", keys=str(left["id"]))
    assert (await client.get(comments)).json()["comments"] == []


async def test_a_german_reads_german_numbers_dates_and_refusals(client, sign_in, editor: Browser, aside):
    await publish(client, await sign_in(), "Of whales")
    moment = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
    popular = "UPDATE publishing_article SET favorites_count = 1000000, created_at = $1"
    await (await aside.connection()).execute(popular, moment)
    assert "1,000,000" in await editor.page("/articles")
    editor.headers["Accept-Language"] = "de"
    listed = await editor.page("/articles?created_at_in=2026")
    for text in ("1.000.000", "22.11.2026 10:30", "11.2026", "Favoriten"):
        assert text in listed
    counted = {"HX-Request": "true", "HX-Trigger": "records-counter"}
    assert "1 Artikel" in (await editor.get("/admin/articles", headers=counted)).text
    assert "1000000" in (await editor.get("/admin/articles/export")).text
    path = f"/articles/{await key_of(editor, 'Of whales')}/edit"
    wrong = {"title": "W", "description": "d" * 2001, "body": "b", "tag_list": "\n".join("x" * 5_000 for _ in range(2))}
    refused = (await editor.submit(await editor.page(path), path, 422, **wrong)).text
    assert "ist zu lang (höchstens 2000 Zeichen)" in refused
    assert "is too long" not in refused


async def test_lists_are_searched_and_narrowed_by_what_an_index_knows(
    client, sign_in, editor: Browser, statements, database: Database
):
    ann, bob = await sign_in("ann"), await sign_in("bob")
    await publish(client, ann, "Of whales", "sea", "whales")
    with statements() as of_one:
        await editor.page("/articles")
    for number in range(4):
        await publish(client, bob, f"Seals {number}", "sea")
    with statements(at_most=len(of_one)):
        await editor.page("/articles")

    async def found(query: str) -> set[str]:
        html = await editor.page(f"/articles?{query}")
        return set(re.findall(r">\s*(Of whales|Seals \d)\s*<", html))

    seals = {f"Seals {number}" for number in range(4)}
    assert await found("q=whale") == {"Of whales"}  # by its stem, as the API
    assert await found(f"author={bob.id}") == seals
    assert "must be keys of records" in await editor.page("/articles?author=nobody", 422)
    assert await found("tag=whales") == {"Of whales"}
    assert await found("created_at_in=2020") == set()
    assert await found(f"created_at_in={datetime.now(UTC).year}") == seals | {"Of whales"}


async def test_who_lacks_the_permission_finds_nothing(client, sign_in, staff: Enter):  # noqa: F811
    await publish(client, await sign_in(), "Of whales")
    stranger, commenter = await staff(), await staff(RETRACT_ANY_COMMENT)
    path = f"/articles/{await key_of(await staff(REVISE_ANY_ARTICLE), 'Of whales')}"
    for one in (stranger, commenter):
        assert "/admin/articles" not in await one.page("/")
        for address in ("/articles", "/articles/new", path, f"{path}/edit"):
            await one.page(address, 404)
        form = await one.page("/")
        await one.submit(form, "/articles/new", 404, **WHALES)
        await one.submit(form, f"{path}/edit", 404, **WHALES)
        await one.submit(form, f"{path}/delete", 404)
        await one.submit(form, "/articles/action/withdraw", 404, keys=path.rpartition("/")[2])
    assert (await client.get("/api/articles/of-whales")).status_code == 200
    await commenter.page("/comments")

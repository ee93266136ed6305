"""Lists of small tables from outside: numbered pages, counts beside filters and dates, relations by autocomplete."""

import re
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Any, ClassVar
from uuid import UUID
from weakref import WeakKeyDictionary

import pytest
from adminsite.exceptions import AdminSiteError
from litestar import Litestar

from app.domain.accounts.models import User
from app.domain.admin import building, opening
from app.domain.publishing.models import Article
from app.platform.admin.model_admin import ModelAdmin
from tests.domain.admin.conftest import Browser, staff  # noqa: F401 - a fixture
from tests.domain.publishing.test_admin_lists import MADE

SITES: Any = WeakKeyDictionary()
Enter = Callable[..., Awaitable[Browser]]


class AuthorAdmin(ModelAdmin[User]):
    """Whom the filter by author offers."""

    fields = (User.username, User.is_staff)
    searchable_fields = (User.username,)
    record_title = "{username}"
    list_filters = (User.is_staff,)


class ArticleAdmin(ModelAdmin[Article]):
    """Articles as rows, without their service."""

    fields = (Article.title, Article.author, Article.favorites_count, Article.created_at)
    list_filters = (Article.author,)
    date_hierarchy = Article.created_at
    bulk_editable_fields = (Article.author, Article.favorites_count)


@pytest.fixture
def small(app: Litestar, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "offered", lambda _modules: [AuthorAdmin, ArticleAdmin])
    monkeypatch.setattr(opening, "_sites", SITES)
    monkeypatch.setattr(building, "_built", lru_cache(building._built.__wrapped__))


@pytest.mark.usefixtures("small")
async def test_what_is_small_is_counted(sign_in, aside, staff: Enter):  # noqa: F811
    author, admin = await sign_in(), await staff(is_superuser=True)
    await (await aside.connection()).execute(MADE, author.id, "Whale %s", 60)

    html = await admin.page("/articles")
    assert re.findall(r"created_at_in=(\d+)\">\s*\d+ <span[^>]*>\((\d+)\)", html) == [("2025", "1"), ("2026", "59")]
    html = await admin.page("/articles?created_at_in=2026-01")
    assert re.findall(r"created_at_in=([\d-]+)\">\s*[\d-]+ <span[^>]*>\((\d+)\)", html) == [
        ("2026-01-01", "24"),
        ("2026-01-02", "24"),
        ("2026-01-03", "11"),
    ]
    answer = await admin.get("/admin/users", headers={"HX-Request": "true", "HX-Trigger": "filters"})
    assert re.search(r">\s*1\s*<", answer.text), "one is staff"
    counted = await admin.get("/admin/articles", headers={"HX-Request": "true", "HX-Trigger": "records-counter"})
    assert "page=3" in counted.text


@pytest.mark.usefixtures("small")
async def test_a_relation_is_searched_as_one_types_and_given_to_many(sign_in, aside, staff: Enter):  # noqa: F811
    author, other, admin = await sign_in("ahab"), await sign_in("ishmael"), await staff(is_superuser=True)
    connection = await aside.connection()
    await connection.execute(MADE, author.id, "Whale %s", 3)
    offered = await admin.page("/articles/filter/author/lookup?q=ishm")
    assert "ishmael" in offered
    assert "ahab" not in offered

    keys = [str(row["id"]) for row in await connection.fetch("SELECT id FROM publishing_article LIMIT 2")]
    given = {"change_author": "true", "author": str(other.id), "change_favorites_count": "true", "favorites_count": "7"}
    await admin.submit(await admin.page("/articles"), "/articles/action/change", keys=keys, **given)
    found = await connection.fetch(
        "SELECT author_id, favorites_count FROM publishing_article WHERE author_id = $1", UUID(str(other.id))
    )
    assert [tuple(row) for row in found] == [(other.id, 7)] * 2


def test_what_would_scan_a_large_table_is_refused_at_the_start():
    class Wide(ModelAdmin[Article]):
        name = "wide"
        list_filters = (Article.title, Article.favorites_count)
        searchable_fields = (Article.title,)
        fields_default_sort: ClassVar = (Article.favorites_count,)
        large = True

    with pytest.raises(AdminSiteError) as refused:
        Wide()
    said = str(refused.value)
    assert "no index begins with title" in said
    assert said.count("no index begins with favorites_count") == 2
    assert "override search_condition" in said

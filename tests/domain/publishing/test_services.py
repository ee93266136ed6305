"""The verbs of publishing where the contract does not look: order kept by others, races, and undone work."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from msgspec import convert

from app.domain.publishing.models import Article
from app.domain.publishing.policies import RETRACT_ANY_COMMENT, REVISE_ANY_ARTICLE
from app.domain.publishing.queries import article_by_slug, newest_articles
from app.domain.publishing.schemas import ArticleChanges, ArticleOut, NewArticle
from app.domain.publishing.services import ArticleService, CommentService, FavoriteService
from app.kit.errors import Forbidden, NotFound
from app.kit.identity import Viewer
from app.kit.pagination import Window
from app.platform.database.pools import Database
from app.platform.database.work import Service
from tests.domain.publishing.factories import ArticleFactory, CommentFactory
from tests.waiting import until_waiting

SignIn = Callable[..., Awaitable[Any]]

WHALES = convert({"title": "Whales", "description": "d", "body": "b", "tagList": ["sea"]}, NewArticle)


@pytest.fixture
async def author(sign_in: SignIn) -> Viewer:
    return Viewer((await sign_in()).id)


@pytest.fixture
async def other(sign_in: SignIn) -> UUID:
    """Somebody else."""
    return (await sign_in()).id


async def do(database: Database, kind: type[Service], verb: str, *given: object) -> Any:
    """One verb, in a unit of work of its own."""
    service = kind(database.unit_of_work())
    return await service.work.run(lambda: getattr(service, verb)(*given))


async def revise(database: Database, viewer: Viewer, slug: str, **changes: object) -> ArticleOut:
    return await do(database, ArticleService, "revise", viewer, slug, convert(changes, ArticleChanges))


async def test_what_a_verb_answers_is_what_is_read_after_it(database: Database, author: Viewer) -> None:
    published = await do(database, ArticleService, "publish", author, WHALES)
    assert await article_by_slug.one(database.reader(), slug="whales", viewer=author.id) == published

    revised = await revise(database, author, "whales", title="Fish", tagList=["lake"])
    assert await article_by_slug.one(database.reader(), slug="fish", viewer=author.id) == revised


async def test_who_holds_the_permission_revises_and_withdraws(database: Database, author: Viewer, other: UUID) -> None:
    await do(database, ArticleService, "publish", author, WHALES)
    editor = Viewer(other, permissions=frozenset({REVISE_ANY_ARTICLE.name}))

    assert (await revise(database, editor, "whales", body="Better")).body == "Better"
    await do(database, ArticleService, "withdraw", editor, "whales")

    assert await article_by_slug.one(database.reader(), slug="whales", viewer=None) is None


async def test_who_holds_the_permission_retracts_comments(database: Database, author: Viewer, other: UUID) -> None:
    article = await ArticleFactory.saved(database, author.id)
    (comment,) = await CommentFactory.several(database, article, author.id, 1)
    moderator = Viewer(other, permissions=frozenset({RETRACT_ANY_COMMENT.name}))

    await do(database, CommentService, "retract", moderator, article.slug, comment.id)

    with pytest.raises(NotFound):
        await do(database, CommentService, "retract", moderator, article.slug, comment.id)


async def test_a_refused_verb_leaves_nothing_behind(database: Database, author: Viewer, other: UUID) -> None:
    published = await do(database, ArticleService, "publish", author, WHALES)

    with pytest.raises(Forbidden):
        await revise(database, Viewer(other), "whales", title="Fish", tagList=[])

    assert await article_by_slug.one(database.reader(), slug="whales", viewer=author.id) == published


async def test_twelve_revisions_to_one_title_all_get_a_slug(database: Database, author: Viewer) -> None:
    articles = await ArticleFactory.several(database, author.id, 12)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(revise(database, author, article.slug, title="One")) for article in articles]

    assert len({task.result().slug for task in tasks}) == 12


async def test_a_revision_and_a_publication_do_not_meet_on_one_slug(database: Database, author: Viewer) -> None:
    articles = await ArticleFactory.several(database, author.id, 6)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(revise(database, author, article.slug, title="Whales")) for article in articles]
        tasks += [group.create_task(do(database, ArticleService, "publish", author, WHALES)) for _ in articles]

    assert len({task.result().slug for task in tasks}) == 12


async def test_what_meets_a_withdrawal_does_not_find_the_article(database: Database, author: Viewer) -> None:
    """Not a conflict of foreign keys: the reader had an address, and now it leads nowhere."""
    article = await ArticleFactory.saved(database, author.id)
    withdrawal = ArticleService(database.unit_of_work())

    async with asyncio.TaskGroup() as group:

        async def withdraw() -> list[asyncio.Task[object]]:
            await withdrawal.withdraw(author, article.slug)
            await withdrawal.work.session.flush()
            tasks = [
                group.create_task(outcome(do(database, CommentService, "comment", author, article.slug, "hi"))),
                group.create_task(outcome(do(database, FavoriteService, "favor", author, article.slug))),
            ]
            await until_waiting(database.url, len(tasks))
            return tasks

        tasks = await withdrawal.work.run(withdraw)

    assert [task.result() for task in tasks] == [NotFound, NotFound]


async def outcome(doing: Awaitable[object]) -> object:
    try:
        return await doing
    except Exception as error:  # noqa: BLE001 - whatever it is, the test compares its type
        return type(error)


async def test_withdrawn_articles_are_counted_off_with_their_tags(database: Database, author: Viewer) -> None:
    for _ in range(2):
        await do(database, ArticleService, "publish", author, WHALES)
    await do(database, ArticleService, "withdraw", author, "whales")

    for filters in ({}, {"tag": "sea"}):
        page = await newest_articles.page(database.reader(), Window(), viewer=None, **filters)
        assert (page.total, len(page.items)) == (1, 1)


async def test_a_count_of_favourites_is_no_revision(database: Database, author: Viewer) -> None:
    article: Article = await ArticleFactory.saved(database, author.id)

    shown = await do(database, FavoriteService, "favor", author, article.slug)

    assert (shown.favorites_count, shown.updated_at) == (1, shown.created_at)

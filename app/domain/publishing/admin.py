"""Articles and comments at the admin site."""

from typing import Any

from adminsite import Descending
from adminsite.fields import Field
from sqlalchemy import ARRAY, ColumnElement, Uuid, any_, func, select, union_all
from starlette.requests import Request

from app.domain.publishing.models import Article
from app.domain.publishing.policies import REVISE_ANY_ARTICLE
from app.domain.publishing.schemas import ArticleChanges
from app.domain.publishing.search import ranked
from app.domain.publishing.services import ArticleService
from app.platform.admin.inputs import as_input
from app.platform.admin.model_admin import Access, ModelAdmin
from app.platform.admin.verbs import verb
from app.platform.database.work import UnitOfWork


class ArticleAdmin(ModelAdmin[Article]):
    """What authors have published."""

    access = Access(REVISE_ANY_ARTICLE, None, REVISE_ANY_ARTICLE, REVISE_ANY_ARTICLE)
    fields = (
        Article.title,
        Article.slug,
        Article.author,
        Field(Article.description, hidden_in_list=True),
        Article.body,
        Article.created_at,
    )
    record_title = "{title}"
    searchable_fields = (Article.title,)
    list_filters = (Article.author,)
    date_hierarchy = Article.created_at
    fields_default_sort = (Descending(Article.created_at),)
    page_size_options = (25, 100)
    bulk_editable_fields = (Article.description,)
    inline_editable_fields = (Article.description,)
    large = True
    exclude_fields_from_list = (Article.body,)
    deferred_fields = (Article.body,)
    exclude_fields_from_edit = (Article.slug, Article.author, Article.created_at)
    can_create = False
    schema = ArticleChanges

    def search_condition(self, term: str, *, request: Request) -> ColumnElement[bool]:  # noqa: ARG002 - adminsite's
        """The newest articles with these words, as readers search, and the one with this slug."""
        with_words = select(ranked.c.id).params(words=term)
        found = union_all(with_words, select(Article.id).where(Article.slug == term)).scalar_subquery()
        # As an array PostgreSQL takes them for few, as they are; else it may read all articles to find them.
        return Article.id == any_(func.array(found, type_=ARRAY(Uuid())))

    async def change(self, work: UnitOfWork, record: Article, changes: dict[str, Any]) -> None:
        """As its author would over the API."""
        await ArticleService(work).revise(work.viewer, record.slug, as_input(ArticleChanges, changes))

    async def remove(self, work: UnitOfWork, record: Article) -> None:
        """As its author would over the API."""
        await ArticleService(work).withdraw(work.viewer, record.slug)

    @verb("Withdraw", permission=REVISE_ANY_ARTICLE, confirm="Withdraw the chosen articles?", dangerous=True)
    async def withdraw(self, work: UnitOfWork, article: Article) -> None:
        """Withdrawn."""
        await self.remove(work, article)

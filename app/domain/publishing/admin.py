"""Articles and comments at the admin site."""

from typing import Any

from app.domain.publishing.models import Article
from app.domain.publishing.policies import REVISE_ANY_ARTICLE
from app.domain.publishing.schemas import ArticleChanges
from app.domain.publishing.services import ArticleService
from app.platform.admin.inputs import as_input
from app.platform.admin.model_admin import Access, ModelAdmin
from app.platform.admin.verbs import verb
from app.platform.database.work import UnitOfWork


class ArticleAdmin(ModelAdmin[Article]):
    """What authors have published."""

    access = Access(REVISE_ANY_ARTICLE, None, REVISE_ANY_ARTICLE, REVISE_ANY_ARTICLE)
    fields = (Article.title, Article.slug, Article.author, Article.description, Article.body, Article.created_at)
    record_title = "{title}"
    searchable_fields = (Article.title,)
    exclude_fields_from_list = (Article.description, Article.body)
    exclude_fields_from_edit = (Article.slug, Article.author, Article.created_at)
    can_create = False
    schema = ArticleChanges

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

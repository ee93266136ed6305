"""Articles and comments at the admin site."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from adminsite import Field, PanelWidget
from adminsite.columns import Descending
from adminsite.database import SessionAdapter
from adminsite.fields import ComputedField, ListField, TextAreaField
from adminsite.filters import FilterValue
from adminsite.filters.sql import TextFilter
from sqlalchemy import ARRAY, ColumnElement, Uuid, any_, func, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from app.domain.publishing.models import Article, Comment, Tagging
from app.domain.publishing.policies import RETRACT_ANY_COMMENT, REVISE_ANY_ARTICLE
from app.domain.publishing.queries import tags, tags_in_order
from app.domain.publishing.schemas import ArticleChanges, NewArticle, NewComment
from app.domain.publishing.search import ranked
from app.domain.publishing.services import ArticleService, CommentService
from app.platform.admin.filters import ReferenceFilter
from app.platform.admin.inputs import as_input
from app.platform.admin.model_admin import Access, ModelAdmin, Rows
from app.platform.admin.slugs import SluggedField
from app.platform.admin.verbs import verb
from app.platform.database.work import UnitOfWork


class CommentAdmin(ModelAdmin[Comment]):
    """What readers say about articles."""

    access = Access(RETRACT_ANY_COMMENT, RETRACT_ANY_COMMENT, RETRACT_ANY_COMMENT, RETRACT_ANY_COMMENT)
    group = "Publishing"
    fields = (
        TextAreaField(Comment.body),
        Field(Comment.author, exclude_from_create=True),
        Comment.article,
        Field(Comment.created_at, exclude_from_create=True),
    )
    record_title = "Comment {id}"
    sortable_fields = ()
    fields_default_sort = (Descending(Comment.id),)
    list_filters = (ReferenceFilter(Comment.author), ReferenceFilter(Comment.article))
    large = True
    schema = NewComment
    can_edit = False

    def get_readonly_fields(self, request: Request, record: Comment | None) -> Sequence[Any]:  # noqa: ARG002
        """Nobody changes what a reader has said."""
        return [] if record is None else [Comment.body, Comment.author, Comment.created_at]

    async def create(self, work: UnitOfWork, values: dict[str, Any]) -> Comment:
        """As the viewer would over the API."""
        slug, said = values["article"].slug, as_input(NewComment, values)
        return Comment(id=(await CommentService(work).comment(work.viewer, slug, said.body)).id)

    async def remove(self, work: UnitOfWork, record: Comment) -> None:
        """As whoever keeps order would over the API."""
        slug = await work.session.scalar(select(Article.slug).where(Article.id == record.article_id))
        await CommentService(work).retract(work.viewer, slug or "", record.id)


async def tags_of(session: SessionAdapter, articles: Sequence[Article]) -> dict[UUID, str]:
    """The tags of each article, in their order."""
    rows = select(Article.id, tags_in_order).where(Article.id.in_([one.id for one in articles]))
    return {article: ", ".join(found) for article, found in (await session.execute(rows)).all()}


async def comments_of(session: SessionAdapter, articles: Sequence[Article]) -> dict[UUID, int]:
    """How many comments each article has."""
    rows = select(Comment.article_id, func.count()).where(Comment.article_id.in_([one.id for one in articles]))
    counted = await session.execute(rows.group_by(Comment.article_id))
    return {row[0]: row[1] for row in counted.all()}


class TagFilter(TextFilter):
    """Articles with this very tag."""

    is_served = True

    def condition(self, value: FilterValue, repository: Any) -> ColumnElement[bool]:  # noqa: ARG002 - as adminsite asks
        """By the index of the tags."""
        return Article.id.in_(select(Tagging.article_id).where(Tagging.tag == value.first))


class ArticleAdmin(ModelAdmin[Article]):
    """What authors have published; who may change that may publish here too, as themselves, as anybody may."""

    access = Access(REVISE_ANY_ARTICLE, REVISE_ANY_ARTICLE, REVISE_ANY_ARTICLE, REVISE_ANY_ARTICLE)
    group = "Publishing"
    fields = (
        SluggedField(Article.title),
        Field(Article.slug, read_only=True, exclude_from_create=True, hidden_in_list=True),
        Field(Article.author, read_only=True, exclude_from_create=True),
        Field(Article.description, hidden_in_list=True),
        TextAreaField(Article.body, exclude_from_list=True),
        ListField("tag_list", label="Tags", form_only=True, help_text="A tag a line, in their order."),
        ComputedField("tags", load=tags_of, default=""),
        ComputedField("comments", load=comments_of, default=0),
        Field(Article.favorites_count, label="Favourites", read_only=True, exclude_from_create=True),
        Field(Article.created_at, label="Published", read_only=True, exclude_from_create=True),
    )
    form_layout = (
        PanelWidget("Article", [Article.title, Article.slug, Article.description, Article.body, "tag_list"]),
        PanelWidget("About it", [(Article.author, Article.created_at), (Article.favorites_count, "comments"), "tags"]),
    )
    record_title = "{title}"
    searchable_fields = (Article.title,)  # what is found is search_condition's
    sortable_fields = (Article.slug, Article.created_at)
    fields_default_sort = (Descending(Article.created_at),)
    list_filters = (ReferenceFilter(Article.author), TagFilter("tag"))
    date_hierarchy = Article.created_at
    large = True
    page_size_options = (25, 50, 100)
    can_import = True
    bulk_editable_fields = (Article.description,)
    inline_editable_fields = (Article.description,)
    deferred_fields = (Article.body,)
    inlines = (
        Rows(
            Article.newest_comments,
            of=CommentAdmin,
            parent="article",
            label="Newest comments",
            fields=(
                TextAreaField(Comment.body),
                Field(Comment.author, read_only=True, exclude_from_create=True),
                Field(Comment.created_at, read_only=True, exclude_from_create=True),
            ),
            blank_rows=0,
        ),
    )
    belonging = (("tag_list", Tagging.article_id),)
    schema = ArticleChanges

    def search_condition(self, term: str, *, request: Request) -> ColumnElement[bool]:  # noqa: ARG002 - adminsite's
        """The newest articles with these words, as readers search, and the one with this slug."""
        with_words = select(ranked.c.id).params(words=term)
        found = union_all(with_words, select(Article.id).where(Article.slug == term)).scalar_subquery()
        # As an array PostgreSQL takes them for few, as they are; else it may read all articles to find them.
        return Article.id == any_(func.array(found, type_=ARRAY(Uuid())))

    async def besides(self, session: AsyncSession, record: Article | None) -> Mapping[str, Any]:
        """The tags, a word each."""
        if record is None:
            return {}
        return {"tag_list": list(await session.scalars(tags.where(Article.id == record.id)))}

    async def create(self, work: UnitOfWork, values: dict[str, Any]) -> Article:
        """As the viewer would over the API."""
        made = await ArticleService(work).publish(work.viewer, as_input(NewArticle, values))
        return Article(id=await work.session.scalar(select(Article.id).where(Article.slug == made.slug)))

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

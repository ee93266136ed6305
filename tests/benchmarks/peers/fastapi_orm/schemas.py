"""FastAPI's peer: the Pydantic models of what comes in and goes out."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Schema(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, from_attributes=True)


class HealthOut(Schema):
    status: str


class ProfileOut(Schema):
    username: str
    bio: str | None
    image: str | None
    following: bool


class ArticleSummary(Schema):
    slug: str
    title: str
    description: str
    tag_list: list[str]
    created_at: datetime
    updated_at: datetime
    favorited: bool
    favorites_count: int
    author: ProfileOut


class ArticleOut(ArticleSummary):
    body: str


class ArticleEnvelope(Schema):
    article: ArticleOut


class ArticlesEnvelope(Schema):
    articles: list[ArticleSummary]
    articles_count: int


class UserOut(Schema):
    username: str
    email: str
    token: str
    bio: str | None
    image: str | None


class UserEnvelope(Schema):
    user: UserOut


class NewComment(Schema):
    body: str


class PostComment(Schema):
    comment: NewComment


class CommentOut(Schema):
    id: int
    created_at: datetime
    updated_at: datetime
    body: str
    author: ProfileOut


class CommentEnvelope(Schema):
    comment: CommentOut

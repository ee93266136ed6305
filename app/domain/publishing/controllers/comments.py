"""Comments: what readers say about an article."""

from typing import Annotated
from urllib.parse import quote

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta

from app.domain.publishing.queries import article_key, comments_on
from app.domain.publishing.schemas import CommentEnvelope, CommentsEnvelope, PostComment
from app.domain.publishing.services import CommentService
from app.kit.errors import Forbidden, NotFound, found
from app.kit.identity import Viewer
from app.platform.database.work import Reader
from app.platform.handlers import delete, get, post
from app.platform.security import PUBLIC, SIGNED_IN
from app.platform.validation import row_id

Limit = Annotated[int, QueryParameter(ge=1, le=1_000, description="How many comments to list at most")]
Offset = Annotated[int, QueryParameter(ge=0, le=2**53, description="How many comments to pass over, newest first")]

CommentId = Annotated[str, Meta(pattern="^[1-9][0-9]*$", examples=["7"])]  # what is none is 404, said by `row_id`


class CommentController(Controller):
    """The comments on an article."""

    path = "/articles/{slug:str}/comments"

    @get(permission=PUBLIC, cached=True, refuses=(NotFound,))
    async def list_comments(
        self,
        slug: FromPath[str],
        viewer: NamedDependency[Viewer],
        reader: NamedDependency[Reader],
        limit: Limit = 1_000,
        offset: Offset = 0,
    ) -> CommentsEnvelope:
        """List the comments on an article, newest first."""
        comments = await comments_on.all(reader, slug=slug, viewer=viewer.id, limit=limit, offset=offset)
        found(comments or await article_key.one(reader, slug=slug), "article")
        return CommentsEnvelope(comments)

    @post(permission=SIGNED_IN, refuses=(NotFound,))
    async def post_comment(
        self,
        slug: FromPath[str],
        data: JSONBody[PostComment],
        viewer: NamedDependency[Viewer],
        comments: NamedDependency[CommentService],
    ) -> Response[CommentEnvelope]:
        """Comment on an article."""
        comment = await comments.comment(viewer, slug, data.comment.body)
        location = f"/api/articles/{quote(slug)}/comments/{comment.id}"
        return Response(CommentEnvelope(comment), headers={"Location": location})

    @delete("/{comment_id:str}", permission=SIGNED_IN, refuses=(NotFound, Forbidden))
    async def retract_comment(
        self,
        slug: FromPath[str],
        comment_id: FromPath[CommentId],
        viewer: NamedDependency[Viewer],
        comments: NamedDependency[CommentService],
    ) -> None:
        """Take back a comment of one's own."""
        await comments.retract(viewer, slug, row_id(comment_id, "comment"))

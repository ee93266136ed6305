"""What publishing tells users of, once it has happened."""

from uuid import uuid5

from app.domain.notifications.services import notify
from app.domain.publishing.events import CommentPosted, UserFollowed
from app.domain.publishing.queries import commented_article
from app.kit.news import Kind, News
from app.platform.database.work import UnitOfWork
from app.platform.events.log import Envelope
from app.platform.events.subscribers import subscriber

COMMENT = Kind("publishing.comment_on_my_article", "Somebody commented on an article of mine")
FOLLOWER = Kind("publishing.new_follower", "Somebody follows me")


@subscriber(CommentPosted)
async def tell_author_of_comment(work: UnitOfWork, posted: CommentPosted, envelope: Envelope) -> None:
    """Tell whose article it is, unless the comment is gone already."""
    comment = await commented_article.one(work, comment=posted.comment_id)
    if comment is not None:
        news = News(f"commented on “{comment.title}”", f"/api/articles/{comment.slug}", comment.author_id)
        await notify(work, comment.of_author_id, COMMENT, envelope.id, news)


@subscriber(UserFollowed)
async def tell_user_of_follower(work: UnitOfWork, followed: UserFollowed, envelope: Envelope) -> None:
    """Tell who is followed, of each follower once: to follow over and over tells nobody more."""
    if envelope.actor is not None:
        once = uuid5(envelope.actor, str(followed.followed_id))
        await notify(work, followed.followed_id, FOLLOWER, once, News("follows you", actor=envelope.actor))

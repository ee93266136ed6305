"""Who may do what to which row: pure functions of the viewer and the row."""

from app.domain.publishing.models import Article, Comment
from app.kit.identity import Permission, Viewer

REVISE_ANY_ARTICLE = Permission("publishing.revise_any_article", "change and withdraw the articles of others")
RETRACT_ANY_COMMENT = Permission("publishing.retract_any_comment", "take back the comments of others")


def may_revise(viewer: Viewer, article: Article) -> bool:
    """Whether they may change the article, and withdraw it: its author, and whoever keeps order."""
    return article.author_id == viewer.id or viewer.may(REVISE_ANY_ARTICLE)


def may_retract(viewer: Viewer, comment: Comment) -> bool:
    """Whether they may take the comment back: who said it, and whoever keeps order, but not the article's author."""
    return comment.author_id == viewer.id or viewer.may(RETRACT_ANY_COMMENT)

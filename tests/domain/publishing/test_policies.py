"""Who may do what, without a database."""

from uuid import uuid4

import pytest

from app.domain.publishing.models import Article, Comment
from app.domain.publishing.policies import RETRACT_ANY_COMMENT, REVISE_ANY_ARTICLE, may_retract, may_revise
from app.kit.identity import ANONYMOUS, Viewer

AUTHOR, OTHER = Viewer(uuid4()), Viewer(uuid4())
EDITOR = Viewer(uuid4(), permissions=frozenset({REVISE_ANY_ARTICLE.name}))
MODERATOR = Viewer(uuid4(), permissions=frozenset({RETRACT_ANY_COMMENT.name}))
SUPERUSER = Viewer(uuid4(), is_superuser=True)


@pytest.mark.parametrize(
    ("viewer", "allowed"),
    [(AUTHOR, True), (EDITOR, True), (SUPERUSER, True), (OTHER, False), (MODERATOR, False), (ANONYMOUS, False)],
    ids=["author", "editor", "superuser", "another", "moderator", "anonymous"],
)
def test_who_may_revise_an_article(viewer: Viewer, allowed: bool) -> None:
    assert may_revise(viewer, Article(author_id=AUTHOR.id)) is allowed


@pytest.mark.parametrize(
    ("viewer", "allowed"),
    [(AUTHOR, True), (MODERATOR, True), (SUPERUSER, True), (OTHER, False), (EDITOR, False), (ANONYMOUS, False)],
    ids=["author", "moderator", "superuser", "another", "editor", "anonymous"],
)
def test_who_may_retract_a_comment(viewer: Viewer, allowed: bool) -> None:
    assert may_retract(viewer, Comment(author_id=AUTHOR.id)) is allowed

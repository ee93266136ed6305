"""What publishing brings to the house."""

from litestar import Router
from litestar.di import Provide

from app.domain.accounts.services import provide_accounts
from app.domain.publishing.commands import seed
from app.domain.publishing.controllers.articles import ArticleController
from app.domain.publishing.controllers.comments import CommentController
from app.domain.publishing.controllers.favorites import FavoriteController
from app.domain.publishing.controllers.follows import FollowController
from app.domain.publishing.controllers.profiles import ProfileController
from app.domain.publishing.controllers.search import search_articles
from app.domain.publishing.controllers.tags import list_tags
from app.domain.publishing.controllers.users import UserController
from app.domain.publishing.demo import load_demo
from app.domain.publishing.models import Article, Comment, Favorite, Follow, Tagging
from app.domain.publishing.policies import RETRACT_ANY_COMMENT, REVISE_ANY_ARTICLE
from app.domain.publishing.services import (
    ArticleService,
    CommentService,
    FavoriteService,
    FollowService,
    revert_article,
)
from app.domain.publishing.shares import share_of
from app.domain.publishing.subscribers import COMMENT, FOLLOWER, tell_author_of_comment, tell_user_of_follower
from app.platform.audited import Audited
from app.platform.handlers import service
from app.platform.module import Module

module = Module(
    name="publishing",
    summary="Articles and the conversation about them: the RealWorld API",
    routers=[
        Router(
            "/api",
            route_handlers=[
                UserController,
                ProfileController,
                FollowController,
                ArticleController,
                FavoriteController,
                CommentController,
                list_tags,
            ],
            dependencies={
                "accounts": Provide(provide_accounts, sync_to_thread=False),
                "articles": service(ArticleService),
                "comments": service(CommentService),
                "favorites": service(FavoriteService),
                "follows": service(FollowService),
            },
            tags=["publishing"],
            opt={"tokens_only": True},  # as the contract of that API has it
        ),
        Router("/api/v1", route_handlers=[search_articles], tags=["publishing"]),
    ],
    permissions=[REVISE_ANY_ARTICLE, RETRACT_ANY_COMMENT],
    kinds=[COMMENT, FOLLOWER],
    subscribers=[tell_author_of_comment, tell_user_of_follower],
    share=share_of,
    commands=[seed],
    admin="app.domain.publishing.admin",
    demo=load_demo,
    audited=[
        # What people wrote goes with them; of a title, its slug says as much.
        Audited(
            model=Article,
            ignored=["favorites_count", "updated_at"],
            personal=["slug", "title", "description", "body"],
            person="author_id",
            revert=revert_article,
        ),
        Audited(model=Tagging),
        Audited(model=Favorite),
        Audited(model=Follow),
        Audited(model=Comment, ignored=["updated_at"], personal=["body"], person="author_id"),
    ],
)

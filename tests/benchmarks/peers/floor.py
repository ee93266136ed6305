"""The floor: what these answers cost without a framework; granian RSGI, asyncpg's own pool, JSON by PostgreSQL."""

import hashlib
import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import asyncpg
import msgspec

JSON = [("content-type", "application/json")]
DOCUMENT = (Path(__file__).parents[2] / "contract" / "openapi.json").read_bytes()

# $1 is what is asked for, $2 the digest of the token: every statement finds the viewer by it on its way.
VIEWER = """viewer AS MATERIALIZED (SELECT u.* FROM accounts_token k JOIN accounts_user u ON u.id = k.user_id
    WHERE k.digest = $2 AND k.expires_at > now() AND u.is_active)"""
FOLLOWING = """(SELECT true FROM publishing_follow f
    WHERE f.follower_id = (SELECT id FROM viewer) AND f.followed_id = u.id) IS NOT NULL"""
FAVORITED = """(SELECT true FROM publishing_favorite f
    WHERE f.user_id = (SELECT id FROM viewer) AND f.article_id = a.id) IS NOT NULL"""
PROFILE = "json_build_object('username', u.username, 'bio', u.bio, 'image', u.image, 'following', {following})"
ARTICLE = """json_build_object('slug', a.slug, 'title', a.title, 'description', a.description, {body}
    'tagList', ARRAY(SELECT tag FROM publishing_tagging t WHERE t.article_id = a.id ORDER BY t.position),
    'createdAt', to_char(a.created_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'updatedAt', to_char(a.updated_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'favorited', {favorited}, 'favoritesCount', a.favorites_count {changed}, 'author', {author})"""
TOTAL = """(SELECT coalesce(sum(value), 0)::bigint FROM platform_counter
    WHERE name = 'publishing_article' AND key = '')"""
TOTAL_OF_FEED = """(SELECT count(*) FROM publishing_follow f JOIN publishing_article a ON a.author_id = f.followed_id
    WHERE f.follower_id = (SELECT id FROM viewer))"""
NEWEST = "publishing_article a JOIN accounts_user u ON u.id = a.author_id ORDER BY a.id DESC LIMIT $1"
NEWEST_OF_FOLLOWED = """(SELECT n.id FROM publishing_follow f CROSS JOIN LATERAL (
        SELECT id FROM publishing_article WHERE author_id = f.followed_id ORDER BY id DESC LIMIT $1) n
        WHERE f.follower_id = (SELECT id FROM viewer) ORDER BY n.id DESC LIMIT $1) n
    JOIN publishing_article a ON a.id = n.id JOIN accounts_user u ON u.id = a.author_id ORDER BY a.id DESC"""


def article(*, whole: bool = True, signed_in: bool = True, favorited: str = FAVORITED, changed: str = "") -> str:
    """One article `a` and its author `u`, as JSON."""
    author = PROFILE.format(following=FOLLOWING if signed_in else "false")
    favorited = favorited if signed_in else "false"
    return ARTICLE.format(body="'body', a.body," if whole else "", favorited=favorited, changed=changed, author=author)


def one(*, signed_in: bool) -> str:
    """The statement for the article whose slug is $1."""
    begin = f"WITH {VIEWER} " if signed_in else ""
    return f"""{begin}SELECT json_build_object('article', {article(signed_in=signed_in)})::text
        FROM publishing_article a JOIN accounts_user u ON u.id = a.author_id WHERE a.slug = $1"""


def page(*, signed_in: bool, source: str = NEWEST, total: str = TOTAL) -> str:
    """The statement for the first $1 articles and the number of all."""
    begin = f"WITH {VIEWER} " if signed_in else ""
    return f"""{begin}SELECT json_build_object('articles', coalesce(json_agg(article), '[]'), 'articlesCount', {total}
        )::text FROM (SELECT {article(whole=False, signed_in=signed_in)} AS article FROM {source}) AS articles"""


def changed_favorite(changes: str, *, favorited: bool, step: str) -> str:
    """The statement that makes the article whose slug is $1 a favourite, or none any more, and shows it."""
    shown = article(favorited=str(favorited).lower(), changed=f"{step} (SELECT count(*) FROM changed)")
    return f"""WITH {VIEWER}, {changes} SELECT json_build_object('article', {shown})::text
        FROM publishing_article a JOIN accounts_user u ON u.id = a.author_id WHERE a.slug = $1"""


ONE, ONE_SIGNED_IN = one(signed_in=False), one(signed_in=True)
LIST, LIST_SIGNED_IN = page(signed_in=False), page(signed_in=True)
FEED = page(signed_in=True, source=NEWEST_OF_FOLLOWED, total=TOTAL_OF_FEED)
FAVOR = changed_favorite(
    """changed AS (
        INSERT INTO publishing_favorite SELECT viewer.id, a.id FROM publishing_article a, viewer WHERE a.slug = $1
        ON CONFLICT DO NOTHING RETURNING article_id),
    counted AS (
        UPDATE publishing_article SET favorites_count = favorites_count + 1
        WHERE id IN (SELECT article_id FROM changed))""",
    favorited=True,
    step="+",
)
UNFAVOR = changed_favorite(  # which a trigger counts
    """changed AS (
        DELETE FROM publishing_favorite WHERE user_id = (SELECT id FROM viewer)
        AND article_id = (SELECT id FROM publishing_article WHERE slug = $1) RETURNING article_id)""",
    favorited=False,
    step="-",
)
USER = f"""WITH {VIEWER} SELECT json_build_object('user', json_build_object('username', u.username, 'email', u.email,
    'token', $1::text, 'bio', u.bio, 'image', u.image))::text FROM viewer u"""
COMMENT = f"""WITH {VIEWER}, posted AS (
    INSERT INTO publishing_comment (article_id, author_id, body)
    SELECT a.id, viewer.id, $3 FROM publishing_article a, viewer WHERE a.slug = $1 RETURNING *),
    told AS (INSERT INTO platform_outbox (name, subject, actor, payload)
    SELECT 'publishing.comment_posted', 'comment:' || id, author_id, jsonb_build_object('commentId', id, 'slug', $1)
    FROM posted)
    SELECT json_build_object('comment', json_build_object('id', c.id,
    'createdAt', to_char(c.created_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'updatedAt', to_char(c.updated_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'body', c.body,
    'author', {PROFILE.format(following="false")}))::text FROM posted c JOIN viewer u ON u.id = c.author_id"""


class Floor:
    """An RSGI application with one `if` per route."""

    def __init__(self) -> None:
        self.pool: asyncpg.Pool

    def __rsgi_init__(self, loop: Any) -> None:
        """Open the pool before the first request."""
        loop.run_until_complete(self._open())

    async def _open(self) -> None:
        async def no_reset(_: asyncpg.Connection) -> None:
            """A reset query would cost as much as the query."""

        url = os.environ["DATABASE_URL"]
        self.pool = await asyncpg.create_pool(url, min_size=10, max_size=10, reset=no_reset)

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        """Answer."""
        path = scope.path
        if path == "/health":
            protocol.response_str(200, JSON, '{"status":"ok"}')
        elif path == "/openapi.json":
            protocol.response_bytes(200, JSON, DOCUMENT)
        else:
            status, text = await self._ask(path, scope, protocol)
            protocol.response_str(status, JSON, text)

    async def _ask(self, path: str, scope: Any, protocol: Any) -> tuple[int, str]:
        """Status and JSON, by one statement."""
        fetch, token = self.pool.fetchval, scope.headers.get("authorization")
        token = token and token[6:]  # after `Token `
        viewer = (hashlib.sha256(token.encode()).digest(),) if token else ()
        if path == "/api/user":
            return 200, await fetch(USER, token, *viewer)
        if path == "/api/articles":
            return 200, await fetch(LIST_SIGNED_IN if token else LIST, limit_of(scope), *viewer)
        if path == "/api/articles/feed":
            return 200, await fetch(FEED, limit_of(scope), *viewer)
        slug = path.split("/")[3]
        if path.endswith("/comments"):
            body = msgspec.json.decode(await protocol())["comment"]["body"]
            return 201, await fetch(COMMENT, slug, *viewer, body)
        if path.endswith("/favorite"):
            return 200, await fetch(FAVOR if scope.method == "POST" else UNFAVOR, slug, *viewer)
        return 200, await fetch(ONE_SIGNED_IN if token else ONE, slug, *viewer)


def limit_of(scope: Any) -> int:
    """How many articles are asked for."""
    return int(dict(parse_qsl(scope.query_string)).get("limit", 20))


app = Floor()

"""The floor: what these answers cost without a framework; granian RSGI, asyncpg's own pool, JSON by PostgreSQL."""

import hashlib
import os
from typing import Any

import asyncpg
import msgspec

JSON = [("content-type", "application/json")]
PROFILE = "json_build_object('username', u.username, 'bio', u.bio, 'image', u.image, 'following', {following})"
ARTICLE = """json_build_object('slug', a.slug, 'title', a.title, 'description', a.description, {body}
    'tagList', ARRAY(SELECT tag FROM publishing_tagging t WHERE t.article_id = a.id ORDER BY t.position),
    'createdAt', to_char(a.created_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'updatedAt', to_char(a.updated_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'favorited', false, 'favoritesCount', a.favorites_count, 'author', {author})"""
COUNTED = """(SELECT coalesce(sum(value), 0)::bigint FROM platform_counter
    WHERE name = 'publishing_article' AND key = '')"""
FOUND = """accounts_token k JOIN accounts_user u ON u.id = k.user_id
    WHERE k.digest = $1 AND k.expires_at > now() AND u.is_active"""

anonymous = PROFILE.format(following="false")
ONE = f"""SELECT json_build_object('article', {ARTICLE.format(body="'body', a.body,", author=anonymous)})::text
    FROM publishing_article a JOIN accounts_user u ON u.id = a.author_id WHERE a.slug = $1"""
LIST = f"""SELECT json_build_object('articles', coalesce(json_agg(article), '[]'), 'articlesCount', {COUNTED})::text
    FROM (SELECT {ARTICLE.format(body="", author=anonymous)} AS article FROM publishing_article a
    JOIN accounts_user u ON u.id = a.author_id ORDER BY a.id DESC LIMIT $1 OFFSET $2) AS articles"""
USER = f"""SELECT json_build_object('user', json_build_object('username', u.username, 'email', u.email,
    'token', $2::text, 'bio', u.bio, 'image', u.image))::text FROM {FOUND}"""
COMMENT = f"""WITH viewer AS (SELECT u.* FROM {FOUND}), posted AS (
    INSERT INTO publishing_comment (article_id, author_id, body)
    SELECT a.id, viewer.id, $3 FROM publishing_article a, viewer WHERE a.slug = $2 RETURNING *)
    SELECT json_build_object('comment', json_build_object('id', c.id,
    'createdAt', to_char(c.created_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'updatedAt', to_char(c.updated_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'body', c.body,
    'author', {anonymous}))::text FROM posted c JOIN viewer u ON u.id = c.author_id"""


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

        self.pool = await asyncpg.create_pool(
            os.environ["DATABASE_URL"],
            min_size=10,
            max_size=10,
            reset=no_reset,
            server_settings={"timezone": "UTC", "jit": "off"},
        )

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        """Answer."""
        path = scope.path
        if path == "/hello":
            protocol.response_str(200, JSON, '{"hello":"world"}')
        elif path == "/api/user":
            token = scope.headers["authorization"].split()[1]
            text = await self.pool.fetchval(USER, hashlib.sha256(token.encode()).digest(), token)
            protocol.response_str(200, JSON, text)
        elif path == "/api/articles":
            protocol.response_str(200, JSON, await self.pool.fetchval(LIST, 20, 0))
        elif scope.method == "POST":
            await self._comment(path.split("/")[3], scope, protocol)
        else:
            protocol.response_str(200, JSON, await self.pool.fetchval(ONE, path.split("/")[3]))

    async def _comment(self, slug: str, scope: Any, protocol: Any) -> None:

        token = scope.headers["authorization"].split()[1]
        body = msgspec.json.decode(await protocol())["comment"]["body"]
        text = await self.pool.fetchval(COMMENT, hashlib.sha256(token.encode()).digest(), slug, body)
        protocol.response_str(201, JSON, text)


app = Floor()

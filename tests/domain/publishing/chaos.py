"""What clients of the crash test write in publishing, and what must then hold there."""

from tests.chaos.scenario import Scenario, Write

TAGS = ["whales", "ships"]
PREPARE = """
INSERT INTO publishing_article (slug, title, description, body, author_id)
SELECT 'commented', 'Commented', '', 'On which all comment', id FROM accounts_user ORDER BY id LIMIT 1
"""
CHECKS = {
    "an acknowledged article exists once": """
        SELECT w.name, count(a.id) FROM chaos_write w LEFT JOIN publishing_article a ON a.title = w.name
        WHERE w.kind = 'article' AND w.is_acknowledged GROUP BY w.name HAVING count(a.id) <> 1""",
    "an article exists once at most": """
        SELECT title, count(*) FROM publishing_article GROUP BY title HAVING count(*) <> 1""",
    "an article has its tags, is found and was told of, once": f"""
        SELECT a.title, t.count, d.count, v.count FROM publishing_article a,
        LATERAL (SELECT count(*) FROM publishing_tagging WHERE article_id = a.id) AS t,
        LATERAL (SELECT count(*) FROM publishing_document WHERE article_id = a.id) AS d,
        LATERAL (SELECT count(*) FROM platform_event WHERE name = 'publishing.article_published'
                 AND payload ->> 'articleId' = a.id::text) AS v
        WHERE a.slug <> 'commented' AND (t.count, d.count, v.count) <> ({len(TAGS)}, 1, 1)""",
    "an acknowledged comment exists once": """
        SELECT w.name, count(c.id) FROM chaos_write w LEFT JOIN publishing_comment c ON c.body = w.name
        WHERE w.kind = 'comment' AND w.is_acknowledged GROUP BY w.name HAVING count(c.id) <> 1""",
    "a comment exists once at most, and was told of once": """
        SELECT c.body, count(DISTINCT c.id), count(v.id) FROM publishing_comment c LEFT JOIN platform_event v
        ON v.name = 'publishing.comment_posted' AND v.payload ->> 'commentId' = c.id::text
        GROUP BY c.body HAVING (count(DISTINCT c.id), count(v.id)) <> (1, 1)""",
    "an author was told once of each comment by somebody else": """
        SELECT c.body, count(n.id) FROM publishing_comment c JOIN publishing_article a ON a.id = c.article_id
        JOIN platform_event v ON v.name = 'publishing.comment_posted' AND v.payload ->> 'commentId' = c.id::text
        LEFT JOIN notifications_notification n ON n.cause = v.id
        WHERE c.author_id <> a.author_id GROUP BY c.body HAVING count(n.id) <> 1""",
}


def write(name: str, number: int) -> Write:
    """An article, or a comment."""
    if number % 2:
        article = {"title": name, "description": "A tale", "body": "Of whales", "tagList": TAGS}
        return Write("article", name, "/api/articles", {"article": article})
    return Write("comment", name, "/api/articles/commented/comments", {"comment": {"body": name}})


SCENARIO = Scenario(CHECKS, PREPARE, write)

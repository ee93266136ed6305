"""Articles for the pages of the admin site; a sun in what rows say tells it from what the site says."""

ROWS = """
INSERT INTO publishing_article (slug, title, description, body, author_id)
SELECT 'sun-whales-' || n, 'Of whales ☼' || n, 'Large ☼', 'They swim far. ☼', (SELECT id FROM accounts_user LIMIT 1)
FROM generate_series(1, 3) n;
INSERT INTO publishing_tagging (article_id, tag, position) SELECT id, 'sea ☼', 0 FROM publishing_article;
INSERT INTO publishing_comment (article_id, author_id, body)
SELECT id, author_id, 'So they do. ☼' FROM publishing_article;
"""

"""Endpoints and their messages for the pages of the admin site, of which none is sent any more."""

ROWS = """
INSERT INTO webhooks_endpoint (url, description, events, disabled_at, disabled_reason, succeeded_at) VALUES
    ('https://shop.example.com/hooks', 'the old shop ☼', '{a.*}', now(), 'failed for 3 days ☼', now()),
    ('https://mill.example.com/hooks/of-the-new-mill-by-the-river', 'the mill ☼', '{ships.*}', NULL, NULL, now());
INSERT INTO webhooks_delivery (
    endpoint_id, event_id, event, occurred_at, body, state, attempts, due_at, attempted_at, url, status, headers, answer
) SELECT id, uuidv7(), 'ships.ship_sailed', now(), '{"data": {"ship": "☼"}}', state, 3, NULL, now(), url, status,
    '{"server": "mill"}', 'no room ☼'
FROM webhooks_endpoint, (VALUES ('delivered', 204), ('failed', 500)) AS sent (state, status)
WHERE url LIKE '%mill%';
"""

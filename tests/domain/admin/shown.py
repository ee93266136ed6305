"""Events and mail for the pages of the machinery; a sun in what rows say tells it from what the site says."""

ROWS = """
INSERT INTO platform_event (position, id, at, name, subject, payload)
SELECT 900000 + n, uuidv7(), now() - n % 7 * interval '5 minutes', 'ships.ship_sailed', 'ship:' || n, '{}'
FROM generate_series(1, 20) n;
INSERT INTO platform_subscription VALUES ('mail.thank', 0);
INSERT INTO platform_held (subscriber, position, subject, attempts, is_dead, error) VALUES
    ('mail.thank', 900003, 'ship:3', 5, true, 'OSError: no route ☼'),
    ('mail.thank', 900004, 'ship:4', 1, false, 'OSError: later ☼');
INSERT INTO platform_mail (id, message_id, recipient, subject, content, failed_at, error) VALUES
    (uuidv7(), '<1@here>', 'ann@example.com', 'Welcome ☼', NULL, now(), '550 nobody here ☼'),
    (uuidv7(), '<2@here>', 'bob@example.com', 'A new link ☼', 'x', NULL, NULL);
INSERT INTO platform_mail_suppression VALUES ('old@example.com', 'it bounced ☼');
"""

"""Jobs in each state for the pages of the admin site, of whom none is done by any worker; and a schedule."""

ROWS = """
INSERT INTO platform_job (name, queue, state, arguments, tries, created_at, started_at, ended_at, attempts, result)
SELECT 'ships.sail', 1, 'done', '{}', 5, moment, moment, moment, 1, n || ' ☼'
FROM generate_series(1, 25) n, LATERAL (SELECT now() - n * n % 50 * interval '1 minute') AS _ (moment);
INSERT INTO platform_job (name, queue, state, arguments, tries, attempts, ended_at, error) VALUES
    ('ships.moor', 3, 'cancelled', '{}', 5, 0, now(), NULL),
    ('ships.stoke', 0, 'dead', '{}', 5, 5, now(), E'In ☼\\n  File "/boiler/room.py", line 7 ☼\\nOSError: no ☼\\n');
INSERT INTO platform_schedule VALUES ('accounts.clear_sessions', '1 3 * * *', now() + interval '1 h', now())
ON CONFLICT DO NOTHING;
"""

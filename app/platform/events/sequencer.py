"""From the outbox to the log: each event gets its position once no older transaction can still bring one before it.

Ids and transaction numbers are drawn before the commit, so neither tells what is complete. Below the oldest running
transaction nothing can come any more; and within that, ids stand in the order in which the events were written: who
wrote second about one thing had waited for the first.
"""

from app.platform.database.pools import Database

BATCH = 1_000
# The row's lock is what makes a sequencer; the statement after it sees all that the one before has committed.
TURN = "SELECT position FROM platform_event_end WHERE id = 1 FOR UPDATE SKIP LOCKED"
# Where it is nobody's turn: because another has it, or because there was none yet.
BEGIN = """
INSERT INTO platform_event_end (id, position) SELECT 1, coalesce(max(position), 0) FROM platform_event
ON CONFLICT DO NOTHING RETURNING position
"""
MOVE = """
WITH ready AS (
    DELETE FROM platform_outbox WHERE id IN (
        SELECT id FROM platform_outbox WHERE xid < (pg_snapshot_xmin(pg_current_snapshot())::text)::bigint
        ORDER BY id LIMIT $2
    ) RETURNING id, at, name, subject, actor, request_id, correlation_id, payload
), moved AS (
    INSERT INTO platform_event (position, id, at, name, subject, actor, request_id, correlation_id, payload)
    SELECT $1::bigint + row_number() OVER (ORDER BY id),
        id, at, name, subject, actor, request_id, correlation_id, payload FROM ready
)
UPDATE platform_event_end SET position = position + ready.count
FROM (SELECT count(*) FROM ready) AS ready WHERE id = 1 AND ready.count > 0 RETURNING ready.count
"""


async def sequence(database: Database) -> int:
    """Move what is ready, at most a thousand events; how many. 0 also when another process is at it."""
    work = database.unit_of_work()

    async def move() -> int:
        turn = await work.fetch(TURN, ()) or await work.fetch(BEGIN, ())
        if not turn:
            return 0
        rows = await work.fetch(MOVE, (turn[0][0], BATCH))
        return rows[0][0] if rows else 0

    return await work.run(move)

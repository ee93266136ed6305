"""What must hold once all is drained, whatever modules there are: each promise finds the rows that break it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.platform.module import installed
from config.modules import MODULES
from tests.chaos import entries
from tests.chaos.clients import Attempted, Caller
from tests.chaos.house import House, awaited
from tests.chaos.scenario import Scenario

REPEATED = 40  # acknowledged writes that are asked for once more
WRITES = """
CREATE TABLE chaos_write (kind text NOT NULL, name text NOT NULL, is_acknowledged boolean NOT NULL, tries int NOT NULL)
"""
NOTE = "INSERT INTO chaos_write SELECT * FROM unnest($1::text[], $2::text[], $3::bool[], $4::int[])"
UNHEARD = """
SELECT s.name, s.position, v.position, v.name FROM platform_subscription s, platform_event v
WHERE s.name = $1 AND v.position > s.position AND ($2::text[] IS NULL OR v.name = ANY($2))
"""
# Pauses between tries are no subject here: whatever waits for its time is due at once.
HURRY = """
WITH jobs AS (UPDATE platform_job SET due_at = now() WHERE state = 'waiting' AND due_at > now())
UPDATE platform_held SET due_at = now() WHERE due_at > now()
"""
LEFT = {
    "the outbox is emptied": "SELECT id, name, subject FROM platform_outbox",
    "no subscriber holds an event": "SELECT subscriber, position, is_dead, error FROM platform_held",
    # Of unique jobs, one that is tried again stands for the one that waits: that one has never been begun.
    "every job is done": "SELECT id, name, state, attempts, error FROM platform_job WHERE state <> 'done'"
    " AND NOT (state = 'cancelled' AND attempts = 0 AND error LIKE '%stands for it')",
}
CHECKS = {
    "positions of the log have neither gaps nor two events": """
        SELECT e.position, count(*), count(DISTINCT v.position), min(v.position), max(v.position)
        FROM platform_event_end e, platform_event v GROUP BY e.position
        HAVING (count(*), count(DISTINCT v.position), min(v.position), max(v.position))
            <> (e.position, e.position, 1, e.position)""",
    "an event is in the log once": "SELECT id, count(*) FROM platform_event GROUP BY id HAVING count(*) <> 1",
    "a key that is claimed has its answer": """
        SELECT user_id, encode(key, 'hex') FROM platform_idempotency WHERE status IS NULL""",
    "each acknowledged write has a key of its own, and nothing else has one": """
        SELECT k.count, w.least, w.most FROM (SELECT count(*) FROM platform_idempotency) AS k,
        (SELECT count(*) FILTER (WHERE is_acknowledged) AS least, count(*) AS most FROM chaos_write) AS w
        WHERE k.count NOT BETWEEN w.least AND w.most""",
}
# As the triggers were told: the table, and the column by whose values its rows are counted, where there is one.
COUNTED = """
SELECT tgargs FROM pg_trigger WHERE tgfoid = 'platform_count'::regproc AND tgname = 'count_inserted'
"""
DISAGREEING = """
SELECT key, counted.total, found.total
FROM (SELECT key, sum(value)::bigint AS total FROM platform_counter WHERE name = '{table}' GROUP BY key) AS counted
FULL JOIN (SELECT {key} AS key, count(*) AS total FROM {table} GROUP BY 1) AS found USING (key)
WHERE coalesce(counted.total, 0) <> coalesce(found.total, 0)
"""


def drain(house: House, stories: Sequence[Scenario], seconds: float) -> None:
    """Wait until nothing is left to be done, no longer than so many seconds."""
    left = LEFT | {promise: sql for story in stories for promise, sql in story.left.items()}
    hurry = [HURRY, *(story.hurry for story in stories if story.hurry)]

    def is_drained() -> bool:
        house.tend()
        for sql in hurry:
            house.fetch(sql)
        return not any(house.fetch(f"{sql} LIMIT 1") for sql in left.values()) and not _unheard(house)

    awaited(is_drained, seconds)
    _check(house, left)
    for row in _unheard(house):
        house.broken("every subscriber heard all", row)


def _unheard(house: House) -> list[tuple[Any, ...]]:
    known = [(one.name, one.names) for module in installed(MODULES) for one in module.subscribers]
    return [row for subscriber in (*entries.SUBSCRIBERS, *known) for row in house.fetch(UNHEARD, *subscriber)]


def check(house: House, stories: Sequence[Scenario], attempted: Iterable[Attempted]) -> None:
    """Note every violation."""
    attempted = list(attempted)
    house.fetch(WRITES)
    columns = zip(*[(one.write.kind, one.write.name, one.is_acknowledged, one.tries) for one in attempted], strict=True)
    house.fetch(NOTE, *map(list, columns))
    for these in (CHECKS, *(story.checks for story in stories)):
        _check(house, these)
    _check_counters(house)
    _check_answers(house, attempted)  # at last: to repeat what was lost would bring it back


def _check(house: House, promises: Mapping[str, str]) -> None:
    for promise, sql in promises.items():
        for row in house.fetch(sql):
            house.broken(promise, row)


def _check_answers(house: House, attempted: list[Attempted]) -> None:
    """Nothing worse than 503 was said; and an acknowledgement is the same when it is asked for again."""
    for one in attempted:
        for refusal in one.refusals:
            house.broken("an outage costs 503 at most", f"{one.write.name}: {refusal}")
        if not one.is_acknowledged:
            house.broken("what is repeated is acknowledged at last", f"{one.write.name}: {one.status} {one.body[:300]}")
    acknowledged = [one for one in attempted if one.is_acknowledged]
    caller = Caller(house.port)
    for one in acknowledged[:: len(acknowledged) // REPEATED + 1]:
        answer = caller.post(one.write, one.key, one.token)
        if answer != (one.status, one.body, True):
            house.broken("an acknowledgement is repeated byte for byte", f"{one.write.name}: {one.body} was {answer}")
    caller.close()


def _check_counters(house: House) -> None:
    for (arguments,) in house.fetch(COUNTED):
        table, *key = arguments.decode().rstrip("\0").split("\0")
        for row in house.fetch(DISAGREEING.format(table=table, key=f"{key[0]}::text" if key else "''")):
            house.broken("the counters agree with the rows", f"{table} {row}")

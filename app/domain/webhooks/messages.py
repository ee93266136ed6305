"""Messages to endpoints, as rows: written, sent round by round and forgotten, each by one statement."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from app.domain.accounts.models import User
from app.platform.database.work import Source, UnitOfWork

AT_ONCE = 1_000  # events that are replayed

# The same bytes from the same event, whenever they are made.
BODY = """format('{"type":%s,"timestamp":%s,"data":%s}', to_json(e.name),
    to_json(to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')), e.payload)"""
HEARS = "p.events && ARRAY[e.name, split_part(e.name, '.', 1) || '.*', '*']"
INSERT = f"""
INSERT INTO webhooks_delivery (endpoint_id, event_id, event, occurred_at, body)
SELECT p.id, e.id, e.name, e.at, {BODY}
"""
# One that rests is woken at the end of it.
RECORD = f"""
WITH made AS (
    {INSERT} FROM platform_event e JOIN webhooks_endpoint p ON p.disabled_at IS NULL AND {HEARS}
    WHERE e.position = $1 AND e.at = $2 RETURNING endpoint_id
) SELECT id FROM webhooks_endpoint
WHERE id IN (SELECT endpoint_id FROM made) AND (rests_until IS NULL OR rests_until <= clock_timestamp())
"""  # noqa: S608 - of texts of ours
REPLAY = f"""
WITH next AS (
    SELECT e.* FROM platform_event e JOIN webhooks_endpoint p ON p.id = $1 AND {HEARS}
    WHERE e.at >= $2 AND e.at < $3 AND e.position > $4 ORDER BY e.position LIMIT $5
), made AS (
    {INSERT} FROM next e CROSS JOIN webhooks_endpoint p WHERE p.id = $1 AND p.disabled_at IS NULL ORDER BY e.position
    RETURNING id
) SELECT count(*), max(position), (SELECT count(*) FROM made) FROM next
"""  # noqa: S608 - of texts of ours
REPEAT = """
INSERT INTO webhooks_delivery (endpoint_id, event_id, event, occurred_at, body)
SELECT endpoint_id, event_id, event, occurred_at, body FROM webhooks_delivery WHERE id = $1 RETURNING id
"""
TEST = f"""
INSERT INTO webhooks_delivery (endpoint_id, event_id, event, occurred_at, body)
SELECT $1, e.id, e.name, e.at, {BODY}
FROM (SELECT uuidv7() AS id, $2::text AS name, now() AS at, jsonb_build_object('endpointId', $1::uuid) AS payload) AS e
RETURNING id
"""  # noqa: S608 - of texts of ours
AFRESH = """
UPDATE webhooks_delivery SET attempts = 0, first_at = NULL, due_at = now() WHERE endpoint_id = $1 AND state = 'pending'
"""

# Whoever has written a message to this endpoint and not committed yet has its key locked: once this is had, all such
# messages are there to be seen, and who writes the next one finds this round over.
LOCK = "SELECT failures, succeeded_at, url, disabled_at FROM webhooks_endpoint WHERE id = $1 FOR UPDATE"
TOUCH = "SELECT FROM webhooks_endpoint WHERE id = $1 FOR KEY SHARE"
TARGET = """
SELECT p.url, s.id, s.secret FROM webhooks_endpoint p JOIN webhooks_secret s ON s.endpoint_id = p.id
WHERE p.id = $1 AND p.disabled_at IS NULL AND (p.rests_until IS NULL OR p.rests_until <= clock_timestamp())
    AND (s.expires_at IS NULL OR s.expires_at > clock_timestamp()) ORDER BY s.created_at DESC
"""
DUE = """
SELECT id, event_id, body, attempts, first_at FROM webhooks_delivery
WHERE endpoint_id = $1 AND state = 'pending' AND due_at <= clock_timestamp() ORDER BY due_at LIMIT $2
"""
NOTE = """
UPDATE webhooks_delivery AS known SET attempts = attempts + 1, state = given.state, url = $2,
    due_at = CASE given.state WHEN 'pending' THEN clock_timestamp() + make_interval(secs => given.pause) END,
    first_at = coalesce(first_at, given.at), attempted_at = given.at, milliseconds = given.milliseconds,
    status = given.status, headers = given.headers, answer = given.answer, error = given.error
FROM unnest($3::uuid[], $4::text[], $5::float8[], $6::timestamptz[], $7::int[], $8::smallint[], $9::text[], $10::text[],
    $11::text[]) AS given (id, state, pause, at, milliseconds, status, headers, answer, error)
WHERE known.id = given.id AND known.endpoint_id = $1 AND known.state = 'pending'
"""
FARES = f"""
UPDATE webhooks_endpoint SET failures = $2, rests_until = clock_timestamp() + make_interval(secs => $3::float8),
    succeeded_at = coalesce($4, succeeded_at), disabled_reason = coalesce(disabled_reason, $5),
    disabled_at = coalesce(disabled_at, CASE WHEN $5::text IS NOT NULL THEN clock_timestamp() END)
WHERE id = $1 RETURNING url, (SELECT email FROM {User.__tablename__} WHERE id = created_by)
"""  # noqa: S608 - of names of ours
NEXT = """
SELECT greatest(min(d.due_at), p.rests_until, clock_timestamp()) FROM webhooks_endpoint p
JOIN webhooks_delivery d ON d.endpoint_id = p.id AND d.state = 'pending'
WHERE p.id = $1 AND p.disabled_at IS NULL GROUP BY p.id
"""
# Whom nothing wakes: somebody has cancelled the job that would have.
FORGOTTEN = """
SELECT p.id FROM webhooks_endpoint p WHERE p.disabled_at IS NULL
    AND (p.rests_until IS NULL OR p.rests_until < now() - interval '1 minute') AND EXISTS (
        SELECT FROM webhooks_delivery d
        WHERE d.endpoint_id = p.id AND d.state = 'pending' AND d.due_at < now() - interval '1 minute'
    )
"""
CLEAR = """
DELETE FROM webhooks_delivery WHERE id IN (
    SELECT d.id FROM webhooks_delivery d JOIN webhooks_endpoint p ON p.id = d.endpoint_id
    WHERE d.created_at < now() - make_interval(days => $1) AND (d.state <> 'pending' OR p.disabled_at IS NOT NULL)
    ORDER BY d.created_at LIMIT $2
) RETURNING id
"""
CLEAR_DELETED = """
DELETE FROM webhooks_delivery WHERE id IN (
    SELECT d.id FROM webhooks_endpoint p JOIN webhooks_delivery d ON d.endpoint_id = p.id
    WHERE p.deleted_at IS NOT NULL LIMIT $1
) RETURNING id
"""
REMOVE = """
DELETE FROM webhooks_endpoint p
WHERE deleted_at IS NOT NULL AND NOT EXISTS (SELECT FROM webhooks_delivery d WHERE d.endpoint_id = p.id)
"""


class Target(Struct, frozen=True):
    """Where messages go, and its sealed secrets by the ids of their rows, the newest first."""

    url: str
    secrets: dict[UUID, bytes]


class Known(Struct, frozen=True):
    """An endpoint at the end of a round: its failures of late, its last success, and what may have become of it."""

    failures: int
    succeeded_at: datetime | None
    url: str
    disabled_at: datetime | None


class Due(Struct, frozen=True):
    """A message that is to be sent now, and when that was tried first."""

    id: UUID
    event_id: UUID
    body: str
    attempts: int
    first_at: datetime | None


class Noted(Struct, frozen=True):
    """What became of an attempt: the message's state, and while that is pending, seconds until the next one."""

    id: UUID
    state: str
    pause: float
    at: datetime
    milliseconds: int
    status: int | None
    headers: str | None
    answer: str | None
    error: str | None


async def record(work: UnitOfWork, position: int, at: datetime) -> list[UUID]:
    """Write down that the event at this position of the log is to be told; the endpoints that are to be woken."""
    return [row[0] for row in await work.fetch(RECORD, (position, at))]


async def replayed(work: UnitOfWork, endpoint: UUID, since: datetime, until: datetime, after: int) -> tuple[int, ...]:
    """Write the next of this time's events down once more.

    Returns how many there were, a thousand at most, the position of the last, and how many messages were written.
    """
    [row] = await work.fetch(REPLAY, (endpoint, since, until, after, AT_ONCE))
    return tuple(row)


async def repeated(work: UnitOfWork, delivery: UUID) -> UUID | None:
    """The same message once more; its id here, None where there is none such."""
    rows = await work.fetch(REPEAT, (delivery,))
    return rows[0][0] if rows else None


async def tested(work: UnitOfWork, endpoint: UUID, event: str) -> UUID:
    """A message that tells of nothing but itself."""
    [(made,)] = await work.fetch(TEST, (endpoint, event))
    return made


async def afresh(work: UnitOfWork, endpoint: UUID) -> None:
    """Have all that waits tried as if it never had been."""
    await work.fetch(AFRESH, (endpoint,))


async def target_of(source: Source, endpoint: UUID) -> Target | None:
    """The endpoint, unless it is disabled or rests."""
    rows = await source.fetch(TARGET, (endpoint,))
    return Target(rows[0][0], {secret: sealed for _, secret, sealed in rows}) if rows else None


async def due_at(source: Source, endpoint: UUID, limit: int) -> list[Due]:
    """What is to be sent to it now."""
    return [Due(*row) for row in await source.fetch(DUE, (endpoint, limit))]


async def locked(work: UnitOfWork, endpoint: UUID) -> Known | None:
    """The endpoint; from here on nobody writes a message to it, or changes it, before the commit."""
    rows = await work.fetch(LOCK, (endpoint,))
    return Known(*rows[0]) if rows else None


async def touch(work: UnitOfWork, endpoint: UUID) -> None:
    """Wait for whoever is just ending a round of this endpoint."""
    await work.fetch(TOUCH, (endpoint,))


FIELDS = Noted.__struct_fields__


async def note(work: UnitOfWork, endpoint: UUID, url: str, noted: Collection[Noted]) -> None:
    """What became of these attempts."""
    columns = [[getattr(one, field) for one in noted] for field in FIELDS]
    await work.fetch(NOTE, (endpoint, url, *columns))


async def fares(work: UnitOfWork, endpoint: UUID, *how: object) -> tuple[str, str | None]:
    """How it fares: failures of late, seconds to rest or None, its last success, why it is disabled; None: as it was.

    Returns its address, and that of whoever made it.
    """
    [(url, email)] = await work.fetch(FARES, (endpoint, *how))
    return url, email


async def next_at(work: UnitOfWork, endpoint: UUID) -> datetime | None:
    """When there is something to be sent to it again, not before now."""
    rows = await work.fetch(NEXT, (endpoint,))
    return rows[0][0] if rows else None


async def forgotten(source: Source) -> list[UUID]:
    """The endpoints that something waits for since long."""
    return [row[0] for row in await source.fetch(FORGOTTEN, ())]


async def clear(work: UnitOfWork, days: int, limit: int) -> int:
    """Forget messages that are over and older than that, and old ones of what is disabled; how many."""
    return len(await work.fetch(CLEAR, (days, limit)))


async def clear_deleted(work: UnitOfWork, limit: int) -> int:
    """Forget messages of what is deleted, and the endpoints of which there are none left; how many messages."""
    count = len(await work.fetch(CLEAR_DELETED, (limit,)))
    await work.fetch(REMOVE, ())
    return count

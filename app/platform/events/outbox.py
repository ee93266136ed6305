"""How an event gets into the outbox: within the transaction that it tells of, all of them by one statement."""

from collections.abc import Sequence

import msgspec

from app.kit.event import Event
from app.kit.identity import Viewer
from app.platform.database.slots import Slot
from app.platform.observability.identity import IDS

# One after the other: uuidv7() of one backend grows from call to call.
RECORD = """
INSERT INTO platform_outbox (id, name, subject, payload, actor, request_id, correlation_id)
SELECT uuidv7(), event.name, event.subject, event.payload::jsonb, $4, $5, $6
FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS event (name, subject, payload, number)
ORDER BY event.number
"""

encode = msgspec.json.Encoder().encode


async def record(slot: Slot, events: Sequence[Event], viewer: Viewer) -> None:
    """Write the events, in their order, with who caused them and by which request."""
    ids = IDS.get()
    names = [event.wire_name() for event in events]
    subjects = [event.subject for event in events]
    payloads = [encode(event).decode() for event in events]
    await slot.fetch(RECORD, (names, subjects, payloads, viewer.id, ids and ids.request, ids and ids.errand))

"""What webhooks hears: everything."""

from typing import Any

from app.domain.webhooks.delivering import waken
from app.domain.webhooks.messages import record
from app.platform.database.work import UnitOfWork
from app.platform.events.log import Envelope
from app.platform.events.subscribers import subscriber


@subscriber()
async def tell_endpoints(work: UnitOfWork, _: Any, envelope: Envelope) -> None:
    """Write a message for each endpoint that hears of this: two statements, and one where none does."""
    await waken(work, await record(work, envelope.position, envelope.at))

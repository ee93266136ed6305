"""Who hears of entries, and who of everything."""

from typing import Any

from app.domain.ledger.effects import note
from app.domain.ledger.events import EntryMade
from app.platform.database.work import UnitOfWork
from app.platform.events.log import Envelope
from app.platform.events.subscribers import subscriber

WITNESS = "INSERT INTO ledger_witness (event_id) VALUES ($1)"


@subscriber(EntryMade)
async def hear(work: UnitOfWork, made: EntryMade, _: Envelope) -> None:
    """Note that it was heard of."""
    await note(work, made.entry_id, "heard")


@subscriber()
async def witness(work: UnitOfWork, _: Any, envelope: Envelope) -> None:
    """Note each event, of whatever module."""
    await work.fetch(WITNESS, (envelope.id,))

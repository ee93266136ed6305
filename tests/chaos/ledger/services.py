"""The verb of the ledger."""

from app.domain.ledger.events import EntryMade
from app.domain.ledger.jobs import book
from app.domain.ledger.schemas import EntryOut, NewEntry
from app.platform.database.work import Service

MAKE = "INSERT INTO ledger_entry (name) VALUES ($1) RETURNING id"


class LedgerService(Service):
    """Entries."""

    async def enter(self, new: NewEntry) -> EntryOut:
        """Make an entry, tell of it, and leave it to be booked."""
        [(entry,)] = await self.work.fetch(MAKE, (new.name,))
        self.work.publish(EntryMade(entry, new.name))
        await self.work.enqueue(book(entry=entry, seconds=new.seconds))
        return EntryOut(entry, new.name)

"""What happens in the ledger."""

from uuid import UUID

from app.kit.event import Event


class EntryMade(Event, frozen=True):
    """Somebody has made an entry."""

    about = "entry_id"

    entry_id: UUID
    name: str

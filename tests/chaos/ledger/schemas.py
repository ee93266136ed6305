"""What the ledger's API says."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from app.kit.schema import Input, Output


class NewEntry(Input):
    """An entry to be made; booking it takes so many seconds."""

    name: Annotated[str, Meta(max_length=100)]
    seconds: float = 0.05


class EntryOut(Output):
    """An entry that was made."""

    id: UUID
    name: str

"""The one way to leave an effect: a row that nothing keeps from being there twice."""

from uuid import UUID

from app.platform.database.work import UnitOfWork

NOTE = "INSERT INTO ledger_effect (entry_id, kind) VALUES ($1, $2)"


async def note(work: UnitOfWork, entry: UUID, kind: str) -> None:
    """Something was done about an entry."""
    await work.fetch(NOTE, (entry, kind))

"""The door to the ledger."""

from litestar import Controller
from litestar.di import NamedDependency
from litestar.params import JSONBody

from app.domain.ledger.schemas import EntryOut, NewEntry
from app.domain.ledger.services import LedgerService
from app.platform.handlers import post
from app.platform.security import SIGNED_IN


class EntryController(Controller):
    """Entries."""

    path = "/entries"

    @post(permission=SIGNED_IN)
    async def make_entry(self, data: JSONBody[NewEntry], ledger: NamedDependency[LedgerService]) -> EntryOut:
        """Make an entry."""
        return await ledger.enter(data)

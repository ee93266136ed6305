"""The unit of work that a job is done in."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from app.kit.identity import Viewer
from app.platform.database.pools import Database
from app.platform.database.work import Reader, UnitOfWork

if TYPE_CHECKING:  # the mailer among them leaves a job of its own
    from app.platform.resources import Resources


class JobWork(UnitOfWork):
    """One transaction for one attempt, on behalf of whoever enqueued the job; with what the process has at hand.

    `aside` is for what has to be known before: its statements begin no transaction, which would idle meanwhile.
    """

    __slots__ = ("_note", "aside", "resources")

    def __init__(
        self, database: Database, resources: "Resources", viewer: Viewer, note: Callable[[int, int | None], None]
    ) -> None:
        """`note` is told how far it is."""
        super().__init__(database.write, viewer, database.on_published, database.on_enqueued)
        self.resources = resources
        self.aside = Reader(database.write, viewer)
        self._note = note

    def progress(self, step: int, total: int | None = None) -> None:
        """Have others see, within a second or so and before the commit, how far it is; it costs no statement here."""
        self._note(step, total)

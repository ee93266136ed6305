"""The unit of work that a job is done in."""

from collections.abc import Callable

from app.kit.identity import Viewer
from app.platform.database.pools import Database
from app.platform.database.work import UnitOfWork
from app.platform.resources import Resources


class JobWork(UnitOfWork):
    """One transaction for one attempt, on behalf of whoever enqueued the job; with what the process has at hand."""

    __slots__ = ("_note", "reader", "resources")

    def __init__(
        self, database: Database, resources: Resources, viewer: Viewer, note: Callable[[int, int | None], None]
    ) -> None:
        """`note` is told how far it is."""
        super().__init__(database.write, viewer, database.on_published, database.on_enqueued)
        self.resources = resources
        self.reader = database.reader(viewer)  # for what is looked up before something that takes long
        self._note = note

    def progress(self, step: int, total: int | None = None) -> None:
        """Have others see, within a second or so and before the commit, how far it is; it costs no statement here."""
        self._note(step, total)

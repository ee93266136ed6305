"""Migrations: what the database has and what it lacks, branch by branch."""

import asyncio
from collections.abc import Sequence
from typing import Any

from adminsite.i18n import ngettext
from starlette.requests import Request

from app.domain.admin.permissions import SEE_MACHINERY
from app.platform.admin.page import Concern, Page
from app.platform.revisions import MigrationError, Revisions

APPLIED = "SELECT version_num FROM alembic_version"


class MigrationsPage(Page):
    """The revisions of this code, and which of them the database has."""

    title = "Migrations"
    permission = SEE_MACHINERY
    template = "migrations.html"
    _revisions: Revisions | None = None

    async def get_context(self, request: Request) -> dict[str, Any]:
        """Each branch with its revisions, the newest first."""
        revisions = await self._known()
        try:
            applied, fault = await self._applied(request, revisions), ""
        except MigrationError as error:
            applied, fault = set[str](), str(error)
        branches = [(name, list(reversed(revisions.of(name)))) for name in revisions.branches]
        return {"branches": branches, "applied": applied, "fault": fault}

    async def concerns(self, request: Request) -> Sequence[Concern]:
        """Migrations that the database lacks, and such as this code does not know."""
        revisions = await self._known()
        try:
            lacking = len(revisions.scripts.keys() - await self._applied(request, revisions))
        except MigrationError as error:
            return [Concern(str(error), "-/migrations")]
        text = ngettext("{count} migration is not applied", "{count} migrations are not applied", lacking)
        return [Concern(text, "-/migrations")] if lacking else ()

    async def _known(self) -> Revisions:
        """Read once: a process's own code does not change, and its files are read aside."""
        if self._revisions is None:
            self._revisions = await asyncio.to_thread(Revisions)
        return self._revisions

    async def _applied(self, request: Request, revisions: Revisions) -> set[str]:
        rows = await self.reader(request).fetch(APPLIED, ())
        return revisions.closure(revisions.settle({row[0] for row in rows}))

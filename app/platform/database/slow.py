"""Statements that took too long: logged once a minute each, with the plan that PostgreSQL would choose for them."""

import asyncio
from collections.abc import Callable
from time import monotonic, perf_counter
from typing import Any

import asyncpg
import structlog
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from app.kit.errors import Busy

log = structlog.get_logger()

SILENCE = 60.0  # seconds between two reports of one statement
REMEMBERED = 1000  # statements; the house has far fewer, an ORM with literals in its SQL has no end

Explain = Callable[[str], Any]


class SlowStatements:
    """Notes each statement's duration; one beyond the threshold, in seconds, is explained aside and logged."""

    def __init__(self, threshold: float, explain: Explain) -> None:
        self.threshold = threshold
        self._explain = explain
        self._reported: dict[str, float] = {}
        self._reports: set[asyncio.Task[None]] = set()

    def note(self, sql: str, seconds: float) -> None:
        """Report the statement unless it was reported a moment ago."""
        now = monotonic()
        if now - self._reported.get(sql, -SILENCE) < SILENCE:
            return
        if len(self._reported) >= REMEMBERED:
            self._reported.clear()
        self._reported[sql] = now
        report = asyncio.get_running_loop().create_task(self._report(sql, seconds), name="slow statement")
        self._reports.add(report)
        report.add_done_callback(self._reports.discard)

    def watch(self, engine: AsyncEngine) -> None:
        """Note the ORM's statements too, which do not run through a slot's `fetch`."""

        @event.listens_for(engine.sync_engine, "before_cursor_execute")
        def begin(_conn: Any, _cursor: Any, _statement: str, _parameters: Any, context: Any, _many: bool) -> None:
            context.begun = perf_counter()

        @event.listens_for(engine.sync_engine, "after_cursor_execute")
        def end(_conn: Any, _cursor: Any, statement: str, _parameters: Any, context: Any, _many: bool) -> None:
            seconds = perf_counter() - context.begun
            if seconds > self.threshold:
                self.note(statement, seconds)

    async def settle(self) -> None:
        """Wait for the reports that are being written."""
        if self._reports:
            await asyncio.wait(self._reports)

    async def _report(self, sql: str, seconds: float) -> None:
        try:
            plan = await self._explain(sql)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, Busy) as error:
            plan = [f"no plan: {error}"]
        log.warning("slow statement", ms=round(seconds * 1000), sql=sql, plan=plan)

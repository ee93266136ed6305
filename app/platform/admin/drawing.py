"""Pages are drawn part by part: while a long one is, the process does other things too."""

import asyncio
from time import perf_counter
from typing import Any

from jinja2 import Template

AT_A_TIME = 0.005  # seconds


class PatientTemplate(Template):
    """A template that gives up its turn every few milliseconds; Jinja's own has all of a page drawn in one."""

    async def render_async(self, *args: Any, **values: Any) -> str:
        """The page, as a text."""
        parts: list[str] = []
        begun = perf_counter()
        async for part in self.generate_async(*args, **values):
            parts.append(part)
            if perf_counter() - begun > AT_A_TIME:
                await asyncio.sleep(0)
                begun = perf_counter()
        return "".join(parts)

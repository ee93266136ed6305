"""Pages as people meet them: what is wrong with one at either width and in either scheme, and a picture of each."""

import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.async_api import Browser, ConsoleMessage, Page, Route

from tests.e2e.running import ROOT

PICTURES = Path(os.environ.get("SCREENSHOTS") or ROOT / ".data" / "screenshots")
WIDE, NARROW = 1280, 390
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
# What is cut off at the edge of its box is found by its box; text for screen readers alone is a pixel wide.
LOOK = """
async (rules) => {
  const ends = document.getAnimations().filter((one) => one.timeline === document.timeline).map((one) => one.finished);
  await Promise.race([Promise.allSettled(ends), new Promise((end) => setTimeout(end, 1000))]);  // some never end
  const options = {resultTypes: ["violations"], ...(rules ? {runOnly: {type: "rule", values: rules}} : {})};
  const {violations} = await axe.run(document, options);
  const told = ({html, any, all, none}) => [html.slice(0, 200), ...[...any, ...all, ...none].map((one) => one.message)];
  const found = violations.filter(({impact}) => impact === "serious" || impact === "critical")
    .flatMap(({id, nodes}) => nodes.map((node) => `${id}: ${told(node).join(": ")}`));
  const root = document.documentElement;
  if (root.scrollWidth > innerWidth) found.push(`scrolls sideways: ${root.scrollWidth} > ${innerWidth}`);
  for (const box of document.querySelectorAll("body *")) {
    const {right, width} = box.getBoundingClientRect();
    const scrolls = ".drawer-side, table, pre, [popover], .overflow-x-auto, .overflow-auto .overflow-auto";
    if (width > 1 && right > innerWidth + 1 && !box.closest(scrolls) &&
        box.checkVisibility({opacityProperty: true, visibilityProperty: true})) {
      found.push(`is cut off at ${Math.round(right)}: ${box.outerHTML.slice(0, 200)}`);
      break;
    }
  }
  return found;
}
"""
POLICY = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} forbids ${event.blockedURI} ${event.sample}`));
"""
COLOURS = ["color-contrast"]  # all that a scheme changes
VARIANTS: list[tuple[int, Literal["light", "dark"], list[str] | None]] = [
    (WIDE, "dark", COLOURS),
    (WIDE, "light", None),
    (NARROW, "light", COLOURS),
    (NARROW, "dark", None),
]


@dataclass
class Visitor:
    """Somebody with a browser of their own, and all that went wrong in it."""

    page: Page
    origin: str
    faults: list[str] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)

    async def goto(self, path: str) -> None:
        """A page of the site, loaded to its end."""
        await self.page.goto(self.origin + path)

    async def look(self, name: str, *, once: bool = False) -> None:
        """See the page at both widths, light and dark: what is wrong is a fault, and its pictures are kept.

        `once`: like one that was seen so already; the narrowest and darkest tells of the others.
        """
        for width, scheme, rules in VARIANTS[-1:] if once else VARIANTS:
            await self.page.set_viewport_size({"width": width, "height": 800})
            await self.page.emulate_media(color_scheme=scheme)
            if not await self.page.evaluate("() => 'axe' in window"):
                await self.page.evaluate(AXE)
            wrong = await self.page.evaluate(LOOK, rules)
            self.faults += [f"{name}, {width}, {scheme}: {one}" for one in wrong]
            await self.page.screenshot(path=PICTURES / f"{name}-{width}-{scheme}.png")
        await self.page.set_viewport_size({"width": WIDE, "height": 800})

    def forgive(self, *, status: int) -> None:
        """A refusal that was asked for is no fault, nor the browser's own line about it."""
        line = re.compile(rf"the server responded with a status of {status} ")
        found = [one for one in self.faults if line.search(one)]
        assert found, self.faults
        self.faults = [one for one in self.faults if one not in found]


@asynccontextmanager
async def visiting(chromium: Browser, origin: str, **options: Any) -> AsyncIterator[Visitor]:
    """A browser of its own, in which nothing may go wrong: no line in the console, no call to another host."""
    context = await chromium.new_context(**options)
    visitor = Visitor(await context.new_page(), origin)
    host = urlsplit(origin).netloc

    async def admit(route: Route) -> None:
        if urlsplit(route.request.url).netloc == host:
            await route.continue_()
        else:
            visitor.faults.append(f"calls {route.request.url}")
            await route.abort()

    def hear(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            visitor.faults.append(f"{urlsplit(visitor.page.url).path}: {message.text}")

    await context.route("**", admit)
    await context.add_init_script(POLICY)
    visitor.page.on("console", hear)
    visitor.page.on("pageerror", lambda error: visitor.faults.append(str(error)))
    try:
        yield visitor
    finally:
        await context.close()
    assert not visitor.faults, "\n".join(visitor.faults)

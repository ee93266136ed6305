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

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request

from tests.e2e.running import ROOT

PICTURES = Path(os.environ.get("SCREENSHOTS") or ROOT / ".data" / "screenshots")
WIDE, NARROW, HEIGHT = 1280, 390, 800
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
# What is cut off at the edge of its box is found by its box; text for screen readers alone is a pixel wide.
LOOK = """
async ([check, part]) => {
  const ends = document.getAnimations().filter((one) => one.timeline === document.timeline).map((one) => one.finished);
  await Promise.race([Promise.allSettled(ends), new Promise((end) => setTimeout(end, 1000))]);  // some never end
  const mild = axe._audit.rules.filter(({impact}) => impact === "minor" || impact === "moderate").map(({id}) => id);
  const rules = Object.fromEntries(mild.map((id) => [id, {enabled: false}]));  // a quarter of what axe costs
  const options = {resultTypes: ["violations"], preload: false, rules};
  const {violations} = check === "axe" ? await axe.run(part || document, options) : {violations: []};
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
# How much of a page is looked at: of the first of its kind all, of others what tells most at the least cost. A picture
# is taken of each. Axe costs more than all the rest, and one of its rules alone as much as all of them.
Check = Literal["axe", "width", "picture"]
Variant = tuple[int, Literal["light", "dark"], Check]
THOROUGH: list[Variant] = [
    (WIDE, "dark", "picture"),
    (WIDE, "light", "axe"),
    (NARROW, "light", "picture"),
    (NARROW, "dark", "axe"),
]
EVERY: list[Variant] = [(width, scheme, "axe") for width, scheme, _ in THOROUGH]
ALIKE: list[Variant] = [(NARROW, "dark", "axe")]
WITHIN: list[Variant] = [(WIDE, "light", "axe")]
PICTURE: list[Variant] = [(WIDE, "light", "picture")]
PHONE: list[Variant] = [(NARROW, "light", "width")]


@dataclass
class Visitor:
    """Somebody with a browser of their own, and all that went wrong in it."""

    page: Page
    origin: str
    faults: list[str] = field(default_factory=list)
    scheme: str = "light"
    returns: bool = True  # to a wide, light page, when it has looked at others

    async def goto(self, path: str) -> None:
        """A page of the site, loaded to its end."""
        await self.page.goto(self.origin + path)

    async def look(self, name: str, how: list[Variant] = THOROUGH, *, part: str = "") -> None:
        """See the page at some widths and in some schemes: what is wrong is a fault, and its pictures are kept.

        `part`: a selector of what alone is new on it.
        """
        held = (self.page.viewport_size or {}).get("width")
        for width, scheme, check in sorted(how, key=lambda one: one[0] != held):  # to lay it out anew costs most
            await self.become(width, scheme)
            wrong = [] if check == "picture" else await self.page.evaluate(LOOK, [check, part])
            self.faults += [f"{name}, {width}, {scheme}: {one}" for one in wrong]
            await self.page.screenshot(path=PICTURES / f"{name}-{width}-{scheme}.png")
        if self.returns:
            await self.become(WIDE, "light")

    async def become(self, width: int, scheme: Literal["light", "dark"] = "light") -> None:
        """Hold the device otherwise, or in another light; what is so already costs nothing."""
        if self.page.viewport_size != {"width": width, "height": HEIGHT}:
            await self.page.set_viewport_size({"width": width, "height": HEIGHT})
        if self.scheme != scheme:
            await self.page.emulate_media(color_scheme=scheme)
            self.scheme = scheme

    def settle(self) -> None:
        """Nothing has gone wrong since it was last asked."""
        faults, self.faults = self.faults, []
        assert not faults, "\n".join(faults)

    def forgive(self, *, status: int) -> None:
        """A refusal that was asked for is no fault, nor the browser's own line about it."""
        line = re.compile(rf"the server responded with a status of {status} ")
        found = [one for one in self.faults if line.search(one)]
        assert found, self.faults
        self.faults = [one for one in self.faults if one not in found]


@asynccontextmanager
async def visiting(chromium: Browser, origin: str, **options: Any) -> AsyncIterator[Visitor]:
    """A browser of its own, in which nothing may go wrong: no line in the console, no call to another host."""
    options = {"viewport": {"width": WIDE, "height": HEIGHT}, "reduced_motion": "reduce"} | options
    context = await chromium.new_context(**options)
    context.set_default_timeout(60_000)  # only a failure takes so long
    visitor = Visitor(await context.new_page(), origin)
    _watch(context, visitor)
    await context.add_init_script(POLICY + AXE)
    try:
        yield visitor
    finally:
        await context.close()
    visitor.settle()


def _watch(context: BrowserContext, visitor: Visitor) -> None:
    """Requests are looked at, not held: who holds them has the browser load each script of each page anew."""
    host = urlsplit(visitor.origin).netloc

    def see(request: Request) -> None:
        address = urlsplit(request.url)
        if address.netloc != host and address.scheme not in {"data", "blob"}:
            visitor.faults.append(f"calls {request.url}")

    def hear(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            visitor.faults.append(f"{urlsplit(visitor.page.url).path}: {message.text}")

    context.on("request", see)
    visitor.page.on("console", hear)
    visitor.page.on("pageerror", lambda error: visitor.faults.append(str(error)))

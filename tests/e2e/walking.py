"""Every page of the admin site that it links to, once each: from its first page on, with rows that the modules bring."""

import re
from collections.abc import AsyncIterator, Mapping
from importlib import import_module
from importlib.util import find_spec

import asyncpg
from adminsite.i18n import built_in

from app.platform.admin.site import CATALOGUES
from config.modules import MODULES
from tests.e2e.looking import NARROW, WIDE, Visitor

ROOT = "/admin/"
NO_PAGE = re.compile(r"/(export|template|static|house|files)\b")
KEY = re.compile(r"^(\d+|[0-9a-f]{8}-.*)$")
WORD = re.compile(r"[^\W\d_]{2}")
LINKS = "() => [...document.querySelectorAll('a[href^=\"/admin/\"]')].map((one) => one.getAttribute('href'))"
# What the site itself says; what the rows say stands in cells, or has a sun in it. Names are names in both languages.
OF_ROWS = re.compile(r"☼|\bruth\b|^Litehouse$")
TEXTS = """
() => {
  const texts = new Set(), data = "td, dd, tbody, code, pre, textarea, option, script, style, main ul[aria-label] > li";
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) if (!walker.currentNode.parentElement.closest(data)) texts.add(walker.currentNode.data.trim());
  for (const one of document.querySelectorAll("[placeholder], [aria-label], [title]")) {
    if (one.closest("td, dd, tbody")) continue;
    for (const name of ["placeholder", "aria-label", "title"]) texts.add((one.getAttribute(name) || "").trim());
  }
  return [document.title, ...texts];
}
"""


async def fill(connection: asyncpg.Connection) -> None:
    """The rows that modules have their pages shown with: `ROWS` in their tests' `shown.py`, of which not all have one."""
    for name in MODULES:
        room = f"tests.domain.{name}.shown"
        if find_spec(room):
            await connection.execute(import_module(room).ROWS)


async def walk(visitor: Visitor) -> AsyncIterator[str]:
    """Go to one page of each shape, and say its name: at first the site's own, then those that they link to."""
    waiting, seen = {shape(ROOT): ROOT}, set()
    while waiting:
        name, path = waiting.popitem()
        seen.add(name)
        await visitor.goto(path)
        for link in await visitor.page.evaluate(LINKS):
            if not NO_PAGE.search(link) and shape(link) not in seen:
                waiting.setdefault(shape(link), link.partition("?")[0] if "/-/" not in link else link)
        yield name


def shape(path: str) -> str:
    """What pages of one kind have in common: /admin/users/7/edit?x=1 is admin-users-one-edit."""
    where, _, query = path.partition("?")
    parts = ["one" if KEY.match(part) or (place == 2 and part not in {"new", "import"}) else part
             for place, part in enumerate(where.strip("/").split("/")) if part != "-"]
    asked = sorted(pair.partition("=")[0] for pair in query.split("&") if pair) if "/-/" in path else []
    return "-".join([*parts, *asked])


async def look_in_both_languages(visitor: Visitor, name: str) -> None:
    """Wide in English, narrow in German, whose words are longer; what is said the same in both is not translated."""
    await visitor.look(name, WIDE)
    english = set(await visitor.page.evaluate(TEXTS))
    await speak(visitor, "de")
    await visitor.look(f"{name}-de", NARROW)
    german = set(await visitor.page.evaluate(TEXTS))
    language = await visitor.page.evaluate("document.documentElement.lang")
    await speak(visitor, "en")
    if language != "de":
        visitor.faults.append(f"{name} says that it is in {language!r}")
    visitor.faults += [f"{name}: in German too it says {text!r}" for text in sorted(english & german) if untranslated(text)]


async def speak(visitor: Visitor, language: str) -> None:
    """Read the page anew in this language, as its menu would have it."""
    cookie = {"name": "adminsite_language", "value": language, "url": f"{visitor.origin}/admin/"}
    await visitor.page.context.add_cookies([cookie])
    await visitor.page.reload()


def untranslated(text: str) -> bool:
    """Whether a text is of the site's own, and no catalogue says that it is the same in German."""
    if OF_ROWS.search(text) or not WORD.search(text):
        return False
    known: Mapping[str, object] = {**built_in("de"), **CATALOGUES["de"]}
    return known.get(text) != text

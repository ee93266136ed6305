"""Every page of the admin site that it links to, once each: with rows that the modules bring."""

import re
from collections.abc import AsyncIterator, Mapping
from importlib import import_module
from importlib.util import find_spec

import asyncpg
from adminsite.i18n import built_in

from app.domain.admin.building import words
from app.platform.module import installed
from config.modules import MODULES
from tests.e2e.looking import Visitor

ROOT = "/admin/"
NO_PAGE = re.compile(r"/(export|template|static|house|files|sailors)\b|\bstate=")  # sailors are the tests' own
KEY = re.compile(r"^(\d+|[0-9a-f]{8}-.*)$")
WORD = re.compile(r"[^\W\d_]{2}")
LINKS = "() => [...document.querySelectorAll('a[href^=\"/admin/\"]')].map((one) => one.getAttribute('href'))"
# What the site itself says; what the rows say stands in cells, or has a sun in it. Names are names in both languages,
# and so are those of columns in files, which are set like code.
PEOPLE = "ahab|ann|bob|ishmael|kim|leo|mia|pip|queequeg|ruth|starbuck|stubb"
OF_ROWS = re.compile(rf"☼|[Ww]hales|mates|^({PEOPLE})$|^Litehouse$|\w[._:]\w|[0-9a-f]{{8}}-")
TEXTS = """
async () => {
  const answer = await fetch(location.href, {headers: {"Accept-Language": "en"}});
  const english = new DOMParser().parseFromString(await answer.text(), "text/html");
  const ofRows = "td, dd, tbody, code, pre, textarea, option, script, style, .font-mono, main ul[aria-label] > li";
  return [document, english].map((page) => {
    const walker = page.createTreeWalker(page.body, NodeFilter.SHOW_TEXT), texts = [page.title];
    while (walker.nextNode()) {
      if (!walker.currentNode.parentElement.closest(ofRows)) texts.push(walker.currentNode.data.trim());
    }
    for (const one of page.querySelectorAll("[placeholder], [aria-label], [title]")) {
      if (one.closest("td, dd, tbody")) continue;
      for (const name of ["placeholder", "aria-label", "title"]) texts.push((one.getAttribute(name) || "").trim());
    }
    return texts;
  });
}
"""


async def fill(connection: asyncpg.Connection) -> None:
    """The rows that modules have their pages shown with: `ROWS` in their tests' `shown.py`, if there is one."""
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
    house, *parts = where.strip("/").split("/")
    if parts and parts[0] == "-":  # a page of its own, not of a model's rows
        asked = sorted(pair.partition("=")[0] for pair in query.split("&") if pair)
        return "-".join([house, "page", *("one" if KEY.match(part) else part for part in parts[1:]), *asked])
    if len(parts) > 1 and parts[1] not in {"new", "import"}:
        parts[1] = "one"
    return "-".join([house, *parts])


async def read(visitor: Visitor, name: str) -> None:
    """Where a page says the same in German as in English, it is not translated."""
    german, english = map(set, await visitor.page.evaluate(TEXTS))
    same = sorted(text for text in german & english if untranslated(text))
    visitor.faults += [f"{name}: in German too it says {text!r}" for text in same]


def kind(name: str, title: str) -> str:
    """Lists are made by one template, and so are forms; of other pages those are alike that are called the same."""
    return title if is_own(name) else re.sub(r"^admin-\w+", "admin-x", name)


def is_own(name: str) -> bool:
    """Whether it is a page of no model's rows."""
    return name.startswith("admin-page-")


def untranslated(text: str) -> bool:
    """Whether a text is of the site's own, and no catalogue says that it is the same in German."""
    own = text.removesuffix(" · Litehouse")
    if OF_ROWS.search(own) or not WORD.search(own) or own.isupper() or own in {*MODULES, "platform"}:
        return False
    known: Mapping[str, object] = {**built_in("de"), **words(installed(MODULES))["de"]}
    return known.get(own) != own

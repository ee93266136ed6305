"""Real text that every machine has: the long descriptions of the installed Python packages, as articles."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import metadata

from app.domain.accounts.services import as_username

LONGEST_BODY = 100_000
MOST_TAGS = 8
LONGEST_TAG = 50


@dataclass(frozen=True)
class Sample:
    """An article that somebody wrote: `tags` are what they called it by, `body` is Markdown."""

    author: str
    title: str
    description: str
    body: str
    tags: tuple[str, ...]


def samples() -> list[Sample]:
    """One for each package that describes itself, in the order of their names."""
    found = {package.name: package for package in metadata.distributions() if package.name}
    texts = [sample for name in sorted(found, key=str.lower) for sample in _sample(name, found[name].metadata)]
    spelled: dict[str, str] = {}  # "Ann" and "ann" are one author
    return [replace(text, author=spelled.setdefault(text.author.lower(), text.author)) for text in texts]


def _sample(name: str, about: metadata.PackageMetadata) -> Iterator[Sample]:
    body = str(about.json.get("description", "")).replace("\0", "").strip()
    summary = " ".join(str(about.json.get("summary", "")).split())
    if body and summary:
        yield Sample(_author(about), f"{name}: {summary}"[:200], summary[:500], body[:LONGEST_BODY], _tags(about))


def _author(about: metadata.PackageMetadata) -> str:
    """The first who is named, as a username that the house takes; the name alone, for no mail shall ever reach them."""
    for field in ("author", "author_email", "maintainer", "maintainer_email"):
        first = re.split(r",| and |<", str(about.json.get(field, "")))[0]
        name = as_username(" ".join(re.sub(r"[^\w.@ -]", "", unicodedata.normalize("NFKC", first)).split()))
        if name:
            return name
    return "Anonymous"


def _tags(about: metadata.PackageMetadata) -> tuple[str, ...]:
    keywords = about.json.get("keywords", [])
    words = [part for keyword in keywords for part in str(keyword).split(",")] if isinstance(keywords, list) else []
    tags = dict.fromkeys(word.strip().lower()[:LONGEST_TAG] for word in words if word.strip())
    return tuple(tags)[:MOST_TAGS] or ("python",)

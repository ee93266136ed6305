"""What the site's pages say in another language: the texts of pages, and phrases that the house says in English alone.

A text of a page is translated where it is written, by its English. A phrase, such as a refusal, is made where nobody
knows of a language, for the API above all: `told` finds it again by what it has in common with a phrase of the
catalogue, `must be from 1 to {most}`, in whose places stands what is told of.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from adminsite.i18n import _extra, current_language
from msgspec.json import decode

from app.kit.errors import AppError

HERE = Path(__file__).parent / "locales"
PLACE = re.compile(r"\{(\w+)\}")
LONGEST = 1_000  # characters of a phrase


class Catalogue(dict[str, Any]):
    """The texts of pages in a language, by the English ones: where they count, one for each plural. And the phrases."""

    def __init__(self, texts: Mapping[str, Any], phrases: Mapping[str, str]) -> None:
        super().__init__(texts)
        self.phrases = phrases

    def told(self, phrase: str) -> str:
        """It in this language, and what stands in its places too; what is not known stays as it is."""
        if (found := self.phrases.get(phrase)) is not None:
            return found
        for pattern, words in self._patterns if len(phrase) <= LONGEST else ():
            if match := pattern.fullmatch(phrase):
                return words.format(**{name: self.told(value) for name, value in match.groupdict().items()})
        return phrase

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], str]]:
        """Of the phrases with places; those with the most words of their own are looked at first."""
        placed = [english for english in self.phrases if PLACE.search(english)]
        placed.sort(key=lambda english: len(PLACE.sub("", english)), reverse=True)
        return [(_pattern(english), self.phrases[english]) for english in placed]


def catalogues(folders: Iterable[Path]) -> dict[str, Catalogue]:
    """By language, what the site itself says, and what the modules say whose folders these are.

    In a folder are `de.json`, the texts of pages, and `phrases/de.json`.
    """
    every = [HERE, *folders]
    languages = {path.stem for folder in every for path in folder.glob("*.json")}
    return {
        language: Catalogue(_read(every, f"{language}.json"), _read(every, f"phrases/{language}.json"))
        for language in languages
    }


def _read(folders: Iterable[Path], name: str) -> dict[str, Any]:
    texts: dict[str, Any] = {}
    for path in (folder / name for folder in folders):
        if path.exists():
            texts |= decode(path.read_bytes())
    return texts


def told(phrase: str) -> str:
    """A phrase of the house in the language of the page."""
    catalogue = (_extra.get() or {}).get(current_language.get())
    return catalogue.told(phrase) if isinstance(catalogue, Catalogue) else phrase


def told_of(error: AppError) -> str:
    """What an error says, in the language of the page."""
    return error.detail_in(told)


def _pattern(english: str) -> re.Pattern[str]:
    parts = PLACE.split(english)
    return re.compile(
        "".join(f"(?P<{part}>.+?)" if number % 2 else re.escape(part) for number, part in enumerate(parts)), re.DOTALL
    )

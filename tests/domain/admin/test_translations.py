"""Every text of the site has its German, and nothing else has: of its code, templates, labels and refusals."""

import re
from contextvars import Context
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest
from adminsite.i18n import built_in
from litestar import Litestar

from app.domain.admin.building import words
from app.domain.admin.opening import opened
from app.kit.errors import AppError, Invalid
from app.platform.admin import page as pages
from app.platform.admin.site import Site
from app.platform.admin.wording import Catalogue, told
from app.platform.module import installed
from app.platform.validation import decode
from app.platform.violations import as_msgspec_says
from config.modules import MODULES
from tests.domain.admin.saying import ENGINE, all_phrases, all_texts, deeds, of_room, shape, sources, structs, unsaid

TOLD_IN = ("alt", "aria-label", "placeholder", "title")
UNITS = re.compile(r"(MB|UTC|ms|[^\W\d_]?)$")  # and single letters, which are the same in every language
SENTENCE = re.compile(r"[^\W\d_]{2} [^\W\d_]{2}")  # two words at least
IN_A_TAG = re.compile(r"\{% block (header_class|refreshed) %\}.*?\{% endblock %\}")
OF_JINJA = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
WRONG: tuple[Any, ...] = (None, True, 7, -1, 10**30, 1.5, "", " ", "x", "x" * 20_000, "\0", [], [None], ["x"] * 200, {})


@pytest.fixture
async def site(app: Litestar) -> Site:
    return await opened(app.state)


@pytest.fixture
def german() -> Catalogue:
    return words(installed(MODULES))["de"]


async def test_every_text_has_its_german(site: Site):
    texts = all_texts(site)
    assert [
        line for room in texts for line in unsaid(room, texts, lambda one: one.keys() | built_in("de").keys())
    ] == []


async def test_every_refusal_has_its_german(site: Site):
    phrases = all_phrases(site)
    assert [line for room in phrases for line in unsaid(room, phrases, lambda one: one.phrases)] == []


async def test_no_catalogue_has_what_nobody_says(site: Site):
    for said, known in (
        (all_texts(site), lambda one: one.keys() - built_in("de").keys()),
        (all_phrases(site), lambda one: one.phrases.keys()),
    ):
        every = {shape(text) for texts in said.values() for text in texts}
        for room in (ENGINE, *MODULES):
            own = every if room == ENGINE else {shape(text) for text in said.get(room, ())}
            idle = [text for text in known(of_room(room)) if shape(text) not in own and not is_of_msgspec(text)]
            assert sorted(idle) == [], f"in the catalogue of {room}, and nobody says it"


def is_of_msgspec(text: str) -> bool:
    return "`" in text or text.startswith(("Invalid ", "is not valid: "))


def test_a_word_is_one_word_everywhere(german: Catalogue):
    """Of two catalogues that have the same English; and none repeats what adminsite says."""
    general = of_room(ENGINE)
    for room in MODULES:
        own = of_room(room)
        assert own.keys() & general.keys() | own.phrases.keys() & general.phrases.keys() == set()
        assert {text: german[text] for text in own} == dict(own)
        assert {text: german.phrases[text] for text in own.phrases} == own.phrases
    assert [text for text, words in german.items() if built_in("de").get(text) == words] == []


async def test_whatever_a_form_gives_is_refused_in_german(site: Site, german: Catalogue):
    for kind in structs(site):
        names = kind.__struct_encode_fields__
        wrong = [{}, {"unknown": 1}, *({name: value} for name in names for value in WRONG)]
        for error in filter(None, (refused(kind, value) for value in wrong)):
            for violation in error.violations:
                assert is_german(violation.text, german), f"{kind.__name__}: {violation.text}"
            assert error.detail_in(german.told) != error.detail


async def test_whatever_a_page_is_sent_is_refused_in_german(site: Site, german: Catalogue):
    for kind in [method.inputs for one in site.pages.values() for method in deeds(one)]:
        for value in ("", "x", "-1", "2026-13-01"):
            try:
                pages._converted(dict.fromkeys(kind.__struct_fields__, value), kind)
            except msgspec.ValidationError as error:
                text = as_msgspec_says(error).text
                assert is_german(text, german), text


def refused(kind: type[msgspec.Struct], value: Any) -> AppError | None:
    try:
        decode(kind, msgspec.json.encode(value, enc_hook=str) if 10**30 not in value.values() else b'{"x": 1}')
    except Invalid as error:
        return error
    return None


def is_german(phrase: str, german: Catalogue) -> bool:
    """Whether all of it is told in German, what stands in its places too, but for single words and names."""
    if phrase in german.phrases or not SENTENCE.search(phrase):
        return True
    for pattern, _words in german._patterns:
        if match := pattern.fullmatch(phrase):
            return all(is_german(value, german) for value in match.groups())
    return False


class Literal(HTMLParser):
    """The words of a template that stand in it as they are."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._raw = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._raw = tag in {"script", "style"}
        self.found += [value or "" for name, value in attrs if name in TOLD_IN]

    def handle_endtag(self, _tag: str) -> None:
        self._raw = False

    def handle_data(self, data: str) -> None:
        self.found += [] if self._raw else [data]


def test_no_template_says_anything_by_itself():
    bare = []
    for room in (ENGINE, *MODULES):
        for path in sources(room, "html"):
            parser = Literal()
            parser.feed(OF_JINJA.sub(" ", IN_A_TAG.sub("", path.read_text(encoding="utf-8"))))
            said = {word for text in parser.found for word in re.findall(r"[^\W\d_]+", text)}
            bare += [f"{path.name}: {word}" for word in said if not UNITS.match(word)]
    assert sorted(bare) == []


async def test_what_is_looked_for_is_found(site: Site):
    texts, phrases = all_texts(site), all_phrases(site)
    assert {"What needs attention", "Not in the log yet", "Events", "Health"} <= texts["admin"]
    assert {"Keep out", "Sign them out, and keep them out?", "Kept out, and signed out everywhere."} <= texts[
        "accounts"
    ]
    assert {"must be names of permissions", "is the last active superuser", "username"} <= phrases["accounts"]
    assert Context().run(told, "must be one of fun") == "must be one of fun"  # no language: nothing is told anew

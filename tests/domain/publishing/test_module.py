"""What publishing offers as a module."""

import re

from litestar import Litestar

from app.domain.publishing.module import module
from app.domain.publishing.repositories import RESERVED
from config.settings import ROOT


async def test_every_fixed_path_beside_the_slugs_is_reserved(app: Litestar) -> None:
    parts = [route.path.split("/")[1:] for route in app.routes]
    beside = {path[2] for path in parts if path[:2] == ["api", "articles"] and len(path) > 2}

    assert {name for name in beside if not name.startswith("{")} == RESERVED


OWN_WORDS = r"\b(whales?|articles?|favou?rites?|comments?|conduit|realworld)\b"


def test_the_storeys_below_have_no_word_of_it() -> None:
    below = [path for folder in ("app/platform", "app/kit", "config") for path in (ROOT / folder).rglob("*.py")]
    spoken = {path: re.findall(OWN_WORDS, path.read_text(), re.IGNORECASE) for path in below}
    assert {path: words for path, words in spoken.items() if words} == {}


def test_permissions_carry_the_modules_name() -> None:
    assert module.permissions
    assert all(permission.name.startswith("publishing.") for permission in module.permissions)

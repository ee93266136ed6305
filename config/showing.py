"""Settings as they may be shown: each by its full name, secrets masked, and where its value came from."""

from dataclasses import fields
from typing import Any, NamedTuple

from config.loading import Concern, is_secret
from config.rates import Rate
from config.settings import Settings

DEFAULT = "default"
MASK = "**********"


class Shown(NamedTuple):
    """A setting as text, empty where it has no value; `place` is where that was found, or `default`."""

    concern: str
    name: str
    value: str
    place: str


def shown(settings: Settings) -> list[Shown]:
    """All settings, concern by concern, as they are in force."""
    concerns = [getattr(settings, field.name) for field in fields(settings)]
    return [one for concern in concerns if isinstance(concern, Concern) for one in _of(concern, settings)]


def _of(concern: Concern, settings: Settings) -> list[Shown]:
    title = type(concern).__name__.removesuffix("Settings")
    found = []
    for field, name in concern.names().items():
        value = _text(getattr(concern, field))
        if is_secret(type(concern).model_fields[field].annotation) and value:
            value = MASK
        found.append(Shown(title, name, value, settings.places.get(name, DEFAULT)))
    return found


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Rate):
        return f"{value.times}/{value.seconds}"
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return str(value)

"""Reads settings from the environment, `.env` and the secrets folder, and tells every fault and its place at once."""

import os
import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from io import StringIO
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar, get_args, get_origin

from dotenv import dotenv_values
from dotenv.parser import Original, parse_stream
from pydantic import Secret, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

PREFIX = "LITEHOUSE_"
SECRETS_FOLDER = "LITEHOUSE_SECRETS_DIR"


class SettingsError(Exception):
    """The settings cannot be used. The message has a line for each fault and shows no secret."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__(faults)
        self.faults = faults

    def __str__(self) -> str:
        count = "1 setting needs" if len(self.faults) == 1 else f"{len(self.faults)} settings need"
        return "\n  ".join([f"{count} attention (config/.env.example explains them all):", *self.faults])


class Concern(BaseSettings):
    """Settings of one concern: frozen, and shown without their secrets.

    Built by hand it takes nothing from the process's environment: a test never gets a developer's database by accident.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, validate_by_name=True, loc_by_alias=False, hide_input_in_errors=True
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic-settings fixes the signature
        init_settings: PydanticBaseSettingsSource,
        *_: PydanticBaseSettingsSource,
        **__: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what it is given: `Reading` searches the places, since the library does not tell where a value stood."""
        return (init_settings,)

    @classmethod
    def names(cls) -> dict[str, str]:
        """Each field's full name in the environment, by field."""
        return {
            field: str(info.validation_alias or f"{PREFIX}{field.upper()}") for field, info in cls.model_fields.items()
        }


C = TypeVar("C", bound=Concern)


class Found(NamedTuple):
    """A value as text, the name it was given by, and the place where it stood."""

    text: str
    name: str
    place: str


class Reading:
    """What was found, the first place read winning, and what is wrong with it."""

    def __init__(self, known: Collection[str]) -> None:
        self.known = known
        self.found: dict[str, Found] = {}
        self.faults: list[str] = []

    def environment(self, environ: Mapping[str, str]) -> None:
        """Take what the process's environment holds."""
        for name, text in environ.items():
            self._take(name, text, "the environment")

    def env_file(self, path: Path) -> None:
        """Take what `.env` holds, `${NAME}` expanded as compose does it; a missing file is an empty one."""
        if not os.path.lexists(path) or (content := self._read(path)) is None:
            return
        lines = list(parse_stream(StringIO(content)))
        for number in (_number(line.original) for line in lines if line.error):
            # The dotenv library only logs such a line, and the default would silently take the setting's place.
            self.faults.append(f"{path}, line {number}: cannot be understood; write NAME=value")
        readable = StringIO("".join(line.original.string for line in lines if not line.error))
        for name, text in dotenv_values(stream=readable).items():
            self._take(name, text or "", str(path))

    def secrets_folder(self, root: Path) -> None:
        """Take the files of the folder in LITEHOUSE_SECRETS_DIR: one a setting, its name in upper or lower case."""
        if not (named := self.text(SECRETS_FOLDER)):
            return
        try:
            paths = sorted((root / named).iterdir())
        except OSError as error:
            self.refuse(SECRETS_FOLDER, f"must be a folder that can be read: {error.strerror}")
            return
        for path in paths:
            if self._concerns_us(path.name.upper()) and (content := self._read(path)) is not None:
                self._take(path.name.upper(), content, str(path))

    def _read(self, path: Path) -> str | None:
        try:
            return path.read_text(encoding="utf-8-sig")  # a byte-order mark would become part of the secret
        except OSError as error:
            self.faults.append(f"{path}: cannot be read: {error.strerror}")
        except UnicodeDecodeError:
            self.faults.append(f"{path}: cannot be read: it is not UTF-8 text")
        return None

    def _concerns_us(self, name: str) -> bool:
        return name in self.known or name.upper().startswith(PREFIX)

    def _take(self, name: str, text: str, place: str) -> None:
        if name in self.known:
            # Empty is unset: compose hands on `${NAME:-}` and `NAME=` as empty text.
            if text.strip():
                self.found.setdefault(name, Found(text.strip(), name, place))
        elif self._concerns_us(name):
            nearest = get_close_matches(name.upper(), self.known, n=1, cutoff=0)[0]
            self.faults.append(f"{_shown(name)}: no such setting; the nearest is {nearest} (from {place})")

    def alias(self, other: str, name: str) -> None:
        """Let the customary name `other` stand for `name`; both given and different is a fault: one is stale."""
        given = self.found.get(other)
        if given and self.text(name) not in ("", given.text):
            self.refuse(name, f"differs from {other} of {given.place}; give only one of the two", show=False)
        elif given:
            self.found.setdefault(name, given)

    def default(self, name: str, text: str) -> None:
        """Set what holds when no place gives `name`."""
        self.found.setdefault(name, Found(text, name, "default"))

    def text(self, name: str) -> str:
        """The text found for a setting, empty when it is unset."""
        return self.found[name].text if name in self.found else ""

    def places(self) -> dict[str, str]:
        """Where the value of each setting that was given stood, also by the name that stands for it."""
        return {
            name: found.place if found.name == name else f"{found.place}, as {found.name}"
            for name, found in self.found.items()
        }

    def refuse(self, name: str, problem: str, *, show: bool = True) -> None:
        """Note a fault of the setting `name`: what would be right. `show` its value unless it is secret."""
        found = self.found.get(name)
        if found is None:
            self.faults.append(f"{name}: {problem} (not set)")
            return
        value = f"={_shown(found.text)}" if show else ""
        self.faults.append(f"{found.name}{value}: {problem} (from {found.place})")

    def build(self, concern: type[C]) -> C:
        """The concern's values; with a fault, a stand-in that `finish` lets nobody use."""
        source = EnvSettingsSource(concern)
        source.env_vars = {name.lower(): found.text for name, found in self.found.items()}
        try:
            return concern(**source())
        except ValidationError as error:
            for details in error.errors(include_url=False, include_input=False):
                field = str(details["loc"][0])
                info = concern.model_fields[field]
                self.refuse(concern.names()[field], _problem(details, info), show=not is_secret(info.annotation))
            return concern.model_construct()

    def finish(self) -> None:
        """Raise SettingsError when there was any fault."""
        if self.faults:
            raise SettingsError(self.faults)


def _number(line: Original) -> int:
    """The number of a line in its file: the dotenv library makes the blank lines before it a part of it."""
    blank = len(line.string) - len(line.string.lstrip())
    return line.line + line.string[:blank].count("\n")


def _shown(text: str) -> str:
    """One short line of a text, without the password of an address that was pasted into the wrong setting."""
    text = re.sub(r"//.*@", "//***@", text, flags=re.DOTALL)
    text = text if len(text) <= 80 else f"{text[:80]}…"
    return text if text.isprintable() else repr(text)


def is_secret(annotation: object) -> bool:
    """Whether a secret type stands anywhere in the annotation: within a union or `Annotated` too."""
    if isinstance(annotation, type) and issubclass(annotation, Secret | SecretStr):
        return True
    return any(map(is_secret, get_args(annotation)))


def _problem(details: Mapping[str, Any], info: FieldInfo) -> str:
    """What is wrong, in words: a validator's own, or what the field's type and bounds ask for."""
    if details["type"] == "missing":
        return str(info.description)
    if details["type"] == "value_error":
        return str(details["ctx"]["error"])
    if get_origin(info.annotation) is Literal:
        return f"must be one of {', '.join(get_args(info.annotation))}"
    if info.annotation is bool:
        return "must be true or false"
    low, high = (next(getattr(rule, bound) for rule in info.metadata if hasattr(rule, bound)) for bound in ("ge", "le"))
    return f"must be a {'whole number' if info.annotation is int else 'number'} from {low} to {high}"

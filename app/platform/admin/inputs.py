"""From a form to the input of a verb: the same struct that the API decodes, validated the same way."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from adminsite.i18n import gettext as _

from app.kit.errors import AppError
from app.platform.admin.refusals import beside_fields
from app.platform.validation import decode

T = TypeVar("T", bound=msgspec.Struct)


def as_input(kind: type[T], values: Mapping[str, Any]) -> T:
    """The struct of those values that it has fields for. Raises Invalid with all that is wrong."""
    names = {field.name: field.encode_name for field in msgspec.structs.fields(kind)}
    given = {names[path]: value for path, value in values.items() if path in names}
    return decode(kind, msgspec.json.encode(given))


def faults(kind: type[msgspec.Struct], values: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with the values that a form gives, by their paths; what it leaves out is no fault here."""
    try:
        as_input(kind, values)
    except AppError as error:
        return beside_fields(error.violations, values)
    return {}


def unstorable(values: Mapping[str, Any]) -> dict[str, str]:
    """What no column of texts can hold, by the paths of the values."""
    texts = ((path, value) for path, value in values.items() if isinstance(value, str))
    return {path: _("This has a character in it that cannot be stored.") for path, value in texts if "\0" in value}

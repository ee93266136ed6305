"""The schemas of what comes in and goes out, as msgspec judges it, and an example of each."""

from collections.abc import Iterable
from inspect import cleandoc
from typing import Any

import msgspec

PREFIX = "#/components/schemas/"

NOTHING_STATED = "string"
SAMPLES: dict[str, Any] = {
    "date-time": "2026-01-31T09:30:00Z",
    "date": "2026-01-31",
    "uuid": "019c1319-6bc0-7a5e-8e6f-0c9d4b7a2f31",
    "boolean": False,
    "integer": 1,
    "number": 1.0,
    "string": NOTHING_STATED,
}


class Schemas:
    """JSON Schemas of types, all made at once, so that structs of one name in two modules stay two components.

    An example is put together from those that the fields state: `Meta(examples=[…])`. What a field states holds for
    every field of its name, kind and format that states none itself, so that an input speaks for the output beside it.
    """

    def __init__(self, types: Iterable[Any]) -> None:
        self._types = list(types)  # kept: their ids are the keys
        made, self.components = msgspec.json.schema_components(self._types, ref_template=PREFIX + "{name}")
        self._made = dict(zip(map(id, self._types), made, strict=True))
        self._stated: dict[tuple[str, str, str | None], Any] = {}
        for component in self.components.values():
            if "description" in component:
                component["description"] = cleandoc(component["description"])
            self._state(component)

    def __getitem__(self, type_: Any) -> dict[str, Any]:
        """The schema of one of the types, by identity: a reference where it is a struct."""
        return self._made[id(type_)]

    def _state(self, component: dict[str, Any]) -> None:
        for name, field in component.get("properties", {}).items():
            for schema in field.get("anyOf", [field]):
                if "examples" in schema and "type" in schema:
                    self._stated.setdefault((name, schema["type"], schema.get("format")), schema["examples"][0])

    def example(self, schema: dict[str, Any], name: str = "", above: tuple[str, ...] = ()) -> Any:
        """A value that the schema of a field of this name accepts; None inside a struct that holds itself."""
        kind = schema.get("type", "")
        if "examples" in schema:
            return schema["examples"][0]
        stated = name, kind, schema.get("format")
        if stated in self._stated:
            return self._stated[stated]
        if "$ref" in schema:
            struct = schema["$ref"].removeprefix(PREFIX)
            return None if struct in above else self.example(self.components[struct], name, (*above, struct))
        if choices := schema.get("anyOf") or schema.get("allOf"):
            return next((self.example(one, name, above) for one in choices if one != {"type": "null"}), None)
        if kind == "object":
            return {key: self.example(field, key, above) for key, field in schema.get("properties", {}).items()}
        if kind == "array":
            items = schema.get("prefixItems") or [schema.get("items") or {}]
            return [value for item in items if (value := self.example(item, name, above)) is not None]
        return _sample(schema)


def _sample(schema: dict[str, Any]) -> Any:
    if "enum" in schema:
        return schema["enum"][0]
    sample = SAMPLES.get(schema.get("format", ""), SAMPLES.get(schema.get("type", "")))
    sample = schema.get("default", sample)
    return max(sample, schema["minimum"]) if "minimum" in schema else sample

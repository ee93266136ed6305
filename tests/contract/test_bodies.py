"""What nobody asked for is refused by its name: each column of each table, in each body that can be sent."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest

from app.platform.migration_writing import metadata

DOCUMENT = msgspec.json.decode(Path(__file__).with_name("openapi.json").read_bytes())
SCHEMAS = DOCUMENT["components"]["schemas"]
JSON = "application/json"
OUR_PAGE = {"Sec-Fetch-Site": "same-origin"}
AT_ONCE = 50  # members; of a hundred faults the rest is left out

COLUMNS = {column.name for table in metadata().sorted_tables for column in table.columns}
NAMES = sorted(
    {*COLUMNS, *msgspec.defstruct("Row", sorted(map(str, COLUMNS)), rename="camel").__struct_encode_fields__}
)


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    return SCHEMAS[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def objects(schema: dict[str, Any], pointer: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects in a body: where each stands, and its schema."""
    schema = resolved(schema)
    if schema.get("type") == "object":
        yield pointer, schema
        for name, inner in schema.get("properties", {}).items():
            yield from objects(inner, f"{pointer}/{name}")


BODIES = [
    pytest.param(method.upper(), path, pointer, schema, id=f"{method.upper()} {path} {pointer}".strip())
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
    if "requestBody" in operation
    for pointer, schema in objects(operation["requestBody"]["content"][JSON]["schema"])
]
STRICT = [body for body in BODIES if body.values[3].get("additionalProperties") is False]


def within(pointer: str, member: dict[str, Any]) -> dict[str, Any]:
    for name in reversed(pointer.split("/")[1:]):
        member = {name: member}
    return member


@pytest.mark.parametrize(("method", "path", "pointer", "schema"), STRICT)
async def test_a_column_that_is_no_field_is_refused_by_its_name(
    client: httpx.AsyncClient,
    sign_in: Callable,
    prove: Callable,
    method: str,
    path: str,
    pointer: str,
    schema: dict[str, Any],
):
    strange = [name for name in NAMES if name not in schema["properties"]]
    assert {"is_superuser", "isSuperuser", "password", "id", "userId"} - set(strange) <= set(schema["properties"])
    root = await prove(await sign_in(is_superuser=True))
    for start in range(0, len(strange), AT_ONCE):
        names = strange[start : start + AT_ONCE]
        body = within(pointer, dict.fromkeys(names, True))
        answer = await client.request(method, filled(path), json=body, auth=root, headers=OUR_PAGE)
        assert answer.status_code == 422, answer.text
        refused = {one["pointer"] for one in answer.json()["violations"] if one["code"] == "unknown"}
        assert refused == {f"{pointer}/{name}" for name in names}


def filled(path: str) -> str:
    return "/".join(str(uuid4()) if part.startswith("{") else part for part in path.split("/"))


def test_all_bodies_of_the_house_s_own_api_are_strict():
    """Those of the sample's other contract, which has to ignore what it does not know, stand outside of it.

    What a browser says of a passkey may have members that WebAuthn will think of later.
    """
    lenient = {body.values[1] for body in BODIES if body not in STRICT}
    assert not [path for path in lenient if path.startswith("/api/v1/") and "passkey" not in path]
    assert STRICT

"""The RealWorld API ignores what it does not know: of columns that are no fields nothing stays, though they be sent.

What is planted is found by its value, wherever in the database it came to stand.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest
from sqlalchemy import ARRAY, Boolean, DateTime, Integer, LargeBinary, Uuid
from sqlalchemy.types import TypeEngine

from app.platform.migration_writing import metadata
from tests.conftest import SignedIn

DOCUMENT = Path(__file__).resolve().parents[2] / "contract" / "openapi.json"
ID, TEXT, NUMBER, DAY = "dddddddd-dddd-4ddd-8ddd-dddddddddddd", "planted text", 987654321, "1931-01-01"
PASSWORD = "correct horse battery staple"


def planted(kind: TypeEngine[Any]) -> object:
    """A value that a column of this type would take."""
    values = {
        Uuid: ID,
        Boolean: True,
        Integer: NUMBER,
        DateTime: f"{DAY}T00:00:00Z",
        ARRAY: [TEXT],
        LargeBinary: TEXT,
    }
    return next((value for type_, value in values.items() if isinstance(kind, type_)), TEXT)


COLUMNS = {str(column.name): planted(column.type) for table in metadata().sorted_tables for column in table.columns}
CAMEL = msgspec.defstruct("Row", list(COLUMNS), rename="camel").__struct_encode_fields__
STRANGE = {**COLUMNS, **dict(zip(CAMEL, COLUMNS.values(), strict=True)), "is_active": False, "isActive": False}

# Every body that is lenient, as it is meant: method, path, the envelope, and its fields.
BODIES = [
    ("POST", "/api/users", "user", {"username": "new", "email": "new@example.com", "password": PASSWORD}),
    ("POST", "/api/users/login", "user", {"email": "known@example.com", "password": PASSWORD}),
    ("PUT", "/api/user", "user", {"bio": "I sail."}),
    ("POST", "/api/articles", "article", {"title": "Of ships", "description": "d", "body": "b"}),
    ("PUT", "/api/articles/{slug}", "article", {"body": "revised"}),
    ("POST", "/api/articles/{slug}/comments", "comment", {"body": "c"}),
]


def fields_of(method: str, path: str) -> dict[str, Any]:
    """The fields of the body within its envelope, as the document describes them."""
    document = json.loads(DOCUMENT.read_bytes())
    schemas = document["components"]["schemas"]

    def resolved(schema: dict[str, Any]) -> dict[str, Any]:
        return schemas[schema["$ref"].rpartition("/")[2]]

    body = document["paths"][path][method.lower()]["requestBody"]["content"]["application/json"]["schema"]
    return resolved(next(iter(resolved(body)["properties"].values())))["properties"]


async def stored(url: str) -> str:
    """All that the database holds, as text."""
    connection = await asyncpg.connect(url)
    try:
        tables = [table.name for table in metadata().sorted_tables]
        rows = [row[0] for name in tables for row in await connection.fetch(f"SELECT to_jsonb(t)::text FROM {name} t")]
        return "\n".join(rows)
    finally:
        await connection.close()


@pytest.fixture
async def author(client: httpx.AsyncClient, sign_in: Callable) -> SignedIn:
    """Whose article is there, beside a user who can sign in."""
    author = await sign_in()
    article = {"title": "Of whales", "description": "d", "body": "b"}
    assert (await client.post("/api/articles", json={"article": article}, auth=author)).status_code == 201
    user = {"username": "known", "email": "known@example.com", "password": PASSWORD}
    assert (await client.post("/api/users", json={"user": user})).status_code == 201
    return author


@pytest.mark.parametrize(("method", "path", "envelope", "fields"), BODIES, ids=[" ".join(body[:2]) for body in BODIES])
async def test_nothing_stays_of_a_column_that_is_no_field(
    client: httpx.AsyncClient,
    author: SignedIn,
    database_url: str,
    method: str,
    path: str,
    envelope: str,
    fields: dict[str, str],
) -> None:
    known = fields_of(method, path)
    strange = {name: value for name, value in STRANGE.items() if name not in known}
    assert {"is_superuser", "isSuperuser", "id", "authorId", "user_id"} <= strange.keys()

    body = {envelope: {**strange, **fields}, **{name: STRANGE[name] for name in STRANGE if name != envelope}}
    answer = await client.request(method, path.format(slug="of-whales"), json=body, auth=author)

    assert answer.is_success, answer.text
    held = await stored(database_url)
    for value in (ID, TEXT, str(NUMBER), DAY, '"is_superuser": true', '"is_staff": true', '"is_active": false'):
        assert value not in held + answer.text, value
    assert '"is_superuser": false' in held


def test_every_lenient_body_is_tried() -> None:
    document = json.loads(DOCUMENT.read_bytes())
    lenient = set()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                schema = document["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
                lenient |= set() if schema.get("additionalProperties") is False else {(method.upper(), path)}
    assert lenient == {body[:2] for body in BODIES}

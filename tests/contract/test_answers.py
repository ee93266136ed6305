"""What answers give away: no password's hash from anywhere, and a token only where the document says so.

Every operation of the document is called with the body that it gives for an example, on rows that the operations before
it have made.
"""

import re
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import msgspec
import pytest

from app.domain.accounts.jobs import clear_sessions
from app.domain.accounts.models import User
from app.platform.database.pools import Database
from app.platform.observability.censor import is_secret
from tests.conftest import SignedIn
from tests.domain.accounts.factories import PASSWORD_HASH, TokenFactory, UserFactory

DOCUMENT = msgspec.json.decode(Path(__file__).with_name("openapi.json").read_bytes())
SCHEMAS = DOCUMENT["components"]["schemas"]
JSON = "application/json"
OUR_PAGE = {"Sec-Fetch-Site": "same-origin"}
TOKEN = re.compile(r"lh_[\w-]{43}")
NUMBERS = count(1)  # of names that nobody has
METHODS = ("post", "put", "get", "patch", "delete")  # what is made is there to be read, and goes from below
# What cannot succeed here, and why: a file of each module's, which leaves with it.
REFUSED = dict(
    line.split(": ", 1)
    for path in sorted(Path(__file__).parents[1].glob("domain/*/refused.txt"))
    for line in path.read_text().splitlines()
)
OPERATIONS = sorted(
    ((method, path, told) for path, methods in DOCUMENT["paths"].items() for method, told in methods.items()),
    key=lambda one: (METHODS.index(one[0]), -one[1].count("/") if one[0] == "delete" else 0, one[1]),
)


class Visit:
    """Calls one operation after the other, and remembers the addresses of what they made."""

    def __init__(self, client: httpx.AsyncClient, known: dict[str, str]) -> None:
        self._client = client
        self._known = known
        self._made: list[str] = []

    async def call(self, method: str, path: str, operation: dict[str, Any], me: SignedIn) -> httpx.Response:
        body = operation.get("requestBody", {}).get("content", {}).get(JSON, {}).get("example")
        query = {
            one["name"]: one["example"]
            for one in operation.get("parameters", ())
            if "example" in one and one["in"] == "query"
        }
        headers = OUR_PAGE | {"Idempotency-Key": f"{next(NUMBERS)}"}
        answer = await self._client.request(
            method, self._filled(path), json=body, params=query, auth=me, headers=headers
        )
        if answer.status_code == 409:
            answer = await self._client.request(
                method, self._filled(path), json=renamed(body), params=query, auth=me, headers=headers
            )
        self._made += [answer.headers["location"]] if "location" in answer.headers else []
        return answer

    def _filled(self, path: str) -> str:
        """The path of something that was made under it, or else of what was there from the beginning."""
        parts: list[str] = []
        for part in path.split("/"):
            prefix = "/".join([*parts, ""])
            made = [one.removeprefix(prefix).split("/")[0] for one in self._made if one.startswith(prefix)]
            name = part.strip("{}")
            parts.append(part if name == part else self._known[name] if name in self._known else [*made, "none"][0])
        return "/".join(parts)


def renamed(body: Any) -> Any:
    """The body with names that nobody has."""
    if not isinstance(body, dict):
        return body
    number = next(NUMBERS)
    other = {"username": f"other-{number}", "email": f"other-{number}@example.com", "name": f"other {number}"}
    return {key: other.get(key, renamed(value)) for key, value in body.items()}


def declared(schema: Any) -> Iterator[str]:
    """The names of all that an answer of this schema has."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield from declared(SCHEMAS[schema["$ref"].rpartition("/")[2]])
        yield from schema.get("properties", {})
        for inner in schema.values():
            yield from declared(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from declared(inner)


def tokens(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Each token in an answer, and the name that it stands under."""
    if isinstance(value, str):
        yield from ((key, token) for token in TOKEN.findall(value))
    elif isinstance(value, dict | list):
        members = value.items() if isinstance(value, dict) else ((key, one) for one in value)
        for name, inner in members:
            yield from tokens(inner, name)


@pytest.fixture
async def visit(client: httpx.AsyncClient, database: Database) -> Visit:
    """Beside somebody whose password's hash and whose token are known, and who signs in as the document says."""
    user = await UserFactory.saved(database, username="Known", email="ann@example.com")
    await TokenFactory.clear_for(database, User(id=user.id))
    work = database.unit_of_work()
    job = await work.run(lambda: work.enqueue(clear_sessions()))
    known = {"user_id": str(user.id), "username": "Known", "name": "accounts.manage_users", "job_id": str(job)}
    return Visit(client, known)


async def secrets(database: Database) -> set[str]:
    rows = await database.reader().fetch("SELECT password FROM accounts_user WHERE password <> '!'", ())
    digests = await database.reader().fetch("SELECT digest FROM accounts_token", ())
    return {PASSWORD_HASH, "$argon2"} | {row[0] for row in rows} | {row[0].hex() for row in digests}


async def told_again(database: Database) -> list[Any]:
    """The answers that are kept for who asks again under the same Idempotency-Key."""
    rows = await database.reader().fetch("SELECT body FROM platform_idempotency WHERE body <> ''", ())
    return [msgspec.json.decode(body) for (body,) in rows]


def names(value: Any) -> Iterator[str]:
    """The names of all members."""
    if isinstance(value, dict):
        yield from value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from names(inner)


async def test_no_hash_is_told_and_a_token_only_where_it_is_declared(
    visit: Visit, database: Database, sign_in: Callable, prove: Callable
):
    me, refused, told = await prove(await sign_in(is_superuser=True)), {}, set()
    for method, path, operation in OPERATIONS:
        name = f"{method.upper()} {path}"
        if method == "delete":
            me = await prove(await sign_in(is_superuser=True))  # some end the token that they are called with
        answer = await visit.call(method, path, operation, me)
        said = unquote(answer.text) + str(answer.headers)
        assert not [secret for secret in await secrets(database) if secret in said], name
        assert not TOKEN.search(str(answer.headers)), name
        if not answer.is_success:
            refused[name] = answer.status_code
        elif answer.content:
            schema = next(one for status, one in operation["responses"].items() if status[0] == "2")["content"][JSON]
            found = list(tokens(answer.json()))
            assert {key for key, _ in found} <= {"token"}, name
            assert ("token" in declared(schema["schema"])) == bool(found), name
            told |= {name} if found else set()
    assert refused.keys() == REFUSED.keys(), f"what is refused is not looked at: {refused}"
    assert told >= {f"POST /api/v1/accounts/{path}" for path in ("users", "tokens", "tokens/named")}
    kept = await told_again(database)
    assert len(kept) > 3
    shown = {name for name in names(kept) if is_secret(name) or "code" in name.lower()}
    assert shown <= {"body"}  # what somebody wrote

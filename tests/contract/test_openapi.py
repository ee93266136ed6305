"""The contract: the committed document is the code's, it is valid, and it leaves nothing to be guessed."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from app.main import create_app
from app.platform.openapi.document import contract
from app.platform.openapi.schemas import NOTHING_STATED
from config.settings import load

COMMITTED = Path(__file__).with_name("openapi.json")
PROBLEM = "application/problem+json"

Operation = tuple[str, str, dict[str, Any]]


@pytest.fixture(scope="module")
def written() -> bytes:
    """The document of the running code; no database is asked."""
    environ = {"DATABASE_URL": "postgresql://nobody@localhost/nothing", "LITEHOUSE_ENVIRONMENT": "test"}
    return contract(create_app(load(env_file=None, environ=environ)))


@pytest.fixture(scope="module")
def document(written: bytes) -> dict[str, Any]:
    return msgspec.json.decode(written)


@pytest.fixture(scope="module")
def operations(document: dict[str, Any]) -> list[Operation]:
    return [
        (f"{method.upper()} {path}", path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def contents(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Every body of a request or a response: where it stands, its schema, and each of its examples."""
    bodies = [(f"#/components/responses/{name}", one) for name, one in document["components"]["responses"].items()]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            bodies += [(f"{method} {path} {status}", one) for status, one in operation["responses"].items()]
            bodies += [(f"{method} {path} body", operation.get("requestBody", {}))]
    for place, body in bodies:
        for content in body.get("content", {}).values():
            examples = [one["value"] for one in content.get("examples", {}).values()]
            examples += [content["example"]] if "example" in content else []
            assert examples, f"{place} has no example"
            yield from ((place, content["schema"], example) for example in examples)


def leaves(value: Any) -> Iterator[Any]:
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    if members is None:
        yield value
    else:
        for member in members:
            yield from leaves(member)


def test_the_committed_document_is_that_of_the_code(written: bytes):
    assert COMMITTED.read_bytes() == written, "the API differs from tests/contract/openapi.json: run `just contracts`"


def test_it_is_valid(document: dict[str, Any]):
    OpenAPIV31SpecValidator(document).validate()


def test_every_operation_has_a_name_of_its_own_a_summary_and_a_tag_that_is_explained(
    document: dict[str, Any], operations: list[Operation]
):
    names = [operation["operationId"] for _, _, operation in operations]
    explained = {tag["name"] for tag in document["tags"] if tag.get("description")}

    assert len(names) == len(set(names))
    for name, _, operation in operations:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)+", operation["operationId"]), name
        assert re.fullmatch(r"[A-Z].{3,98}[^.]", operation["summary"]), name
        assert operation["tags"], name
        assert set(operation["tags"]) <= explained, name


def test_every_operation_lists_each_status_that_it_can_answer_with(operations: list[Operation]):
    for name, _, operation in operations:
        places = {parameter["in"] for parameter in operation.get("parameters", ())}
        expected = {"401", "503"}
        expected |= {"404"} if "path" in places else set()
        expected |= {"400", "422"} if "query" in places else set()
        expected |= {"400", "413", "415", "422"} if "requestBody" in operation else set()
        assert operation["responses"].keys() >= expected, name
        successes = {status for status in operation["responses"] if status.startswith("2")}
        # Beside another, 202 says that something else has to come first.
        assert len(successes - {"202"} or successes) == 1, name


def test_every_refusal_is_a_problem(document: dict[str, Any], operations: list[Operation]):
    for response in document["components"]["responses"].values():
        assert list(response["content"]) == [PROBLEM]
        assert response["content"][PROBLEM]["schema"] == {"$ref": "#/components/schemas/Problem"}
    for name, _, operation in operations:
        for status, response in operation["responses"].items():
            assert (status[0] in "23") != ("$ref" in response), f"{name} {status}"


def test_examples_are_what_their_schema_says(document: dict[str, Any]):
    for place, schema, example in contents(document):
        rooted = Draft202012Validator(
            {**schema, "components": document["components"]}, format_checker=Draft202012Validator.FORMAT_CHECKER
        )
        assert not [f"{place}: {error.message} at {error.json_path}" for error in rooted.iter_errors(example)]


def test_no_example_is_made_up_of_nothing(document: dict[str, Any], operations: list[Operation]):
    """A text that no field of its name gives an example of: mark it with `app.kit.schema.example`."""
    for place, _, example in contents(document):
        assert NOTHING_STATED not in leaves(example), f"{place}: {example}"
    for name, _, operation in operations:
        for parameter in operation.get("parameters", ()):
            assert parameter.get("example") != NOTHING_STATED, f"{name}: {parameter['name']}"


def test_parameters_are_those_of_the_path_and_whole_numbers_have_bounds(operations: list[Operation]):
    for name, path, operation in operations:
        parameters = operation.get("parameters", [])
        assert {one["name"] for one in parameters if one["in"] == "path"} == set(re.findall(r"{(\w+)}", path)), name
        for parameter in parameters:
            if parameter["schema"].get("type") == "integer":
                assert parameter["schema"].keys() >= {"minimum", "maximum"}, f"{name}: {parameter['name']}"


def test_every_moment_is_a_date_time(document: dict[str, Any]):
    """msgspec says so of `app.kit.schema.Moment`, and not of a bare datetime."""
    for name, schema in document["components"]["schemas"].items():
        for field, described in schema.get("properties", {}).items():
            if field.endswith("At"):
                formats = {one.get("format") for one in described.get("anyOf", [described])}
                assert "date-time" in formats, f"{name}.{field}"


def test_every_struct_says_what_it_is(document: dict[str, Any]):
    for name, schema in document["components"]["schemas"].items():
        assert schema.get("description"), name


def test_every_component_is_used(written: bytes, document: dict[str, Any]):
    for kind in ("schemas", "responses"):
        for name in document["components"][kind]:
            assert f'"#/components/{kind}/{name}"'.encode() in written, name


def test_every_operation_says_who_may_call_it(document: dict[str, Any], operations: list[Operation]):
    schemes = document["components"]["securitySchemes"].keys()
    for name, _, operation in operations:
        asked = [set(requirement) for requirement in operation["security"] if requirement]
        with_cookie, with_tokens = [{scheme} for scheme in schemes], [{"bearer"}, {"token"}]
        assert asked in (with_cookie, with_tokens), name
        assert asked == with_tokens or not name.split()[1].startswith(("/api/users", "/api/articles")), name

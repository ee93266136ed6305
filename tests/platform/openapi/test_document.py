"""The document of a small house: what msgspec enforces and what the house refuses, neither more nor less."""

from typing import Any

import pytest
from litestar import Response
from openapi_spec_validator import OpenAPIV31SpecValidator

from app.platform.handlers import get
from app.platform.openapi.document import contract, document
from app.platform.openapi.pages import documentation
from app.platform.security import PUBLIC
from tests.platform.openapi.whales import house


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return document(house())


@pytest.fixture(scope="module")
def schemas(described: dict[str, Any]) -> dict[str, Any]:
    return described["components"]["schemas"]


def refused(operation: dict[str, Any]) -> dict[str, str]:
    """The errors of an operation, by status."""
    answers = operation["responses"].items()
    return {status: one["$ref"].rpartition("/")[2] for status, one in answers if "$ref" in one}


def test_it_is_valid(described: dict[str, Any]):
    OpenAPIV31SpecValidator(described).validate()


def test_only_operations_of_the_house_are_listed_and_their_methods(described: dict[str, Any]):
    listed = {path: list(methods) for path, methods in described["paths"].items()}

    assert listed == {
        "/lights": ["get"],
        "/whales": ["get", "post"],
        "/whales/{given_name}": ["put"],
        "/whales/{whale_id}": ["delete"],
    }


def test_an_operation_is_called_after_its_function_and_described_by_its_docstring(described: dict[str, Any]):
    operation = described["paths"]["/whales"]["get"]

    assert operation["operationId"] == "list_whales"
    assert operation["summary"] == "List whales"
    assert operation["description"] == "The newest first."
    assert "deprecated" not in operation
    assert described["paths"]["/whales/{given_name}"]["put"]["deprecated"] is True


def test_tags_are_those_in_use_and_a_modules_says_what_the_module_is(described: dict[str, Any]):
    assert described["tags"] == [{"name": "sea", "description": "What lives in the sea"}, {"name": "lights"}]


def test_an_unknown_member_is_refused_where_the_input_refuses_it(schemas: dict[str, Any]):
    assert schemas["NewWhale"]["additionalProperties"] is False
    assert "additionalProperties" not in schemas["Remark"]


def test_a_body_has_the_names_and_bounds_that_msgspec_enforces(schemas: dict[str, Any]):
    whale = schemas["NewWhale"]

    assert whale["required"] == ["givenName"]
    assert whale["properties"]["givenName"].items() >= {"type": "string", "maxLength": 20, "pattern": r"\S"}.items()
    assert whale["properties"]["seenWith"]["maxItems"] == 3
    assert whale["properties"]["seenWith"]["items"]["maxLength"] == 5
    assert whale["properties"]["nickName"]["anyOf"][0]["maxLength"] == 9
    assert whale["properties"]["nickName"]["anyOf"][1] == {"type": "null"}


def test_a_description_of_several_lines_is_without_the_indent_of_the_source(schemas: dict[str, Any]):
    assert schemas["NewWhale"]["description"] == "A whale to be.\n\nIt is sighted later."


def test_a_moment_is_a_date_time(schemas: dict[str, Any]):
    assert schemas["Whale"]["properties"]["bornAt"] == {"type": "string", "format": "date-time"}


def test_a_query_has_the_parameters_of_the_handler_and_of_its_providers(described: dict[str, Any]):
    parameters = {one["name"]: one for one in described["paths"]["/whales"]["get"]["parameters"]}

    assert parameters["limit"] == {
        "name": "limit",
        "in": "query",
        "description": "How many",
        "required": False,
        "schema": {"type": "integer", "minimum": 1, "maximum": 50, "default": 20},
    }
    assert parameters["isHeavy"]["description"] == "Above 20 t"
    assert parameters["isHeavy"]["schema"] == {"type": "boolean", "default": False}
    assert parameters["after"] == {
        "name": "after",
        "in": "query",
        "description": "The one that these follow",
        "required": False,
        "schema": {"type": "string", "maxLength": 9},  # a query can leave it out, it cannot say null
    }


def test_a_path_has_its_parameters_with_an_example(described: dict[str, Any]):
    [name] = described["paths"]["/whales/{given_name}"]["put"]["parameters"]
    [whale_id] = described["paths"]["/whales/{whale_id}"]["delete"]["parameters"]

    assert name["in"] == whale_id["in"] == "path"
    assert name["required"] is whale_id["required"] is True
    assert whale_id["schema"] == {"type": "string", "format": "uuid"}
    assert len(whale_id["example"]) == 36


@pytest.mark.parametrize(
    ("path", "method", "security"),
    [
        pytest.param("/whales", "get", [{}, {"bearer": []}, {"token": []}, {"session": []}], id="public"),
        pytest.param("/whales", "post", [{"bearer": []}, {"token": []}, {"session": []}], id="signed-in"),
        pytest.param(
            "/whales/{given_name}",
            "put",
            [{name: ["sea.hunt"]} for name in ("bearer", "token", "session")],
            id="granted",
        ),
    ],
)
def test_the_permission_says_who_may_call(described: dict[str, Any], path: str, method: str, security: list[Any]):
    assert described["paths"][path][method]["security"] == security


@pytest.mark.parametrize(
    ("path", "method", "expected"),
    [
        pytest.param("/lights", "get", {"401": "Unauthenticated", "503": "Busy"}, id="nothing-given"),
        pytest.param(
            "/whales",
            "get",
            {"400": "Malformed", "401": "Unauthenticated", "422": "Invalid", "503": "Busy"},
            id="query",
        ),
        pytest.param(
            "/whales/{whale_id}",
            "delete",
            {"401": "Unauthenticated", "403": "Forbidden", "404": "NotFound", "503": "Busy"},
            id="path",
        ),
        pytest.param(
            "/whales",
            "post",
            {
                "400": "Malformed",
                "401": "Unauthenticated",
                "403": "Forbidden",
                "408": "TooSlow",
                "409": "ConflictOrExtinct",
                "413": "TooLarge",
                "415": "UnsupportedMediaType",
                "422": "Invalid",
                "503": "Busy",
            },
            id="body-and-two-of-one-status",
        ),
        pytest.param(
            "/whales/{given_name}",
            "put",
            {
                "400": "Malformed",
                "401": "Unauthenticated",
                "403": "Forbidden",
                "404": "NotFound",
                "408": "TooSlow",
                "410": "Sunk",
                "413": "TooLarge",
                "415": "UnsupportedMediaType",
                "422": "Invalid",
                "503": "Busy",
            },
            id="everything",
        ),
    ],
)
def test_the_refusals_follow_from_what_the_route_declares(
    described: dict[str, Any], path: str, method: str, expected: dict[str, str]
):
    operation = described["paths"][path][method]

    assert refused(operation) == expected
    assert set(expected.values()) <= described["components"]["responses"].keys()


def test_errors_of_one_status_share_a_response_with_an_example_of_each(described: dict[str, Any]):
    response = described["components"]["responses"]["ConflictOrExtinct"]
    examples = response["content"]["application/problem+json"]["examples"]

    assert response["description"] == "Conflict or Extinct"
    assert list(examples) == ["conflict", "extinct"]
    assert examples["extinct"]["value"].items() >= {"type": "/problems/extinct", "title": "Extinct"}.items()
    assert examples["extinct"]["value"]["errors"] == {"name": ["has already been taken"]}


def test_an_error_unlike_any_other_is_described_under_its_own_name(described: dict[str, Any]):
    [made] = described["components"]["responses"]["Sunk"]["content"]["application/problem+json"]["examples"].values()

    assert made["value"].items() >= {"status": 410, "code": "sunk", "detail": "Refused"}.items()


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        pytest.param("/whales", "post", "201", id="made"),
        pytest.param("/whales/{given_name}", "put", "200", id="shown"),
        pytest.param("/whales/{whale_id}", "delete", "204", id="gone"),
    ],
)
def test_success_is_described_with_the_type_that_the_function_returns(
    described: dict[str, Any], path: str, method: str, status: str
):
    answer = described["paths"][path][method]["responses"][status]
    returned = {"201": "Whale", "200": "Drawing"}.get(status)

    if returned is None:
        assert answer == {"description": "No Content"}
    else:
        assert answer["content"]["application/json"]["schema"] == {"$ref": f"#/components/schemas/{returned}"}


def test_headers_that_an_answer_always_has_are_described(described: dict[str, Any]):
    made = described["paths"]["/whales"]["post"]["responses"]["201"]
    responses = described["components"]["responses"]

    assert made["headers"]["Location"]["required"] is True
    assert list(responses["Unauthenticated"]["headers"]) == ["WWW-Authenticate"]
    assert responses["Busy"]["headers"]["Retry-After"]["schema"] == {"type": "integer"}
    assert "headers" not in described["paths"]["/whales"]["get"]["responses"]["200"]


def test_a_route_that_does_not_say_what_it_returns_is_refused_by_name():
    @get("/fog", permission=PUBLIC)
    async def look_around() -> Response:
        """Look around."""
        return Response(None)

    with pytest.raises(TypeError, match="look_around"):
        document(house(look_around))
    with pytest.raises(TypeError, match="look_around"):
        documentation(house(look_around))  # at the start, not when it is asked for


def test_two_operations_of_one_name_are_refused_by_it():
    @get("/others", permission=PUBLIC)
    async def list_whales() -> None: ...

    with pytest.raises(TypeError, match=r"GET /others and GET .*/whales are both called list_whales"):
        contract(house(list_whales))


def test_the_contract_does_not_depend_on_the_order_in_which_routes_are_registered():
    assert contract(house()) == contract(house(backwards=True))


def test_the_contract_is_text_that_a_diff_can_be_read_of():
    lines = contract(house()).decode().splitlines()

    assert lines[1] == '  "openapi": "3.1.0",'
    assert max(map(len, lines)) < 500

"""The document at /openapi.json: every operation, as the routes and the types that they declare describe it.

Litestar's own generator loses what msgspec enforces (unknown members refused, the bounds of lists and of text that may
be null), documents answers that the house never gives and makes its examples up by chance; it is not used.
"""

from collections.abc import Iterable, Iterator, Sequence
from http import HTTPStatus
from types import NoneType
from typing import Any, get_args

import msgspec
from litestar import Litestar, Response
from litestar.routes import HTTPRoute
from litestar.typing import FieldDefinition

from app.kit.errors import AppError
from app.platform.handlers import Endpoint
from app.platform.idempotency import HEADER, KEY, REPLAYED_HEADER
from app.platform.module import Module
from app.platform.openapi.refusals import PROBLEM, RATES, Refusals, header, refusals_of
from app.platform.openapi.schemas import Schemas
from app.platform.request import JSON, Parameter, parameters_of
from app.platform.security import PUBLIC, SELF_CHECKED, SIGNED_IN

OPENAPI = "3.1.0"
INFO = {
    "title": "Litehouse",
    "version": "1.0.0",  # the contract's, not the software's: a release that changes nothing for clients leaves it
    "summary": "An async backend with Django's batteries",
    "description": (
        "Every answer carries `X-Request-ID`; what a client sends under that name is kept. Every error is a problem "
        "document (RFC 9457) that lists all that is wrong with the request, and its `type` opens a page about it. "
        "A token that is no good is refused on public operations too; the cookie of a session that has ended is "
        "nobody's there."
    ),
    "license": {"name": "MIT", "identifier": "MIT"},
}
SECURITY_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A token, as `Authorization: Bearer lh_…`"},
    "token": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "The same token under a scheme that some clients use: the whole value, `Token lh_…`",
    },
}
COOKIES = {
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-session",
        "description": "A browser's session, which `POST /api/v1/accounts/session` begins; on loopback HTTP the cookie "
        "is `session`. With it, what changes anything must come from our own pages (`Sec-Fetch-Site: same-origin`, or "
        "an `Origin` that is ours or trusted), and a body must be JSON. Beside a token it is not looked at.",
    },
}
IDEMPOTENCY_KEY = {
    "name": HEADER,
    "in": "header",
    "description": "Names this request: repeated within 24 hours by the same user, with the same key, method, address "
    "and body, it is not done again, and answered as it was. What is refused leaves its key free. Best a random UUID.",
    "required": False,
    "schema": {"type": "string", "pattern": f"^{KEY}$"},
}
PLATFORM_TAGS = {"system": "What a load balancer asks of the process"}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def contract(app: Litestar) -> bytes:
    """The document as it is committed: indented, in an order that only a change of the routes changes."""
    return msgspec.json.format(msgspec.json.encode(document(app)), indent=2) + b"\n"


def document(app: Litestar, operations: Sequence["Operation"] | None = None) -> dict[str, Any]:
    """The document of the application's routes, those left out that are not for its clients; or of some operations.

    Raises TypeError for a route that does not say what it returns, and for two that are called the same.
    """
    operations = operations_of(app) if operations is None else operations
    schemas = Schemas(type_ for one in operations for type_ in one.types)
    refusals = Refusals()
    paths: dict[str, dict[str, Any]] = {}
    for one in operations:
        paths.setdefault(one.path, {})[one.method.lower()] = _described(one, schemas, refusals)
    return {
        "openapi": OPENAPI,
        "info": INFO,
        "servers": [{"url": "/"}],
        "tags": list(_tags(operations, app.state.modules)),
        "paths": paths,
        "components": {
            "schemas": dict(sorted((PROBLEM.components | schemas.components).items())),
            "responses": dict(sorted(refusals.components.items())),
            "securitySchemes": SECURITY_SCHEMES | COOKIES,
        },
    }


class Operation:
    """One method of one path, with the types that it takes and gives."""

    def __init__(self, path: str, method: str, handler: Endpoint) -> None:
        self.path, self.method, self.handler = path, method, handler
        self.parameters = list(parameters_of(handler))
        self.body = handler.parsed_data_field
        self.accepted = handler.accepted
        self.answer = _returned(handler)

    @property
    def types(self) -> Iterator[Any]:
        """Every type of it that has a schema."""
        yield from (parameter.type for parameter in self.parameters)
        if self.body is not None:
            yield self.body.annotation
        yield from (kind for kind in (self.answer, self.accepted) if kind not in (NoneType, None))

    @property
    def refusals(self) -> set[type[AppError]]:
        """The errors that it may answer with."""
        places = {parameter.definition.param_type for parameter in self.parameters}
        return refusals_of(self.handler, places, has_body=self.body is not None)


def _returned(handler: Endpoint) -> Any:
    field = handler.parsed_return_field
    if not field.is_subclass_of(Response):
        return field.annotation
    if not field.inner_types:
        message = f"{handler.operation_id} returns a Response of what? Say Response[…], or include_in_schema=False"
        raise TypeError(message)
    returned = field.inner_types[0].annotation
    others = [kind for kind in get_args(returned) if kind is not handler.accepted] if handler.accepted else []
    return others[0] if len(others) == 1 else returned


def operations_of(app: Litestar) -> list[Operation]:
    """What the document describes, in its order.

    Raises TypeError for a route that does not say what it returns, and for two that are called the same.
    """
    operations = sorted(_operations(app), key=lambda one: (one.path, METHODS.index(one.method)))
    _refuse_namesakes(operations)
    return operations


def _operations(app: Litestar) -> Iterator[Operation]:
    for route in app.routes:
        for handler in route.route_handlers if isinstance(route, HTTPRoute) else ():
            if isinstance(handler, Endpoint) and handler.resolve_include_in_schema():
                yield from (Operation(route.path_format, method, handler) for method in handler.http_methods)


def _refuse_namesakes(operations: Iterable[Operation]) -> None:
    """Programs that are generated from the document have a function for each, by its name."""
    known: dict[str, Operation] = {}
    for one in operations:
        other = known.setdefault(str(one.handler.operation_id), one)
        if other is not one:
            places = f"{other.method} {other.path} and {one.method} {one.path}"
            message = f"{places} are both called {one.handler.operation_id}: give one of the functions another name"
            raise TypeError(message)


def _described(operation: Operation, schemas: Schemas, refusals: Refusals) -> dict[str, Any]:
    handler = operation.handler
    told = {
        "operationId": handler.operation_id,
        "tags": handler.resolve_tags(),
        "summary": handler.summary,
        "description": handler.description,
        "deprecated": handler.deprecated,
        "parameters": [
            *(_parameter(one, schemas) for one in operation.parameters),
            *([IDEMPOTENCY_KEY] if handler.takes_key else ()),
        ],
        "requestBody": _body(operation.body, schemas),
        "responses": {**_answer(operation, schemas), **refusals.of(operation.refusals)},
        "security": list(_security(handler)),
    }
    return {name: value for name, value in told.items() if value}


def _parameter(parameter: Parameter, schemas: Schemas) -> dict[str, Any]:
    field, definition = parameter.field, parameter.definition
    schema = dict(schemas[parameter.type])
    if choices := [one for one in schema.pop("anyOf", ()) if one != {"type": "null"}]:  # a query knows no null
        schema |= {"anyOf": choices} if len(choices) > 1 else choices[0]
    if field.has_default and field.default is not None:
        schema["default"] = msgspec.to_builtins(field.default)
    told = {
        "name": parameter.name,
        "in": definition.param_type.value,
        "description": schema.pop("description", definition.description),
        "required": field.is_required,
        "schema": schema,
        # Of the required ones alone: the pages fill examples in, and a filter filled in hides everything.
        "example": schemas.example(schema, parameter.name) if field.is_required else None,
    }
    return {name: value for name, value in told.items() if value is not None}


def _body(field: FieldDefinition | None, schemas: Schemas) -> dict[str, Any] | None:
    if field is None:
        return None
    return {"required": not field.has_default, "content": _content(schemas[field.annotation], schemas)}


def _answer(operation: Operation, schemas: Schemas) -> dict[str, Any]:
    status = HTTPStatus(operation.handler.status_code)
    told: dict[str, Any] = {"description": status.phrase}
    headers: dict[str, Any] = {}
    if status is HTTPStatus.CREATED:
        headers["Location"] = header("Where it is", type="string", format="uri-reference")
    if operation.answer is not NoneType:
        told["content"] = _content(schemas[operation.answer], schemas)
        if operation.method != "GET" and status is not HTTPStatus.ACCEPTED:
            headers["ETag"] = header("The version that was written", type="string")
    if operation.handler.throttled:
        headers |= RATES
    if operation.handler.takes_key:  # of a repetition no attempt is counted
        headers = {name: {**one, "required": name not in RATES} for name, one in headers.items()}
        headers[REPLAYED_HEADER] = header("`true` where the request was done before: the same answer", type="string")
        headers[REPLAYED_HEADER]["required"] = False
    answers = {str(status.value): told}
    if operation.handler.cached:
        headers["ETag"] = header("The version, for If-None-Match; told to anonymous readers", type="string")
        headers["ETag"]["required"] = False
        answers["304"] = {"description": "Not Modified: the version that was named in If-None-Match is the present one"}
    if operation.accepted:
        answers["202"] = {"description": "Accepted", "content": _content(schemas[operation.accepted], schemas)}
        answers["202"] |= {"headers": RATES} if operation.handler.throttled else {}
    if headers:
        told["headers"] = headers
    return answers


def _content(schema: dict[str, Any], schemas: Schemas) -> dict[str, Any]:
    return {JSON: {"schema": schema, "example": schemas.example(schema)}}


def _security(handler: Endpoint) -> Iterator[dict[str, list[str]]]:
    """A token in either form, or a session, or on public routes nothing; where a permission is asked for, its name."""
    permission = handler.opt["permission"]
    if permission == PUBLIC:
        yield {}
    asked = [] if permission in (PUBLIC, SELF_CHECKED, SIGNED_IN) else [permission.name]
    yield from ({scheme: asked} for scheme in SECURITY_SCHEMES)
    if not handler.opt.get("tokens_only"):
        yield from ({scheme: asked} for scheme in COOKIES)


def _tags(operations: Iterable[Operation], modules: Iterable[Module]) -> Iterator[dict[str, str]]:
    """The tags in use, in the order of the installed modules; a module's own tag says what the module is."""
    used = {tag for operation in operations for tag in operation.handler.resolve_tags()}
    described = {module.name: module.summary for module in modules} | PLATFORM_TAGS
    yield from ({"name": tag, "description": text} for tag, text in described.items() if tag in used)
    yield from ({"name": tag} for tag in sorted(used - described.keys()))

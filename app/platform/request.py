"""What a request brings: path, query and body, read into the types that its handler declares, every fault at once."""

import re
from asyncio import timeout
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import parse_qsl
from uuid import UUID

import msgspec
from litestar import Request
from litestar.enums import ParamType, RequestEncodingType
from litestar.exceptions import InternalServerException
from litestar.handlers import HTTPRouteHandler
from litestar.params import BodyKwarg, ParameterKwarg
from litestar.typing import FieldDefinition
from msgspec import inspect as types

from app.kit.errors import Invalid, Malformed, NotFound, TooSlow, UnsupportedMediaType, Violation
from app.platform.storable import LARGEST
from app.platform.validation import decode
from app.platform.violations import LISTS, alternatives

JSON = "application/json"
JSON_TYPE = re.compile(rb"application/(?:json|[\w.!#$&^-]+\+json)\s*(?:;.*)?", re.IGNORECASE)
SAID_OF_BODY = (b"content-type", b"content-encoding")
PLAIN_JSON = [(b"content-type", b"application/json")]
CHARSET = re.compile(rb";\s*charset\s*=\s*\"?([^\s\";]+)", re.IGNORECASE)

BARE = (types.IntType, types.FloatType, types.BoolType)
BARE_VALUE = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false")

BODY_SECONDS = 30.0  # for all of a body: clients that never end theirs would use up the connections of `backpressure`

NOTHING = object()


class JSONRequest(Request[Any, Any, Any]):
    """Litestar's request; its JSON is decoded straight into the type of the handler's `data`."""

    __slots__ = ("_decoded",)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._decoded: Any = NOTHING

    async def json(self) -> Any:
        """The body's value.

        Raises UnsupportedMediaType, Malformed, TooSlow, Invalid; RequestEntityTooLarge is Litestar's.
        """
        if self._decoded is NOTHING:
            body = await self.body()
            _require_json(self.scope["headers"])
            field = self.route_handler.parsed_data_field
            self._decoded = decode(Any if field is None else field.annotation, body)
        return self._decoded

    async def body(self) -> bytes:
        """The body's bytes.

        Raises TooSlow, and Malformed when the client leaves before it has sent them all: Litestar says 500.
        """
        try:
            async with timeout(BODY_SECONDS):
                return await super().body()
        except TimeoutError as error:
            raise TooSlow from error
        except InternalServerException as error:
            if error.detail != "client disconnected prematurely":
                raise
            raise Malformed("", "ended too early") from error


async def check_request(request: JSONRequest) -> None:
    """Litestar's `before_request`: refuse what the handler's types do not take, before any dependency is made.

    Raises NotFound for a path that cannot be one of its kind, Malformed and UnsupportedMediaType for a body that
    cannot be read, and Invalid with the violations of query and body together.
    """
    scope, handler = request.scope, request.route_handler
    _check_path(scope["path"], scope["path_params"])
    violations = _wrong_in_query(handler, scope["query_string"])
    if handler.parsed_data_field is not None:
        violations += await _wrong_in_body(request, handler.parsed_data_field)
    if violations:
        raise Invalid.of(violations)


def _check_path(path: str, parameters: dict[str, Any]) -> None:
    """Litestar reads `{id:int}` by `int()`, which takes `+1`, `1_0` and other scripts' digits for numbers.

    U+FFFD is what servers put in the place of bytes that are not UTF-8.
    """
    if "\0" in path or "\ufffd" in path:
        raise NotFound("path")
    for value in parameters.values():
        if isinstance(value, int | UUID) and str(value) not in path.lower().split("/"):
            raise NotFound("path")
        if isinstance(value, int) and abs(value) > LARGEST:
            raise NotFound("path")


@lru_cache(maxsize=512)  # the same few queries come again and again, as in Litestar's own parser
def _wrong_in_query(handler: HTTPRouteHandler, query: bytes) -> tuple[Violation, ...]:
    parameters = _query_of(handler)
    if parameters is None:
        return ()
    values, wrong = _as_json(parameters, query)
    try:
        decode(parameters, values)
    except Invalid as error:
        wrong += [Violation(f"query:{one.pointer.split('/')[1]}", one.code, one.text) for one in error.violations]
    return tuple(wrong)


@lru_cache(maxsize=1024)
def _query_of(handler: HTTPRouteHandler) -> type[msgspec.Struct] | None:
    """A struct of the query parameters that a handler and its dependencies declare; None where they declare none."""
    fields: dict[str, Any] = {}
    names: dict[str, str] = {}
    for parameter in parameters_of(handler):
        if parameter.definition.param_type == ParamType.QUERY:
            default = [None] if parameter.field.has_default or parameter.field.is_optional else []
            fields[parameter.key] = (parameter.key, parameter.type, *default)
            names[parameter.key] = parameter.name
    return msgspec.defstruct("Query", fields.values(), rename=names, kw_only=True) if fields else None


class Parameter(NamedTuple):
    """What a path, query or header brings: its name in the function, and the type that judges its value."""

    key: str
    field: FieldDefinition
    definition: ParameterKwarg
    type: Any

    @property
    def name(self) -> str:
        """Its name where clients write it."""
        return self.definition.name or self.key


def parameters_of(handler: HTTPRouteHandler) -> Iterator[Parameter]:
    """The parameters that a handler and its dependencies declare."""
    for function in functions_of(handler):
        for key, field in function.parsed_fn_signature.parameters.items():
            definition = None if field.is_di_field else field.kwarg_definition
            if isinstance(definition, ParameterKwarg):
                # Litestar's signature keeps the bounds of its own marker alone; those of a `Meta` within are in `raw`.
                type_ = function.signature_model.__annotations__[key] if definition.is_constrained else field.raw
                yield Parameter(key, field, definition, type_)


def functions_of(handler: HTTPRouteHandler) -> list[Any]:
    """The handler, and the providers that it needs."""
    dependencies = handler.resolve_dependencies()
    functions: list[Any] = [handler]
    for function in functions:  # grows while it is walked
        needed = [dependencies[name] for name in function.parsed_fn_signature.parameters if name in dependencies]
        functions += [provider for provider in needed if provider not in functions]
    return functions


def _as_json(parameters: type[msgspec.Struct], query: bytes) -> tuple[bytes, list[Violation]]:
    """A query as the JSON that it stands for: one decoder judges both, where Litestar would take `1e2` for 100.

    Only what is a list may be given twice. Raises Malformed where it is not UTF-8.
    """
    try:
        pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError as error:
        raise Malformed("query:", "is not UTF-8") from error
    members, repeated = {}, []
    for parameter in _shapes(parameters):
        values = [parameter.value(text) for name, text in pairs if name == parameter.name]
        if values:
            members[parameter.name] = values if parameter.is_list else values[0]
        if len(values) > 1 and not parameter.is_list:
            repeated.append(Violation(f"query:{parameter.name}", "repeated", "must be given only once"))
    return msgspec.json.encode(members), repeated


class Shape(NamedTuple):
    """How a query parameter is written in JSON."""

    name: str
    is_list: bool
    is_bare: bool

    def value(self, text: str) -> msgspec.Raw:
        """A number, true or false where the type has them and the text looks like one; else a string."""
        is_bare = self.is_bare and BARE_VALUE.fullmatch(text)
        return msgspec.Raw(text.encode() if is_bare else msgspec.json.encode(text))


@lru_cache(maxsize=1024)
def _shapes(parameters: type[msgspec.Struct]) -> list[Shape]:
    shapes = []
    for field in msgspec.structs.fields(parameters):
        kinds = alternatives(types.type_info(field.type))
        items = [one for kind in kinds if isinstance(kind, LISTS) for one in alternatives(kind.item_type)]
        is_bare = any(isinstance(one, BARE) for one in items or kinds)
        shapes.append(Shape(field.encode_name, bool(items), is_bare))
    return shapes


async def _wrong_in_body(request: JSONRequest, field: FieldDefinition) -> tuple[Violation, ...]:
    if not _is_json(field):
        return ()
    if not await request.body():
        if field.is_optional or field.has_default:
            return ()
        raise Malformed("", "is empty")
    try:
        await request.json()
    except Invalid as error:
        return error.violations
    return ()


def _is_json(field: FieldDefinition) -> bool:
    definition = field.kwarg_definition
    return not isinstance(definition, BodyKwarg) or definition.media_type == RequestEncodingType.JSON


def _require_json(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """A browser sends `text/plain` across origins without asking first: as JSON it would be a forged request.

    What is compressed is not unpacked: a few bytes would become any number of them.
    """
    given = [pair for pair in headers if pair[0] in SAID_OF_BODY]
    if given == PLAIN_JSON:
        return
    if any(name == b"content-encoding" and value.lower() != b"identity" for name, value in given):
        raise UnsupportedMediaType(JSON, is_encoded=True)
    kinds = [value for name, value in given if name == b"content-type"]
    if len(kinds) != 1 or not JSON_TYPE.fullmatch(kinds[0]):
        raise UnsupportedMediaType(JSON)
    charset = CHARSET.search(kinds[0])
    if charset and charset[1].lower() not in {b"utf-8", b"utf8"}:
        raise UnsupportedMediaType(f"{JSON}; charset=utf-8")

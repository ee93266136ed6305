"""Route handlers: each states its permission, runs in the hands of its unit of work, and answers after the commit."""

from collections.abc import Callable, Collection
from functools import wraps
from hashlib import blake2b
from http import HTTPStatus
from inspect import getdoc, signature
from typing import Annotated, Any, get_args

import msgspec
from litestar import Litestar, Request, asgi
from litestar.di import NamedDependency, Provide
from litestar.handlers import ASGIRouteHandler, HTTPRouteHandler
from litestar.params import SkipValidationMarker
from litestar.response import Response
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp

from app.kit.errors import AppError, TooMany
from app.kit.identity import Permission, Viewer
from app.platform.database.pools import Database
from app.platform.database.refusals import translate
from app.platform.database.work import Reader, Service, UnitOfWork
from app.platform.encoded import NONE, Encoded
from app.platform.idempotency import KeyedWork, key_given
from app.platform.origins import SAFE
from app.platform.ratelimit import RATE_HEADERS
from app.platform.request import functions_of
from app.platform.security import OF_THE_HOUSE, PUBLIC, SELF_CHECKED

Function = Callable[..., Any]

REVALIDATED = {"Cache-Control": "no-cache", "Vary": "Authorization, Cookie"}
INJECTED = type(get_args(NamedDependency[Any])[1])
encode = msgspec.json.Encoder().encode


class Endpoint(HTTPRouteHandler):
    """Litestar's route handler with what the house asks of every route."""

    def __init__(
        self,
        path: str = "",
        *,
        permission: Permission,
        refuses: tuple[type[AppError], ...] = (),
        cached: bool = False,
        accepted: type | None = None,
        **options: Any,
    ) -> None:
        """What others know of a route.

        `cached`: anonymous readers may be answered from memory, as `cached_reads` tells. `accepted`: what is answered
        with 202, where the answer may be that something else has to come first. Among the options, for `security`:
        `changes_identity`, the credential that is presented is asked for anew by the next request; `forgets_viewers`,
        so is everybody's.
        """
        super().__init__(path, permission=permission, **options)
        self.refuses = refuses
        self.cached = cached
        self.accepted = accepted
        self.throttled = TooMany in refuses  # then its other answers tell what is left, too
        self.takes_key = False  # whether an Idempotency-Key is looked at

    def __call__(self, fn: Function) -> "Endpoint":
        """The function's name is the operation's id; the first line of its docstring is the summary."""
        summary, _, description = (getdoc(fn) or "").partition("\n")
        self.operation_id = self.operation_id or getattr(fn, "__name__", None)
        self.summary = self.summary or summary.rstrip(".")
        self.description = self.description or description.strip() or None
        is_users_own = self.opt["permission"] not in (PUBLIC, SELF_CHECKED)
        self.takes_key = is_users_own and bool(_holder(fn)) and bool(self.http_methods - SAFE)
        if self.cached and Reader not in _kinds(fn):
            message = f"{fn} is cached: it takes a reader, by which it is known what its answer was made of"
            raise TypeError(message)
        super().__call__(
            _unchecked(
                _owned(
                    fn,
                    self.status_code,
                    _tagged if "GET" not in self.http_methods else _revalidated if self.cached else _plain,
                )
            )
        )
        return self

    async def to_response(self, app: Litestar, data: Any, request: Request[Any, Any, Any]) -> ASGIApp:
        """What is encoded already goes out as it is."""
        if not isinstance(data, Encoded):
            return await super().to_response(app, data, request)
        if self.throttled:
            data.headers = {**data.headers, **request.scope.get(RATE_HEADERS, NONE)}
        return data


def mounted(path: str, *, permission: Permission, **options: Any) -> Callable[[Any], ASGIRouteHandler]:
    """A whole ASGI application under a path, which answers to forms too: it checks them by a token of its own."""
    return asgi(path, is_mount=True, copy_scope=False, permission=permission, takes_forms=True, **options)


def get(path: str = "", **options: Any) -> Endpoint:
    """A read."""
    return Endpoint(path, http_method="GET", **options)


def post(path: str = "", **options: Any) -> Endpoint:
    """A creation: 201 unless said otherwise."""
    return Endpoint(path, http_method="POST", **options)


def put(path: str = "", **options: Any) -> Endpoint:
    """A change."""
    return Endpoint(path, http_method="PUT", **options)


def patch(path: str = "", **options: Any) -> Endpoint:
    """A partial change."""
    return Endpoint(path, http_method="PATCH", **options)


def delete(path: str = "", **options: Any) -> Endpoint:
    """A removal: 204 unless said otherwise."""
    return Endpoint(path, http_method="DELETE", **options)


def _owned(fn: Function, status: int, tell: Callable[[Any], Any]) -> Function:
    """The one wrapper round a handler: run it, encode its answer, commit; a database's refusal becomes the house's.

    `tell` adds to the encoded answer what caches are told of it.
    """
    holder = _holder(fn)

    @wraps(fn)
    async def answer(*args: Any, **given: Any) -> Any:
        async def attempt() -> Any:
            return tell(_encoded(await fn(*args, **given), status))

        held = given.get(holder)
        work = held if isinstance(held, UnitOfWork) else getattr(held, "work", None)
        try:
            return await attempt() if work is None else await work.run(attempt)
        except Exception as error:
            refusal = translate(error)
            if refusal is None or refusal is error:
                raise
            raise refusal from error

    return answer


def _holder(fn: Function) -> str:
    """The parameter that is, or holds, the unit of work; a handler takes one at most."""
    names = [name for name, parameter in signature(fn).parameters.items() if _holds_work(parameter.annotation)]
    if len(names) > 1:
        message = f"{fn} takes {' and '.join(names)}: one unit of work a handler"
        raise TypeError(message)
    return names[0] if names else ""


def _kinds(fn: Function) -> list[Any]:
    return [(get_args(p.annotation) or (p.annotation,))[0] for p in signature(fn).parameters.values()]


def _holds_work(annotation: Any) -> bool:
    kinds = get_args(annotation)[:1] or (annotation,)
    return isinstance(kinds[0], type) and issubclass(kinds[0], (Service, UnitOfWork))


def _encoded(value: Any, status: int) -> Any:
    if isinstance(value, Encoded):
        return value
    if isinstance(value, Response):
        if isinstance(value.content, (bytes, str)):
            return value
        if value.cookies or value.background:
            raise TypeError("a struct is answered with a status and headers; cookies need a Response of bytes")
        body = b"" if value.content is None else encode(value.content)
        return Encoded(value.status_code or status, body, value.headers)
    return Encoded(status, b"" if value is None else encode(value))


def _plain(answer: Any) -> Any:
    return answer


def _revalidated(answer: Any) -> Any:
    """To be asked for anew each time, and never to be shown to somebody else: signed in, one is answered otherwise."""
    if isinstance(answer, Encoded):
        answer.headers = {**answer.headers, **REVALIDATED}
    return answer


def _tagged(answer: Any) -> Any:
    """With the version of what was written; where something has to come first (202), nothing was."""
    if isinstance(answer, Encoded) and answer.body and answer.status != HTTPStatus.ACCEPTED:
        answer.headers = {**answer.headers, "ETag": etag_of(answer.body)}
    return answer


def etag_of(body: bytes) -> str:
    """The entity tag of an answer (RFC 9110, 8.8.3): the same for the same bytes, in every worker."""
    return f'"{blake2b(body, digest_size=12).hexdigest()}"'


def providers(database: Database) -> dict[str, Provide]:
    """What any handler may be given: `viewer`, `reader`, `work`.

    A chain, for Litestar resolves independent values in a task group, which costs ten times as much; and closures over
    the database, for the application's state would be copied for each request.
    """

    def provide_viewer(request: Request[Any, Any, Any]) -> Viewer:
        return request.scope["user"]

    def provide_reader(viewer: NamedDependency[Viewer]) -> Reader:
        return database.reader(viewer)

    def provide_work(viewer: NamedDependency[Viewer], request: Request[Any, Any, Any]) -> UnitOfWork:
        key = key_given(request)
        return database.unit_of_work(viewer) if key is None else KeyedWork(database, viewer, request, key)

    made = {"viewer": provide_viewer, "reader": provide_reader, "work": provide_work}
    return {name: Provide(_unchecked(provide), sync_to_thread=False) for name, provide in made.items()}


def service(kind: type[Service]) -> Provide:
    """A provider of this service over the request's unit of work."""

    def provide(work: NamedDependency[UnitOfWork]) -> Service:
        return kind(work)

    return Provide(_unchecked(provide), sync_to_thread=False)


def _unchecked(fn: Function) -> Function:
    """The function with its injected parameters marked: what the house itself made need not be validated again."""
    for name, annotation in fn.__annotations__.items():
        if any(isinstance(mark, INJECTED) for mark in get_args(annotation)[1:]):
            fn.__annotations__[name] = Annotated[annotation, SkipValidationMarker()]
    return fn


def check_routes(app: Litestar, declared: Collection[Permission] = ()) -> None:
    """Refuse, at start-up, a route that states no permission, or one that no module declares. Raises TypeError.

    Also one that is given what changes something, and nothing by which that would be committed.
    """
    known = {*OF_THE_HOUSE, *declared}
    for route in app.routes:
        handlers = route.route_handlers if isinstance(route, HTTPRoute) else [route.route_handler]
        for handler in handlers:
            states_it = isinstance(handler, Endpoint) or "permission" in handler.opt
            if not states_it and getattr(handler, "http_methods", None) != {"OPTIONS"}:
                message = f"{route.path} ({handler}) states no permission: declare it with app.platform.handlers"
                raise TypeError(message)
            permission = handler.opt.get("permission")
            if permission and permission not in known:
                message = f"{route.path} asks for {permission.name}: list it in its module's `permissions`"
                raise TypeError(message)
            if isinstance(handler, Endpoint) and not _holder(handler.fn) and _reaches_work(handler):
                message = (
                    f"{route.path} ({handler}) changes what nobody commits: it takes the unit of work or a Service"
                )
                raise TypeError(message)


def _reaches_work(handler: Endpoint) -> bool:
    return any("work" in function.parsed_fn_signature.parameters for function in functions_of(handler))

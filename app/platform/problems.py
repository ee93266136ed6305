"""The one place where errors become responses: problem documents (RFC 9457)."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.types import Receive, Scope, Send
from msgspec import Meta

from app.kit.errors import (
    AppError,
    Busy,
    Forbidden,
    Invalid,
    Malformed,
    MethodNotAllowed,
    NotFound,
    TooLarge,
    Unauthenticated,
    Unexpected,
    Violation,
)
from app.platform.observability.identity import IDS
from app.platform.ratelimit import NONE, RATE_HEADERS

PROBLEM_JSON = "application/problem+json"

log = structlog.get_logger()


class Problem(msgspec.Struct, rename="camel", frozen=True):
    """What went wrong with a request (RFC 9457)."""

    type: Annotated[
        str, Meta(description="The page that explains this kind of problem", examples=["/problems/invalid"])
    ]
    title: Annotated[str, Meta(description="The kind of problem, in words", examples=["Invalid"])]
    status: Annotated[int, Meta(description="The HTTP status of the response", examples=[422])]
    detail: Annotated[str, Meta(description="What went wrong this time", examples=["name can't be blank"])]
    instance: Annotated[str, Meta(description="The path of the request", examples=["/api/v1/there"])]
    code: Annotated[str, Meta(description="The kind of problem, for programs", examples=["invalid"])]
    errors: Annotated[
        dict[str, list[str]],
        Meta(
            description="What is wrong with each field, to be read behind its name",
            examples=[{"name": ["can't be blank"]}],
        ),
    ]
    violations: Annotated[
        list[Violation],
        Meta(
            description="What is wrong, and where: a JSON pointer into the body, or `query:` and the parameter's name",
            examples=[[{"pointer": "/name", "code": "blank", "text": "can't be blank"}]],
        ),
    ]
    request_id: Annotated[
        str | None,
        Meta(
            description="The request's id, also in the X-Request-ID header and in the server's log",
            examples=["01a2b3c4d5e6"],
        ),
    ]


def problem(error: AppError, *, instance: str, request_id: str | None) -> Problem:
    """The document of an error."""
    errors: dict[str, list[str]] = {}
    for violation in error.violations:
        errors.setdefault(violation.field, []).append(violation.text)
    return Problem(
        type=f"/problems/{error.code}",
        title=error.title,
        status=error.status,
        detail=error.detail,
        instance=instance,
        code=error.code,
        errors=errors,
        violations=list(error.violations),
        request_id=request_id,
    )


FALLBACK_500: bytes = msgspec.json.encode(problem(Unexpected(), instance="", request_id=None))
"""The answer where not even an exception handler could give one."""


def refuse(request: Request[Any, Any, Any], error: AppError) -> Response[bytes]:
    """Answer with the error's document and headers."""
    scope = request.scope
    instance = quote(scope["path"], safe="/:@!$&'()*+,;=~", errors="replace")
    ids = IDS.get()
    document = problem(error, instance=instance, request_id=None if ids is None else ids.request)
    return Response(
        msgspec.json.encode(document),
        status_code=error.status,
        media_type=PROBLEM_JSON,
        headers={**error.headers, **request.scope.get(RATE_HEADERS, NONE), "Cache-Control": "no-store"},
    )


async def send_problem(error: AppError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the error's document where no route has been found yet."""
    request: Request[Any, Any, Any] = Request(scope, receive, send)
    await refuse(request, error).to_asgi_response(app=None, request=request)(scope, receive, send)


def refuse_as_litestar(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Answer what Litestar itself refuses, in the house's words."""
    refusal = of_the_house(error)
    return fail(request, error) if refusal is None else refuse(request, refusal)


def of_the_house(error: HTTPException) -> AppError | None:
    """The house's error for one of Litestar's; None where the fault is the server's."""
    if isinstance(error, ValidationException):
        return Invalid.of(map(_violation, error.extra)) if error.extra else Invalid(detail=error.detail)
    match error.status_code:
        case 400:
            return Malformed(detail=error.detail)
        case 401:
            return Unauthenticated("token", "is invalid")
        case 403:
            return Forbidden("request")
        case 404:
            return NotFound("path")
        case 405:
            return MethodNotAllowed(allow((error.headers or {}).get("allow", "").split(", ")))
        case 413:
            return TooLarge()
        case 503:
            return Busy(error.detail, retry_after=1)
    if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return None
    other = AppError(detail=error.detail)
    other.status = error.status_code
    other.headers |= error.headers or {}
    return other


def allow(methods: Iterable[str]) -> str:
    """The Allow header of a path with these methods: where GET is answered, HEAD is too."""
    told = set(methods)
    return ", ".join(sorted(told | {"HEAD"} if "GET" in told else told))


def _violation(entry: Any) -> Violation:
    source = entry.get("source", "body")  # an enumeration's member, or its text
    pointer = f"{getattr(source, 'value', source)}:{entry.get('key', '')}"
    return Violation(pointer, "invalid", f"is not valid: {entry['message']}")


def fail(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Log what nobody foresaw, once, with its stack; show nothing of it."""
    log.error("unhandled exception", method=request.method, path=request.scope["path"], exc_info=error)
    return refuse(request, Unexpected())


exception_handlers: dict[int | type[Exception], Any] = {
    AppError: refuse,
    HTTPException: refuse_as_litestar,
    Exception: fail,
}

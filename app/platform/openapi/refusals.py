"""The problems that an operation may answer with, described once each."""

from collections.abc import Iterable
from itertools import groupby
from operator import attrgetter
from typing import Any

import msgspec
from litestar.enums import ParamType

from app.kit.errors import (
    AppError,
    Busy,
    Conflict,
    Forbidden,
    Invalid,
    Malformed,
    NotFound,
    ProofNeeded,
    TooLarge,
    TooMany,
    TooSlow,
    Unauthenticated,
    UnsupportedMediaType,
)
from app.platform.handlers import Endpoint
from app.platform.idempotency import AnswerNotKept, KeyInUse, KeyReused
from app.platform.openapi.schemas import Schemas
from app.platform.origins import SAFE
from app.platform.problems import PROBLEM_JSON, Problem, problem
from app.platform.request import JSON
from app.platform.security import PUBLIC, SELF_CHECKED

PROBLEM = Schemas([Problem])

SAMPLES = (
    Malformed("", "is empty"),
    Unauthenticated("token", "is missing"),
    Forbidden("permission"),
    NotFound("path"),
    Conflict("name", "has already been taken"),
    TooLarge(),
    TooSlow(),
    UnsupportedMediaType(JSON),
    Invalid("name", "can't be blank", code="blank"),
    TooMany(retry_after=37),
    Busy("no database connection was free", retry_after=2),
    AppError(detail="Refused"),  # the last: all others are children of it
)


def header(description: str, **schema: str) -> dict[str, Any]:
    """A header that an answer always has."""
    return {"description": description, "required": True, "schema": schema}


# draft-ietf-httpapi-ratelimit-headers-11
RATES = {
    "RateLimit-Policy": header("Each limit: `q` times in `w` seconds", type="string"),
    "RateLimit": header("Each limit's state: `r` times left for `t` seconds", type="string"),
}
HEADERS = {
    401: {"WWW-Authenticate": header("The scheme to authenticate with", type="string")},
    429: {"Retry-After": header("Seconds to wait before the next try", type="integer"), **RATES},
    503: {"Retry-After": header("Seconds to wait before the next try", type="integer")},
}


def refusals_of(handler: Endpoint, places: Iterable[ParamType], *, has_body: bool) -> set[type[AppError]]:
    """What a route may refuse: what it says itself, and what follows from its permission, parameters and body."""
    places = set(places)
    kinds = {Unauthenticated, Busy, *handler.refuses}
    if handler.opt["permission"] not in (PUBLIC, SELF_CHECKED):
        kinds.add(Forbidden)
    if handler.opt.get("proof"):
        kinds.add(ProofNeeded)
    if not handler.opt.get("tokens_only") and handler.http_methods - SAFE:
        kinds.add(Forbidden)  # to a cookie that another origin's page sends
    if handler.takes_key:
        kinds |= {Malformed, KeyInUse, AnswerNotKept, KeyReused}
    if ParamType.PATH in places:
        kinds.add(NotFound)
    if has_body or places - {ParamType.PATH}:
        kinds |= {Malformed, Invalid}
    if has_body:
        kinds |= {TooLarge, TooSlow, UnsupportedMediaType}
    return kinds


class Refusals:
    """The responses that operations share: one for each error, or for each company of errors with one status."""

    def __init__(self) -> None:
        self.components: dict[str, Any] = {}

    def of(self, kinds: Iterable[type[AppError]]) -> dict[str, Any]:
        """The responses of an operation that may refuse in these ways, by status."""
        told = {}
        in_order = sorted(kinds, key=attrgetter("status", "code"))
        for status, company in ((status, list(group)) for status, group in groupby(in_order, attrgetter("status"))):
            name = "Or".join(kind.__name__ for kind in company)
            self.components.setdefault(name, _response(status, company))
            told[str(status)] = {"$ref": f"#/components/responses/{name}"}
        return told


def _response(status: int, kinds: list[type[AppError]]) -> dict[str, Any]:
    examples = {kind.code: {"summary": kind.title, "value": _example(kind)} for kind in kinds}
    content = {PROBLEM_JSON: {"schema": PROBLEM[Problem], "examples": examples}}
    headers = {"headers": HEADERS[status]} if status in HEADERS else {}
    return {"description": " or ".join(kind.title for kind in kinds), **headers, "content": content}


def _example(kind: type[AppError]) -> Any:
    """A document of this error: as that of the nearest error above it, under its own name."""
    nearest = next(sample for sample in SAMPLES if issubclass(kind, type(sample)))
    made = problem(nearest, instance="/api/v1/there", request_id="01a2b3c4d5e6")
    own = {"type": f"/problems/{kind.code}", "title": kind.title, "code": kind.code, "status": kind.status}
    return msgspec.to_builtins(msgspec.structs.replace(made, **own))

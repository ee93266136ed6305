"""How the house says no: one tree of errors, each knowing its status, its code and the fields that it is about."""

from collections.abc import Callable, Iterable
from typing import ClassVar, Self, TypeVar

import msgspec

T = TypeVar("T")

SHOWN_IN_DETAIL = 3
LONGEST_NAME = 80  # of a member, in a pointer: what came in is not echoed whole


class Violation(msgspec.Struct, frozen=True):
    """One thing wrong with a request.

    `pointer` says where: a JSON pointer into the body ("/user/name", "" for the whole of it) or `query:limit`,
    `header:accept`. `code` is for programs ("blank"), `text` for people, to be read behind the field's name
    ("can't be blank").
    """

    pointer: str
    code: str
    text: str

    @property
    def field(self) -> str:
        """The name a form shows the text under: the last one in the pointer that is not an index."""
        if not self.pointer.startswith("/"):
            source, _, name = self.pointer.partition(":")
            return name or source or "body"
        names = (name for name in reversed(self.pointer.split("/")) if name and not name.isdecimal())
        return next(names, "body").replace("~1", "/").replace("~0", "~")


def inside(pointer: str, name: str) -> str:
    """The JSON pointer (RFC 6901) of a member of what the pointer points at."""
    return f"{pointer}/{name[:LONGEST_NAME].replace('~', '~0').replace('/', '~1')}"


class AppError(Exception):
    """A refusal without a name of its own: the detail says what the caller can mend.

    ::

        AppError                    400  refused
        ├── Malformed               400  malformed
        ├── Unauthenticated         401  unauthenticated
        ├── Forbidden               403  forbidden
        │   └── ProofNeeded         403  proof_needed
        ├── NotFound                404  not_found
        ├── MethodNotAllowed        405  method_not_allowed
        ├── TooSlow                 408  too_slow
        ├── Conflict                409  conflict
        ├── TooLarge                413  too_large
        ├── UnsupportedMediaType    415  unsupported_media_type
        ├── Invalid                 422  invalid
        ├── TooMany                 429  too_many
        ├── Unexpected              500  unexpected
        └── Busy                    503  busy

    A module's own error is a child of one of these, with a code and a title of its own. The first paragraph of the
    class's docstring is what the page behind its `type` says.
    """

    status: int = 400
    code: ClassVar[str] = "refused"
    title: ClassVar[str] = "Refused"

    def __init__(self, field: str = "", text: str = "", *, code: str | None = None, detail: str = "") -> None:
        self.violations: tuple[Violation, ...] = ()
        if text:
            self.violations = (Violation(_pointer(field), code or self.code, text),)
        self.headers: dict[str, str] = {}
        self._detail = detail
        super().__init__(field, text, detail)

    @property
    def detail(self) -> str:
        """What went wrong this time, as a sentence."""
        return self.detail_in(str)

    def detail_in(self, say: Callable[[str], str]) -> str:
        """The detail in other words: `say` has them for names of fields, texts of violations, details and titles."""
        return say(self._detail) if self._detail else _sentence(self.violations, say) or say(self.title)

    def telling_of(self, refusals: Iterable["AppError"]) -> Self:
        """One like it with all that these say; it may be among them."""
        several = list(dict.fromkeys(refusals))
        made = type(self).__new__(type(self))
        made.__dict__ |= self.__dict__
        made._detail = "; ".join(dict.fromkeys(one.detail for one in several))  # noqa: SLF001 - its own kind
        made.violations = tuple(dict.fromkeys(violation for one in several for violation in one.violations))
        return made

    def __str__(self) -> str:
        return self.detail


class Malformed(AppError):
    """The request cannot be read: its body is not JSON, not UTF-8, nested too deeply, or missing."""

    code = "malformed"
    title = "Malformed request"


class Unauthenticated(AppError):
    """The request needs credentials, and brought none or bad ones."""

    status = 401
    code = "unauthenticated"
    title = "Unauthenticated"

    def __init__(self, field: str, text: str) -> None:
        super().__init__(field, text)
        self.headers["WWW-Authenticate"] = "Bearer"


class Forbidden(AppError):
    """The caller is known, and may not do this."""

    status = 403
    code = "forbidden"
    title = "Forbidden"

    def __init__(self, what: str) -> None:
        super().__init__(what, "forbidden")


class ProofNeeded(Forbidden):
    """The caller must have proved a moment ago who they are: `POST /api/v1/accounts/proof`, then the same once more."""

    code = "proof_needed"
    title = "Recent proof needed"

    def __init__(self) -> None:
        AppError.__init__(self, "proof", "is needed: POST /api/v1/accounts/proof, and then this again")


class NotFound(AppError):
    """There is no such thing, or none that the caller may see."""

    status = 404
    code = "not_found"
    title = "Not found"

    def __init__(self, what: str) -> None:
        super().__init__(what, "not found")


class MethodNotAllowed(AppError):
    """The address is right, the method is not; the Allow header lists those that are."""

    status = 405
    code = "method_not_allowed"
    title = "Method not allowed"

    def __init__(self, allowed: str) -> None:
        super().__init__("method", "not allowed")
        self.headers["Allow"] = allowed


class TooSlow(AppError):
    """The body of the request did not arrive in time."""

    status = 408
    code = "too_slow"
    title = "Too slow"

    def __init__(self) -> None:
        super().__init__("", "took too long to arrive")
        self.headers["Connection"] = "close"  # the rest of the body is not waited for


class Conflict(AppError):
    """The request contradicts what is already there, such as a name that is taken."""

    status = 409
    code = "conflict"
    title = "Conflict"


class TooLarge(AppError):
    """The body is larger than this address takes."""

    status = 413
    code = "too_large"
    title = "Too large"

    def __init__(self) -> None:
        super().__init__("", "is too large")
        self.headers["Connection"] = "close"  # the rest of the body is not read


class UnsupportedMediaType(AppError):
    """The body is not of a media type that this address reads; the Accept header lists those that are."""

    status = 415
    code = "unsupported_media_type"
    title = "Unsupported media type"

    def __init__(self, accepted: str, *, is_encoded: bool = False) -> None:
        super().__init__("", f"must be {accepted}, not compressed" if is_encoded else f"must be {accepted}")
        self.headers |= {"Accept": accepted, "Accept-Post": accepted}
        if is_encoded:
            self.headers["Accept-Encoding"] = "identity"


class Invalid(AppError):
    """The request can be read, and what it says cannot be accepted; every violation is listed."""

    status = 422
    code = "invalid"
    title = "Invalid"

    @classmethod
    def of(cls, violations: Iterable[Violation]) -> Self:
        """One error for all of the violations."""
        error = cls()
        error.violations = tuple(violations)
        return error


class TooMany(AppError):
    """Too many attempts were made of late; the Retry-After header says in how many seconds the next one counts."""

    status = 429
    code = "too_many"
    title = "Too many attempts"

    def __init__(self, *, retry_after: int) -> None:
        super().__init__(detail="Too many attempts; wait before the next one")
        self.headers["Retry-After"] = str(retry_after)


class Unexpected(AppError):
    """The fault is the server's; its log names the cause under the request's id."""

    status = 500
    code = "unexpected"
    title = "Unexpected failure"


class Busy(AppError):
    """The server cannot do this now; the Retry-After header says in how many seconds to try again."""

    status = 503
    code = "busy"
    title = "Busy"

    def __init__(self, detail: str, *, retry_after: int) -> None:
        super().__init__(detail=detail)
        self.headers["Retry-After"] = str(retry_after)


def found(value: T | None, what: str) -> T:
    """The value, or NotFound where there is none."""
    if value is None:
        raise NotFound(what)
    return value


def require(allowed: bool, what: str) -> None:
    """Nothing where it is allowed. Raises Forbidden."""
    if not allowed:
        raise Forbidden(what)


def _pointer(field: str) -> str:
    """Where a field is that is known by its name alone; a pointer stays as it is."""
    return field if not field or field.startswith("/") or ":" in field else f"/{field}"


def _sentence(violations: tuple[Violation, ...], say: Callable[[str], str]) -> str:
    told = [f"{say(violation.field)} {say(violation.text)}" for violation in violations[:SHOWN_IN_DETAIL]]
    more = len(violations) - SHOWN_IN_DETAIL
    return "; ".join([*told, say(f"and {more} more")] if more > 0 else told)

"""Pages of the site that show no model: each asks for a permission, reads by the read lane and changes by deeds."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from inspect import Parameter, signature
from typing import Any, ClassVar, TypeVar, get_type_hints

import msgspec
from adminsite import AdminPage
from adminsite._text import snake_case
from adminsite.dashboard import Chart
from adminsite.exceptions import RefusedError
from adminsite.i18n import gettext as _
from adminsite.messages import add_message
from litestar.datastructures import State
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.kit.errors import Invalid, NotFound
from app.kit.identity import Permission, Viewer
from app.platform.admin.refusals import refusals
from app.platform.admin.site import Site
from app.platform.admin.staff import viewer_of
from app.platform.database.work import Reader
from app.platform.security import SIGNED_IN
from app.platform.violations import as_msgspec_says

T = TypeVar("T", bound=msgspec.Struct)
Deed = Callable[..., Awaitable[str]]
"""A method of a page: it gets a unit of work and, by name, what its form sends; it says what was done."""


class Concern(msgspec.Struct, frozen=True):
    """What needs somebody's attention, in the viewer's language, and the address where one sees to it."""

    text: str
    link: str


class Page(AdminPage):
    """A page under `/admin/-/`, for those who hold its permission; to others it is not there.

    `title` and `group` are English, and shown as the catalogue has them. A subclass says by `get_context` what its
    template shows, by `concerns` what of it belongs on the first page, and by methods marked as deeds what one can do.
    """

    title: ClassVar[str]
    group = "Machinery"
    permission: ClassVar[Permission]
    admin: Site  # ty: ignore[incompatible-mutable-override] - there is no other

    def __init_subclass__(cls) -> None:
        """Named after its class, like adminsite's; here, for it is asked of classes."""
        cls.name = cls.name or snake_case(cls.__name__).removesuffix("_page")

    def _fill_names(self) -> None:
        """`label` is told anew for each reader's language."""

    @property
    def label(self) -> str:  # ty: ignore[incompatible-property-override] - adminsite only reads it
        """What it is called, to whoever reads."""
        return _(self.title)

    @property
    def house(self) -> State:
        """What controllers are handed as `state`: settings, database, resources and more."""
        return self.admin.house

    def reader(self, request: Request) -> Reader:
        """What it is read by."""
        return self.house.database.reader(viewer_of(request))

    async def allows(self, request: Request) -> bool:
        """Whether the viewer holds what it asks for."""
        return _may(viewer_of(request), self.permission)

    async def concerns(self, request: Request) -> Sequence[Concern]:  # noqa: ARG002 - of those who have some
        """What needs attention, by one statement over an index."""
        return ()

    def trend(self, request: Request) -> Chart | None:  # noqa: ARG002 - of those who have one
        """A chart, on the first page too, by one statement over an index."""
        return None

    def asked(self, request: Request, kind: type[T]) -> T:
        """What the address asks for after its question mark. Raises NotFound for what cannot be."""
        try:
            return _converted(request.query_params, kind)
        except msgspec.ValidationError as error:
            raise NotFound("page") from error

    async def post(self, request: Request, form: dict[str, Any]) -> Response:
        """Do the deed that the form names, in a unit of work, and come back. Raises NotFound for what one may not."""
        name = form.get("deed")
        method = getattr(type(self), name, None) if isinstance(name, str) else None
        permission: Permission | None = getattr(method, "permission", None)
        viewer = viewer_of(request)
        if method is None or permission is None or not _may(viewer, permission):
            raise NotFound("deed")
        work = self.admin.unit_of_work(viewer)
        try:
            with refusals(request, ()):
                inputs = _inputs(method, form)
                add_message(request, await work.run(lambda: method(self, work, **inputs)))
        except RefusedError as refused:
            add_message(request, str(refused), "error")
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"{request.url.path}{query}", status_code=303)


def deed(permission: Permission) -> Callable[[Deed], Deed]:
    """Let a page's form do this: `async def retry(self, work, *, job: UUID) -> str`, who holds the permission."""

    def mark(method: Deed) -> Deed:
        hints = get_type_hints(method)
        asked = [one for one in signature(method).parameters.values() if one.kind is Parameter.KEYWORD_ONLY]
        fields = [
            (one.name, hints[one.name]) if one.default is one.empty else (one.name, hints[one.name], one.default)
            for one in asked
        ]
        method.permission = permission  # ty: ignore[missing-attribute]
        method.inputs = msgspec.defstruct("Inputs", fields)  # ty: ignore[missing-attribute]
        return method

    return mark


def _may(viewer: Viewer, permission: Permission) -> bool:
    return viewer.reaches(permission) if permission == SIGNED_IN else viewer.may(permission)


def _inputs(method: Any, form: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return msgspec.structs.asdict(_converted(form, method.inputs))
    except msgspec.ValidationError as error:
        raise Invalid.of([as_msgspec_says(error)]) from error


def _converted(texts: Mapping[str, Any], kind: type[T]) -> T:
    """What is left empty is left out."""
    given = {name: text.strip() for name, text in texts.items() if isinstance(text, str) and text.strip()}
    return msgspec.convert(given, kind, strict=False)

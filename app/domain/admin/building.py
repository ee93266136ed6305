"""How the site comes together: every `ModelAdmin` in the rooms that the installed modules name as their `admin`."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from importlib import import_module
from typing import cast

from adminsite.views.registry import ViewRegistry

from app.domain.admin.keeping import KeptUploads, KeptViews
from app.domain.admin.queries import staff_name
from app.domain.admin.recordings import TrailOfRecords
from app.kit.identity import Viewer
from app.platform.admin.model_admin import ModelAdmin
from app.platform.admin.site import LeaveToJob, Site
from app.platform.database.pools import Database
from app.platform.module import Module, audited, installed
from app.platform.sealing import Sealing
from config.modules import MODULES


def build(
    modules: Sequence[Module], database: Database, sealing: Sealing, job: LeaveToJob, *, secret: str, secure: bool
) -> Site:
    """The site. `secret` signs what its pages keep in a cookie; `secure`: browsers come by HTTPS.

    Raises what adminsite raises of a view that names what its model has not, and LookupError for a room without views.
    """

    async def name_of(viewer: Viewer) -> str | None:
        staff = await staff_name.one(database.reader(), user=viewer.id)
        return staff.username if staff else None

    def tables() -> dict[str, str]:
        return {view.name: view.table for view in made.views if isinstance(view, ModelAdmin)}

    made = Site(
        database,
        name_of=name_of,
        job=job,
        uploads=KeptUploads(database),
        saved_views=KeptViews(database),
        recordings=TrailOfRecords(database, sealing, audited(modules), tables),
        title="Litehouse",
        views=offered(modules),
        secret_key=secret,
        session_cookie="litehouse_admin",
        session_https_only=secure,
    )
    made.prepare()
    return made


def offered(modules: Iterable[Module]) -> list[type[ModelAdmin]]:
    """All that the modules offer, in their order, and in that in which it is written. Raises LookupError."""
    return [view for module in modules if module.admin for view in _views_of(module)]


def _views_of(module: Module) -> Iterator[type[ModelAdmin]]:
    room = import_module(module.admin or "")
    views = [one for one in vars(room).values() if isinstance(one, type) and one.__module__ == room.__name__]
    found = [view for view in views if issubclass(view, ModelAdmin)]
    if not found:
        message = f"{module.admin} has no ModelAdmin: leave `admin` out of the module {module.name}, or write one"
        raise LookupError(message)
    yield from found


def view_named(name: str) -> ModelAdmin:
    """The view that has this name in addresses. Raises LookupError."""
    found = _built().get(name)
    if found is None:
        message = f"no module offers a view {name} any more"
        raise LookupError(message)
    return found


@lru_cache(maxsize=1)
def _built() -> dict[str, ModelAdmin]:
    together = ViewRegistry()  # so that what a view links to is read as the linked model's own view allows it
    built = [cast("ModelAdmin", together.add(view())) for view in offered(installed(MODULES))]
    return {view.name: view for view in built}

"""How the site comes together: the views and pages in the rooms that the installed modules name as their `admin`."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import TypeVar, cast

from adminsite.dashboard import Widget
from adminsite.views.registry import ViewRegistry
from litestar.datastructures import State

from app import domain
from app.domain.admin.keeping import KeptUploads, KeptViews
from app.domain.admin.overview import Attention, Trends
from app.domain.admin.queries import staff_name
from app.domain.admin.recordings import TrailOfRecords
from app.kit.identity import Viewer
from app.platform.admin.model_admin import ModelAdmin
from app.platform.admin.page import Page
from app.platform.admin.site import LeaveToJob, Site
from app.platform.admin.wording import Catalogue, catalogues
from app.platform.database.pools import Database
from app.platform.module import Module, audited, installed
from config.modules import MODULES

T = TypeVar("T")

HOME = Path(domain.__path__[0])


def build(house: State, job: LeaveToJob, *, secret: str) -> Site:
    """The site. `secret` signs what its pages keep in a cookie.

    Raises what adminsite raises of a view that names what its model has not, and LookupError for a room without views.
    """

    async def name_of(viewer: Viewer) -> str | None:
        staff = await staff_name.one(database.reader(), user=viewer.id)
        return staff.username if staff else None

    modules: Sequence[Module] = house.modules
    database: Database = house.database
    rooms = [room for module in modules for room in _rooms(module)]
    made = Site(
        house,
        name_of=name_of,
        job=job,
        recordings=TrailOfRecords(database, house.resources.sealing, audited(modules)),
        uploads=KeptUploads(database),
        saved_views=KeptViews(database),
        title="Litehouse",
        views=offered(modules),
        pages=[page for room in rooms for page in _classes(room, Page)],
        dashboard=list[Widget]([Attention(), Trends()]),
        secret_key=secret,
        session_cookie="litehouse_admin",
        session_https_only=house.resources.settings.http.secure,
        translations=words(modules),
    )
    for module in modules:
        made.add_template_dir(str(HOME / module.name / "admin_templates"))
    made.prepare(house.resources.settings.database.data_folder / "templates")
    return made


def words(modules: Iterable[Module]) -> dict[str, Catalogue]:
    """What the site and the modules say, by language."""
    return catalogues(HOME / module.name / "admin_locales" for module in modules)


def offered(modules: Iterable[Module]) -> list[type[ModelAdmin]]:
    """All views that the modules offer, in their order, and in that in which they are written."""
    return [view for module in modules for room in _rooms(module) for view in _classes(room, ModelAdmin)]


def faults(modules: Iterable[Module]) -> list[str]:
    """What is wrong with the rooms and the views that the modules offer; the site opens with none of it alone."""
    told, together = [], ViewRegistry()
    for module in modules:
        try:
            views = offered([module])
        except Exception as error:  # noqa: BLE001 - whatever a room does when it is imported
            told.append(f"{module.admin}: {error}")
            continue
        for view in views:
            try:
                together.add(view())
            except Exception as error:  # noqa: BLE001 - as above, of a class
                told.append(f"{view.__module__}: {error}")
    return told


def _classes(room: ModuleType, kind: type[T]) -> list[type[T]]:
    own = [one for one in vars(room).values() if isinstance(one, type) and one.__module__ == room.__name__]
    return [one for one in own if issubclass(one, kind)]


def _rooms(module: Module) -> list[ModuleType]:
    """What a module shows at the site: a file, or a folder with its files. Raises LookupError for an empty one."""
    if module.admin is None:
        return []
    room = import_module(module.admin)
    files = iter_modules(room.__path__) if hasattr(room, "__path__") else ()
    rooms = [room, *(import_module(f"{module.admin}.{file.name}") for file in files)]
    if not any(_classes(one, ModelAdmin) or _classes(one, Page) for one in rooms):
        message = (
            f"{module.admin} has neither a ModelAdmin nor a Page: leave `admin` out of {module.name}, or write one"
        )
        raise LookupError(message)
    return rooms


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

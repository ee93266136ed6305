"""The admin site itself: adminsite's application over the house's sessions, reads and units of work."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

from adminsite import Admin, AdminPage, ModelView
from adminsite._http.requests import load_or_404
from adminsite.audit import AuditEntry
from adminsite.exceptions import PermissionDeniedError, RefusedError
from adminsite.i18n import gettext as _
from jinja2 import BaseLoader, ChoiceLoader, PackageLoader, PrefixLoader
from litestar.datastructures import State
from markupsafe import Markup
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from app.kit.errors import AppError
from app.kit.identity import Viewer
from app.kit.pagination import After
from app.platform.admin import labels, tones
from app.platform.admin.asked import require_sane
from app.platform.admin.compiled import CompiledTemplates
from app.platform.admin.dates import named
from app.platform.admin.drawing import PatientTemplate
from app.platform.admin.exporting import export_records
from app.platform.admin.figures import decimal, timestamp, written
from app.platform.admin.history import history_page, of_record, record_page, revert
from app.platform.admin.importing import Uploads, import_preview, import_records
from app.platform.admin.lean import spare_pickers
from app.platform.admin.narrowing import action, list_page
from app.platform.admin.reading import ReadSessions
from app.platform.admin.recordings import Recordings
from app.platform.admin.removing import along_with_many, along_with_one
from app.platform.admin.seen import INPUT, shown_alone
from app.platform.admin.showing import differences, of_form, of_list
from app.platform.admin.staff import NameOf, StaffAlone, viewer_of
from app.platform.admin.times import moment, span
from app.platform.admin.wording import told, told_of
from app.platform.database.refusals import translate
from app.platform.jobs.job_work import JobWork

HERE = Path(__file__).parent
PATH = "/admin"
OWN_PAGES = frozenset(path.name for path in (HERE / "templates" / "house").glob("*.html"))


class LeaveToJob(Protocol):
    """Enqueues what is too much for a request, and answers with the address where its progress is seen."""

    async def __call__(
        self, viewer: Viewer, view: str, verb: str, keys: Sequence[str], inputs: Mapping[str, Any]
    ) -> str:
        """Raises RefusedError for inputs that are no JSON."""
        ...


class Site(Admin):
    """One in each process, made when it is first asked for."""

    def __init__(
        self,
        house: State,
        *,
        name_of: NameOf,
        job: LeaveToJob,
        recordings: Recordings | None,
        uploads: Uploads,
        **options: Any,
    ) -> None:
        """`house`: what controllers are handed as `state`. `name_of`: who is let in. `recordings`: what became of rows.

        `job`: who does what takes longer than a request. `uploads`: who keeps files. The rest is adminsite's.
        """
        self._job = job
        self.recordings = recordings
        self.uploads = uploads
        self.house = house
        spare_pickers()
        super().__init__(
            ReadSessions(house.database),
            auth=StaffAlone(name_of),
            audit=False,  # it would ask of the record's own row alone: see `of_record`
            template_dirs=[HERE / "templates"],
            languages=("en", "de"),
            **options,
        )
        self.exports = 0  # that are being made, each of which holds a slot
        self.downloads: Counter[object] = Counter()  # that are being sent, by their readers
        self._furnish()

    def _furnish(self) -> None:
        """What the house's own templates need."""
        self.add_stylesheet("house/site.css")
        self.add_script("house/site.js")
        self.templates.environment.template_class = PatientTemplate
        self.templates.environment.policies["json.dumps_function"] = labels.dumps
        self.templates.environment.filters |= {
            "decimal": decimal,
            "moment": moment,
            "period": named,
            "span": span,
            "timestamp": timestamp,
            "told": told,
            "written": written,
        }
        self.templates.environment.globals["tones"] = tones  # ty: ignore[invalid-assignment]

    def _keep_originals(self) -> None:
        """A template of ours that takes the place of one that others include may include it, as `original/…`."""
        environment = self.templates.environment
        original = PrefixLoader({"original": PackageLoader("adminsite", "templates/adminsite")})
        environment.loader = ChoiceLoader([cast("BaseLoader", environment.loader), original])

    def unit_of_work(self, viewer: Viewer) -> JobWork:
        """In which a change of this viewer's is made: of the kind that a job would do it in, with mail at hand."""
        return JobWork(self.house.database, self.house.resources, viewer, _tell_nobody)

    def add_view(self, view: ModelView[Any] | type[ModelView[Any]]) -> ModelView[Any]:
        """Register a view, which then knows the site."""
        built = super().add_view(view)
        labels.label_view(built)
        built.site = self  # ty: ignore[missing-attribute] - of ModelAdmin
        return built

    def add_page(self, page: AdminPage | type[AdminPage]) -> AdminPage:
        """Register a page, whose group is named in the language of the reader, as it is itself."""
        built = super().add_page(page)
        built.group = labels.Label(built.group)
        return built

    def shows_history(self, viewer: Viewer, table: str) -> bool:
        """Whether the viewer may see what became of the table's rows."""
        return self.recordings is not None and self.recordings.may_read(viewer, table)

    def may_revert(self, viewer: Viewer, table: str) -> bool:
        """Whether the viewer may make a row again what it was."""
        return self.recordings is not None and self.recordings.may_revert(viewer, table)

    def prepare(self, folder: Path) -> None:
        """Compile each template, which else the first request for it would do, on the loop; they are kept there."""
        self._keep_originals()
        environment = self.templates.environment
        environment.bytecode_cache = CompiledTemplates(folder)
        for name in environment.list_templates(extensions=["html"]):
            environment.get_template(name)

    async def leave_to_job(
        self, request: Request, view: ModelView[Any], verb: str, keys: Sequence[str], inputs: Mapping[str, Any]
    ) -> Any:
        """Have a job do a verb to these rows. Returns the message to show, which links to it."""
        try:
            where = await self._job(viewer_of(request), view.name, verb, keys, inputs)
        except TypeError as error:  # what is asked for is no JSON: a row of another model, a file
            raise RefusedError(_("Choose fewer rows: a job cannot be given what is asked for here.")) from error
        text = _("{count} rows are left to a job.", count=len(keys))
        return Markup('{} <a class="link" href="{}">{}</a>').format(text, where, _("See how far it is"))

    @property
    def app(self) -> Starlette:
        """The application of adminsite, which shows the house's errors on its own page."""
        if self._app is None:
            made = super().app
            made.add_exception_handler(AppError, self._error_page)
        return super().app

    def _handler(self, endpoint: Any, guarded: bool = True) -> Any:
        """What the database refuses becomes the house's error, in reads as in the verbs."""
        handle = super()._handler(endpoint, guarded)

        async def translated(request: Request) -> Response:
            require_sane(request)
            try:
                return await handle(request)
            except Exception as error:
                refusal = translate(error)
                if refusal is None or refusal is error:
                    raise
                raise refusal from error

        return translated

    async def _error_page(self, request: Request, error: Exception) -> Response:
        """What one may not do is not there: a page that is refused would tell that it is."""
        is_absent = isinstance(error, HTTPException | AppError) and _status(error) == 404
        if is_absent or isinstance(error, PermissionDeniedError):
            error = _not_found()
        elif isinstance(error, AppError):
            error = _as_http(error)
        return await super()._error_page(request, error)

    def middleware(self) -> list[Middleware]:
        """Those of adminsite, whose cookie no address but the site's is sent."""
        made = super().middleware()
        for one in made:
            one.kwargs["path"] = PATH  # ty: ignore[invalid-assignment]
        return made

    def routes(self) -> list[Route | Mount]:
        """Those of adminsite, with ours where a change is made, and without its own doors: the accounts' are used."""
        own: dict[str, tuple[Callable[..., Awaitable[Response]], bool]] = {
            "login_form": (_sign_in_page, False),
            "list": (list_page, True),
            "action": (action, True),
            "export": (export_records, True),
            "import_preview": (import_preview, True),
            "import": (import_records, True),
            "detail": (record_page, True),
        }
        made: list[Route | Mount] = [
            Mount("/house", app=StaticFiles(directory=HERE / "static"), name="house"),
            Route("/{view}/{key}/revert", self._handler(revert), methods=["POST"], name="revert"),
            Route("/{view}/action/delete", self._handler(along_with_many), methods=["GET"], name="along_with_many"),
            Route("/{view}/{key}/delete", self._handler(along_with_one), methods=["GET"], name="along"),
            Route("/{view}/{key}/history", self._handler(history_page), name="history"),
        ]
        for route in super().routes():
            if route.name in {"login", "logout", "activity"}:
                continue
            if isinstance(route, Route) and route.name in own:
                endpoint, guarded = own[route.name]
                route = Route(route.path, self._handler(endpoint, guarded), methods=route.methods, name=route.name)  # noqa: PLW2901
            made.append(route)
        return made

    async def render(
        self, name: str, request: Request, context: dict[str, Any] | None = None, status_code: int = 200
    ) -> Response:
        """A template of adminsite, or ours of the same name, which extends it."""
        values = dict(context or {})
        if name == "form.html":
            values |= of_form(request, values)
            values["last"] = await self._last_change(request, values) if values["differences"] else None
        if name == "_value_editor.html":
            record = await load_or_404(self, values["view"], request)
            seen = {"seen_input": INPUT, "seen": shown_alone(record, values["row"].path)}
            values |= seen | {"differences": differences(request, values["view"], record)}
        if name == "detail.html":
            values |= await of_record(self, request, values)
        if "panels" in values:
            values |= of_list(request, values)
            status_code = 422 if values["wrong"] else status_code
        if name in OWN_PAGES:
            return await self.render_template(f"house/{name}", request, values, status_code)
        return await super().render(name, request, values, status_code)

    async def _last_change(self, request: Request, values: Mapping[str, Any]) -> AuditEntry | None:
        """Who has changed the record last, and when, for those who may see what becomes of it."""
        view = values["view"]
        if self.recordings is None or not self.shows_history(viewer_of(request), view.table):
            return None
        found = await self.recordings.find(view.table, values["key"], After(1))
        return next(iter(found.items), None)


async def _sign_in_page(site: Admin, request: Request) -> Response:
    """The page that signs in by the accounts' own doors; who is in already goes on, and who is not staff is told so."""
    if site.auth and await site.auth.current_user(request):
        return RedirectResponse(f"{request.scope.get('root_path', '')}/", 303)
    request.session.clear()  # what was said to somebody else, in this browser
    return await site.render("login.html", request, {"is_stranger": request.scope["user"].is_session})


def _tell_nobody(_step: int, _total: int | None) -> None:
    """A request is too short for anybody to ask how far it is."""


def _not_found() -> Exception:
    return HTTPException(404, _("There is no such page, or it is not for you."))


def _status(error: HTTPException | AppError) -> int:
    return error.status_code if isinstance(error, HTTPException) else error.status


def _as_http(error: AppError) -> Exception:
    return HTTPException(error.status, told_of(error), error.headers)

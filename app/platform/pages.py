"""Pages for people, made here: plain HTML that needs no script, and forms sent as browsers have always sent them."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import MediaType, Response

from app.kit.errors import Forbidden, Malformed, UnsupportedMediaType
from app.platform.request import JSONRequest

FORM = "application/x-www-form-urlencoded"
MOST_FIELDS = 20
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",  # the addresses of some pages are secrets
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


class Pages:
    """A folder of templates, `name.html` each, and the headers that every page of them has.

    What a template shows is escaped, and what it names must be given to it. All are compiled here, not in a request.
    """

    def __init__(self, folder: Path) -> None:
        environment = Environment(
            loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, auto_reload=False
        )
        self._templates = {path.stem: environment.get_template(path.name) for path in sorted(folder.glob("*.html"))}

    def show(
        self, name: str, /, status: int = 200, headers: Mapping[str, str] | None = None, **values: object
    ) -> Response[str]:
        """The page of this name. Raises UndefinedError for a value that is missing."""
        html = self._templates[name].render(values)
        return Response(html, status_code=status, media_type=MediaType.HTML, headers={**HEADERS, **(headers or {})})


async def form_of(request: JSONRequest) -> dict[str, str]:
    """The fields of a form that a page of this origin sent; of one given twice the last counts.

    Raises UnsupportedMediaType, Malformed, and Forbidden for a form on another site's page. Browsers say of which site
    it was; the Origin header is `null` where no referrer may be told.
    """
    headers = request.headers
    if headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise UnsupportedMediaType(FORM)
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Forbidden("origin")
    try:
        text = (await request.body()).decode("ascii")
        return dict(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS))
    except ValueError as error:  # UnicodeDecodeError too
        raise Malformed("", "is not a form") from error

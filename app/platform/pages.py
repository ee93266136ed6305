"""Pages for people, made here: plain HTML that needs no script, and forms sent as browsers have always sent them."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl

from litestar import MediaType, Response

from app.kit.errors import Forbidden, Malformed, UnsupportedMediaType
from app.platform.origins import OwnOrigins
from app.platform.request import JSONRequest
from app.platform.templates import templates

LAYOUT = Path(__file__).with_name("page_templates")  # what all pages extend: layout.html
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

    They extend `layout.html`, which shows the `title`. What a template shows is escaped, and what it names must be
    given to it.
    """

    def __init__(self, folder: Path, style: str) -> None:
        """`style`: the path of their style sheet."""
        self._templates = templates(folder, LAYOUT, autoescape=True, given={"style": style})

    def show(
        self, name: str, /, status: int = 200, headers: Mapping[str, str] | None = None, **values: object
    ) -> Response[str]:
        """The page of this name. Raises UndefinedError for a value that is missing."""
        html = self._templates.get_template(f"{name}.html").render(values)
        return Response(html, status_code=status, media_type=MediaType.HTML, headers={**HEADERS, **(headers or {})})


async def form_of(request: JSONRequest) -> dict[str, str]:
    """The fields of a form that a page of this origin sent; of one given twice the last counts.

    Raises UnsupportedMediaType, Malformed, and Forbidden for a form on another site's page.
    """
    headers = request.headers
    if headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise UnsupportedMediaType(FORM)
    if not _is_ours(request):
        raise Forbidden("origin")
    try:
        text = (await request.body()).decode("ascii")
        return dict(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS))
    except ValueError as error:  # UnicodeDecodeError too
        raise Malformed("", "is not a form") from error


def _is_ours(request: JSONRequest) -> bool:
    """Whether no browser says that it was another site's page.

    Browsers of before 2023, and all of them over plain http, leave Sec-Fetch-Site out; then the Origin counts. That is
    `null` for our own pages, which let no referrer be told, and what is no browser sends neither. Both are let through:
    no cookie authenticates a form, so that nobody's can be used by others.
    """
    headers = request.headers
    if (site := headers.get("sec-fetch-site")) is not None:
        return site in ("same-origin", "none")
    origin, host = (headers.get(name, "").encode("latin-1") for name in ("origin", "host"))
    return origin in (b"", b"null") or OwnOrigins(request.app.state.settings.http).knows(origin, host)

"""The pages that a problem document's `type` opens: what each kind of problem means, in words."""

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from html import escape
from inspect import getdoc
from string import Template

from litestar import MediaType, Response
from litestar.params import FromPath

from app.kit.errors import AppError, found
from app.platform.handlers import get
from app.platform.security import PUBLIC

STYLE = "body{max-width:44rem;margin:3rem auto;padding:0 1rem;font:1rem/1.6 system-ui,sans-serif}dd{margin:0 0 1rem}"
STYLE_HASH = b64encode(sha256(STYLE.encode()).digest()).decode()
PAGE = Template("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,">
<title>$title</title>
<style>$style</style>
<h1>$title</h1>
$content
</html>
""")
PAGE_HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "public, max-age=3600",
}


@get("/problems", permission=PUBLIC, include_in_schema=False)
async def list_problems() -> Response[str]:
    """Every kind of problem."""
    entries = (
        f'<dt><a href="/problems/{kind.code}">{kind.code}</a> {kind.status}<dd>{escape(_meaning(kind))}'
        for kind in sorted(_kinds(AppError), key=lambda kind: (kind.status, kind.code))
    )
    return _page("Problems", f"<dl>{''.join(entries)}</dl>")


@get("/problems/{code:str}", permission=PUBLIC, include_in_schema=False)
async def explain_problem(code: FromPath[str]) -> Response[str]:
    """One kind of problem: what the `type` of a problem document opens."""
    kind = found(next((kind for kind in _kinds(AppError) if kind.code == code), None), "problem")
    return _page(kind.title, f"<p>{escape(_meaning(kind))}<p>HTTP status {kind.status}.")


problem_pages = [list_problems, explain_problem]


def _kinds(kind: type[AppError]) -> Iterator[type[AppError]]:
    """A kind of error and all that descend from it, those of modules too."""
    yield kind
    for child in kind.__subclasses__():
        yield from _kinds(child)


def _meaning(kind: type[AppError]) -> str:
    return (getdoc(kind) or kind.title).partition("\n\n")[0]


def _page(title: str, content: str) -> Response[str]:
    html = PAGE.substitute(title=escape(title), style=STYLE, content=content)
    return Response(html, media_type=MediaType.HTML, headers=PAGE_HEADERS)

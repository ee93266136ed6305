"""The pages at /docs, Swagger UI from our own origin, and the document that they show; all of it kept in memory.

`swagger/` holds the files of swagger-ui-dist 5.35.0 that the pages need. For a newer version replace them by those of
its package, and run the browser's tests: they fail on a breach of the policy and on a call to another host.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from string import Template

import msgspec
from litestar import Litestar
from litestar.params import FromPath
from litestar.types import HTTPResponseStartEvent, Receive, Scope, Send

from app.kit.errors import found
from app.platform.encoded import Encoded
from app.platform.handlers import Endpoint, get
from app.platform.openapi.document import document, operations_of
from app.platform.security import PUBLIC

HERE = Path(__file__).parent
SCRIPTS = (HERE / "swagger" / "swagger-ui-bundle.js", HERE / "start.js")
STYLES = (HERE / "swagger" / "swagger-ui.css",)
MEDIA_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}

PAGE = Template("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,">
<title>Litehouse API</title>
$styles
<main id="operations"></main>
$scripts
</html>
""")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
LASTING = "public, max-age=31536000, immutable"  # of files whose names change with their content
CHECKED = "no-cache"  # kept by browsers, and asked for again each time


class Asset(Encoded):
    """Bytes that stay what they are while the process lives; whoever has them already is only told so."""

    __slots__ = ("digest", "sent")

    def __init__(self, body: bytes, media_type: str, cache: str, policy: str = "default-src 'none'") -> None:
        super().__init__(200, body)
        self.digest = sha256(body).hexdigest()[:16]
        self.sent: list[tuple[bytes, bytes]] = [
            (b"content-type", media_type.encode()),
            (b"etag", f'"{self.digest}"'.encode()),
            (b"cache-control", cache.encode()),
            (b"content-security-policy", policy.encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's
        """Send the bytes, or 304 where the client names their ETag."""
        digest = self.digest.encode()
        known = any(digest in value or value == b"*" for name, value in scope["headers"] if name == b"if-none-match")
        status, body = (304, b"") if known else (self.status, self.body)
        length: list[tuple[bytes, bytes]] = [] if known else [(b"content-length", b"%d" % len(body))]
        headers: list[tuple[bytes, bytes]] = [*self.sent, *length]
        start: HTTPResponseStartEvent = {"type": "http.response.start", "status": status, "headers": headers}
        await send(start)
        await send({"type": "http.response.body", "body": body, "more_body": False})


class LaterAsset:
    """An asset that is made, in a thread, when it is asked for first: a start need not take as long as that."""

    def __init__(self, make: Callable[[], Asset]) -> None:
        self._make = make
        self._making = asyncio.Lock()
        self._made: Asset | None = None

    async def made(self) -> Asset:
        """It; who asks meanwhile waits for the one that is being made."""
        if self._made is None:
            async with self._making:
                self._made = self._made or await asyncio.to_thread(self._make)
        return self._made


def documentation(app: Litestar) -> Sequence[Endpoint]:
    """The routes of the document and its pages, to be registered when all that they describe is.

    Raises TypeError for a route that does not say what it returns.
    """
    operations = operations_of(app)
    described = LaterAsset(lambda: Asset(msgspec.json.encode(document(app, operations)), "application/json", CHECKED))
    styles, scripts = _named(STYLES), _named(SCRIPTS)
    assets = styles | scripts
    page = Asset(_page(styles, scripts), "text/html; charset=utf-8", CHECKED, POLICY)

    @get("/openapi.json", permission=PUBLIC, include_in_schema=False)
    async def read_document() -> Asset:
        """The OpenAPI document."""
        return await described.made()

    @get("/docs", permission=PUBLIC, include_in_schema=False)
    async def read_pages() -> Asset:
        """The document as pages, where one can authorize and call."""
        return page

    @get("/docs/{name:str}", permission=PUBLIC, include_in_schema=False)
    async def read_asset(name: FromPath[str]) -> Asset:
        """One of the files that the pages are made of."""
        return found(assets.get(name), "file")

    return read_document, read_pages, read_asset


def _named(paths: Sequence[Path]) -> dict[str, Asset]:
    """The files' content, under names that change with it."""
    assets = [Asset(path.read_bytes(), MEDIA_TYPES[path.suffix], LASTING) for path in paths]
    return {f"{path.stem}.{asset.digest}{path.suffix}": asset for path, asset in zip(paths, assets, strict=True)}


def _page(styles: Iterable[str], scripts: Iterable[str]) -> bytes:
    links = [f'<link rel="stylesheet" href="/docs/{name}">' for name in styles]
    tags = [f'<script src="/docs/{name}" defer></script>' for name in scripts]
    return PAGE.substitute(styles="\n".join(links), scripts="\n".join(tags)).encode()

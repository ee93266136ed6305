"""Whose page sends a request: what a browser adds its cookie to by itself must come from our own pages.

A browser says whence a request comes, by `Sec-Fetch-Site` or `Origin`, and no page can make it say something else. Who
sends a token has put it there on purpose, and is not asked.
"""

from typing import Any

from app.kit.errors import Forbidden, UnsupportedMediaType
from app.platform.request import JSON, JSON_TYPE
from config.settings import HttpSettings

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
ASKED = frozenset({b"sec-fetch-site", b"origin", b"host", b"content-length", b"transfer-encoding", b"content-type"})
PRIVATE = (b"cache-control", b"private, no-cache")


class OwnOrigins:
    """The origins that may act with a session's cookie: ours, and of the others those that the settings trust."""

    def __init__(self, http: HttpSettings) -> None:
        trusted = http.cors_origins if http.cors_credentials else ()
        self._origins = {origin.encode() for origin in (*trusted, *filter(None, (http.base_url,)))}
        self._scheme = b"https://" if http.secure else b"http://"

    def check(self, scope: Any, *, takes_forms: bool = False) -> None:
        """Nothing where a page of ours sends it, as JSON. Raises Forbidden, UnsupportedMediaType.

        JSON is what no page of another origin can send without the browser asking us first.
        """
        told = {name: value for name, value in scope["headers"] if name in ASKED}
        if not self._is_ours(told):
            raise Forbidden("origin")
        if takes_forms:
            return
        has_body = told.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in told
        media_type = told.get(b"content-type")
        if (media_type is not None or has_body) and not JSON_TYPE.fullmatch(media_type or b""):
            raise UnsupportedMediaType(JSON)

    def _is_ours(self, told: dict[bytes, bytes]) -> bool:
        if told.get(b"sec-fetch-site") == b"same-origin":
            return True
        return self.knows(told.get(b"origin", b""), told.get(b"host", b""))

    def knows(self, origin: bytes, host: bytes) -> bool:
        """Whether this is one of them, where the request is for this host."""
        return origin in self._origins or (origin != b"" and origin == self._scheme + host)


def kept_private(send: Any) -> Any:
    """What is answered to a cookie is nobody else's: no cache on the way may keep it for others.

    Of tokens caches know that by themselves, by the Authorization header (RFC 9111, 3.5).
    """

    async def tell(message: Any) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", ()))
            told = [value for name, value in headers if name.lower() == b"cache-control"]
            if not any(b"no-store" in value or b"private" in value for value in told):
                others = [pair for pair in headers if pair[0].lower() != b"cache-control"]
                message = {**message, "headers": [*others, PRIVATE, (b"vary", b"Cookie")]}
        await send(message)

    return tell

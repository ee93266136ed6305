"""An OpenID Connect provider of the tests' own, over HTTP; it can be had to misbehave."""

import asyncio
import hmac
import json
import time
from base64 import b64decode, urlsafe_b64encode
from collections import Counter
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from typing import Any
from urllib.parse import unquote_plus, urlencode

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

CLIENT, SECRET = "litehouse", "canary+secret of the client"
SUBJECT = "248289761001"


@cache
def rsa(kid: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": kid})


@cache
def ec(kid: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid})


class Provider:
    """It vouches for one user. `claims` are added to each token, None takes one out; `answers` replace a path's."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.keys: list[Any] = [rsa("r1"), ec("e1")]
        self.signs_by: Any = rsa("r1")
        self.header: dict[str, Any] = {"alg": "RS256", "kid": "r1"}
        self.claims: dict[str, Any] = {"email": "ann@example.com", "email_verified": True, "preferred_username": "ann"}
        self.shows_names = True  # of its keys
        self.configuration: dict[str, Any] = {}
        self.returned: dict[str, str] = {}
        self.answers: dict[str, Callable[[], web.Response]] = {}
        self.slow = asyncio.Event()
        self.slow.set()
        self.codes: dict[str, dict[str, str]] = {}
        self.forms: list[dict[str, str]] = []
        self.userinfo: dict[str, Any] = {}

    async def start(self) -> None:
        app = web.Application(middlewares=[self._counted])
        app.router.add_get("/.well-known/openid-configuration", self._configuration)
        app.router.add_get("/authorize", self._authorize)
        app.router.add_post("/token", self._token)
        app.router.add_get("/keys", self._keys)
        app.router.add_get("/userinfo", self._userinfo)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self.issuer = f"http://127.0.0.1:{self.port}"

    async def stop(self) -> None:
        self.slow.set()
        await self._runner.cleanup()

    @web.middleware
    async def _counted(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.asked[request.path] += 1
        await self.slow.wait()
        answer = self.answers.get(request.path)
        return answer() if answer else await handler(request)

    async def _configuration(self, _: web.Request) -> web.Response:
        told = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize?tenant=1",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "response_types_supported": ["code"],
        }
        return web.json_response(told | self.configuration)

    async def _keys(self, _: web.Request) -> web.Response:
        told = [key.as_dict(private=False) for key in self.keys]
        unnamed = [{name: value for name, value in key.items() if name != "kid"} for key in told]
        return web.json_response({"keys": told if self.shows_names else unnamed})

    async def _authorize(self, request: web.Request) -> web.Response:
        """The user agrees at once."""
        asked = dict(request.query)
        assert (asked["response_type"], asked["client_id"], asked["tenant"]) == ("code", CLIENT, "1")
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        back = {"code": code, "state": asked["state"], "session_state": "x"} | self.returned
        raise web.HTTPFound(f"{asked['redirect_uri']}?{urlencode(back)}")

    async def _token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.forms.append(form)
        if self._credentials(request, form) != (CLIENT, SECRET):
            return web.json_response({"error": "invalid_client"}, status=401)
        asked = self.codes.pop(form["code"], None)
        challenge = urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        if asked is None or challenge != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]:
            return web.json_response({"error": "invalid_grant"}, status=400)
        return web.json_response({"id_token": self.token(asked["nonce"]), "access_token": "access", "expires_in": 60})

    def _credentials(self, request: web.Request, form: dict[str, str]) -> tuple[str, str]:
        if "Authorization" not in request.headers:
            return form["client_id"], form["client_secret"]
        client, _, secret = b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode().partition(":")
        return unquote_plus(client), unquote_plus(secret)

    async def _userinfo(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer access"
        return web.json_response(self.userinfo)

    def token(self, nonce: str) -> str:
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "sub": SUBJECT, "exp": now + 60, "iat": now, "nonce": nonce}
        claims = {name: value for name, value in (claims | self.claims).items() if value is not None}
        header = {name: value for name, value in self.header.items() if name != "kid" or self.shows_names}
        if self.header["alg"] == "none":
            return f"{_encoded(self.header)}.{_encoded(claims)}."
        if self.header["alg"] == "HS256":  # by the public key as a secret: what it would be verified by, if let in
            signed = f"{_encoded(self.header)}.{_encoded(claims)}"
            digest = hmac.digest(self.signs_by.as_pem(private=False), signed.encode(), "sha256")
            return f"{signed}.{urlsafe_b64encode(digest).rstrip(b'=').decode()}"
        return jwt.encode(header, claims, self.signs_by, algorithms=["RS256", "ES256", "RS512"])

    def sign_by(self, algorithm: str, key: Any) -> None:
        self.header, self.signs_by = {"alg": algorithm, "kid": key.kid}, key


def _encoded(part: dict[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()

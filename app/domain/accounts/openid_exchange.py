"""What is said to a provider and back: where a browser goes to sign in there, and what its code is exchanged for."""

import asyncio
from base64 import b64encode
from datetime import UTC, datetime
from importlib import import_module
from typing import Any
from urllib.parse import quote_plus, urlencode

import msgspec
import structlog

from app.domain.accounts.openid import PROVIDER_SECRETS, NotProven, Pending, SignInLost, redirect_uri
from app.domain.accounts.openid_directory import Configuration, Directory, Issuer
from app.domain.accounts.openid_queries import Trusted
from app.platform.http.answers import UpstreamFailed, decoded
from app.platform.sealing import Sealing
from config.settings import HttpSettings

log = structlog.get_logger()

TOKENS = "app.domain.accounts.openid_tokens"
USED_UP = "invalid_grant"
WHO = "the provider"


class Told(msgspec.Struct, frozen=True):
    """Who somebody is, as the provider has it; `email` is None where it does not vouch for one."""

    subject: str
    email: str | None = None
    usernames: tuple[str, ...] = ()


class TokenAnswer(msgspec.Struct, frozen=True):
    """What a code is exchanged for, as far as it is looked at."""

    id_token: str
    access_token: str | None = None


class Fault(msgspec.Struct, frozen=True):
    """Why it was not."""

    error: str = ""


class Exchange:
    """With all providers, for one installation."""

    def __init__(self, directory: Directory, sealing: Sealing, http: HttpSettings) -> None:
        self._directory = directory
        self._sealing = sealing
        self._http = http

    async def address(self, provider: Trusted, pending: Pending) -> str:
        """Where the browser signs in. Raises Busy, UpstreamFailed."""
        to = (await self._issuer(provider).configuration.get()).authorization_endpoint
        asked = {
            "response_type": "code",
            "client_id": provider.client_id,
            "redirect_uri": redirect_uri(self._http, provider.name),
            "scope": " ".join(provider.scopes),
            "state": pending.state,
            "nonce": pending.nonce,
            "code_challenge": pending.challenge,
            "code_challenge_method": "S256",
        }
        return f"{to}{'&' if '?' in to else '?'}{urlencode(asked)}"

    async def is_from(self, provider: Trusted, issuer: str | None) -> bool:
        """Whether the answer that came back says that it is this provider's (RFC 9207), where it has to."""
        if issuer is not None:
            return issuer == provider.issuer
        told = await self._issuer(provider).configuration.get()
        return not told.authorization_response_iss_parameter_supported

    async def told(self, provider: Trusted, pending: Pending, code: str) -> Told:
        """Who signed in there. Raises SignInLost for a code that is used up, NotProven, Busy, UpstreamFailed."""
        issuer = self._issuer(provider)
        configuration = await issuer.configuration.get()
        given = await self._exchanged(provider, configuration, pending, code)
        try:
            claims = await self._proven(provider, issuer, given.id_token, pending.nonce)
        except NotProven as error:
            log.warning("an ID token was refused", provider=provider.name, reason=error.reason)
            raise
        if "email" not in claims and configuration.userinfo_endpoint and given.access_token:
            claims |= await self._more(configuration.userinfo_endpoint, given.access_token, claims["sub"])
        return told_by(claims)

    async def _exchanged(
        self, provider: Trusted, configuration: Configuration, pending: Pending, code: str
    ) -> TokenAnswer:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri(self._http, provider.name),
            "code_verifier": pending.verifier,
        }
        seal = await self._sealing.seal()
        secret = seal.open(provider.secret, PROVIDER_SECRETS.place(provider.id)).decode()
        headers, more = credentials(configuration.token_endpoint_auth_methods_supported, provider.client_id, secret)
        answer = await self._directory.client.ask(
            "POST", configuration.token_endpoint, form=form | more, headers=headers
        )
        if answer.status == 200:
            return await decoded(answer, TokenAnswer, WHO)
        fault = (await decoded(answer, Fault, WHO)).error
        log.warning("a code was refused", provider=provider.name, status=answer.status, used_up=fault == USED_UP)
        if fault == USED_UP:
            raise SignInLost
        raise UpstreamFailed(detail="The provider does not take what this server asks it with")

    async def _proven(self, provider: Trusted, issuer: Issuer, token: str, nonce: str) -> dict[str, Any]:
        tokens = await asyncio.to_thread(import_module, TOKENS)
        expected = tokens.Expected(provider.issuer, provider.client_id, nonce)
        try:
            return tokens.claims_of(token, await issuer.keys(), expected, datetime.now(UTC))
        except NotProven as error:
            if not error.is_unsigned:
                raise
            # It changes its keys now and then, and need not say by which of them it signs.
            return tokens.claims_of(token, await issuer.keys(anew=True), expected, datetime.now(UTC))

    async def _more(self, url: str, access_token: str, subject: str) -> dict[str, Any]:
        """What the provider tells beside the token, of the same subject alone (OpenID Connect Core, 5.3.2)."""
        headers = {"Authorization": f"Bearer {access_token}"}
        more = await decoded(await self._directory.client.ask("GET", url, headers=headers), dict[str, Any], WHO)
        return more if more.get("sub") == subject else {}

    def _issuer(self, provider: Trusted) -> Issuer:
        return self._directory.of(provider.issuer)


def credentials(methods: tuple[str, ...], client: str, secret: str) -> tuple[dict[str, str], dict[str, str]]:
    """As headers, or as fields of the form, whichever the provider takes (RFC 6749, 2.3.1). Raises UpstreamFailed."""
    if "client_secret_basic" in methods:
        pair = b64encode(f"{quote_plus(client)}:{quote_plus(secret)}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}, {}
    if "client_secret_post" in methods:
        return {}, {"client_id": client, "client_secret": secret}
    raise UpstreamFailed(detail="The provider takes no client secret")


def told_by(claims: dict[str, Any]) -> Told:
    """The part of them that is of use here. Some providers write `true` as a text."""
    email, name = claims.get("email"), claims.get("preferred_username")
    vouched = isinstance(email, str) and claims.get("email_verified") in (True, "true")
    address = email if vouched and isinstance(email, str) else None
    names = tuple(one for one in (name, address) if isinstance(one, str) and one)
    return Told(claims["sub"], address, names)

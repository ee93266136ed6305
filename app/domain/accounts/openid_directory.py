"""What providers publish of themselves: their addresses and their keys, asked for once an hour in each process."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from time import monotonic
from typing import Any, Generic, TypeVar

import msgspec
import structlog

from app.platform.http.addresses import is_acceptable
from app.platform.http.answers import UpstreamFailed
from app.platform.http.client import Client
from app.platform.http.outbound import Outbound
from app.platform.http.upstream import Upstream

log = structlog.get_logger()

T = TypeVar("T")

KEPT_SECONDS = 3600.0
AGAIN_SECONDS = 60.0  # between two questions for keys that may be new
WELL_KNOWN = "/.well-known/openid-configuration"
# Many servers, while somebody waits to be signed in: who does not answer at once is asked by them another time.
PROVIDERS = Upstream(name="openid", total=10, connect=3, read=10, tries=1, breaks_after=None)


class Configuration(msgspec.Struct, frozen=True):
    """What a provider says of itself (OpenID Connect Discovery, 3); all else that it says is passed over."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class Keys(msgspec.Struct, frozen=True):
    """Its public keys (RFC 7517)."""

    keys: list[dict[str, Any]]


class Kept(Generic[T]):
    """A value that is asked for when somebody wants it, once for all of them, and kept for an hour.

    That asking failed is told to those who wait for it; whoever comes then asks again.
    """

    def __init__(self, ask: Callable[[], Awaitable[T]]) -> None:
        self._ask = ask
        self._known: tuple[float, T] | None = None  # until when
        self._asking: asyncio.Task[T] | None = None

    async def get(self, *, anew: bool = False) -> T:
        """It; `anew` where what is kept will not do. Raises what asking raises."""
        if self._asking is None:
            if self._known is not None and self._known[0] > monotonic() and not anew:
                return self._known[1]
            self._asking = asyncio.create_task(self._renewed())
            self._asking.add_done_callback(self._asked)
        return await asyncio.shield(self._asking)  # who leaves takes it from nobody

    async def _renewed(self) -> T:
        value = await self._ask()
        self._known = monotonic() + KEPT_SECONDS, value
        return value

    def _asked(self, task: asyncio.Task[T]) -> None:
        self._asking = None
        if not task.cancelled():
            task.exception()  # seen, though all who waited may have left


class Issuer:
    """What is known of one provider."""

    def __init__(self, client: Client, issuer: str) -> None:
        self._client = client
        self._issuer = issuer
        self._keys = Kept(self._ask_keys)
        self._asked_again = -AGAIN_SECONDS
        self.configuration = Kept(self._ask_configuration)

    async def keys(self, *, anew: bool = False) -> list[dict[str, Any]]:
        """Its keys; `anew` where none of them will do: then they are asked for again, once a minute at most.

        Raises Busy, UpstreamFailed.
        """
        if anew:
            anew = monotonic() - self._asked_again >= AGAIN_SECONDS
            self._asked_again = monotonic() if anew else self._asked_again
        return await self._keys.get(anew=anew)

    async def _ask_configuration(self) -> Configuration:
        told = await self._ask(self._issuer.rstrip("/") + WELL_KNOWN, Configuration)
        if told.issuer != self._issuer:
            raise self._useless("it says that it is another issuer")
        addresses = (told.authorization_endpoint, told.token_endpoint, told.jwks_uri, told.userinfo_endpoint)
        if not all(is_acceptable(one, inwards=self._client.inwards) for one in addresses if one is not None):
            raise self._useless("its addresses are not https")
        return told

    async def _ask_keys(self) -> list[dict[str, Any]]:
        return (await self._ask((await self.configuration.get()).jwks_uri, Keys)).keys

    async def _ask(self, url: str, kind: type[T]) -> T:
        answer = await self._client.ask("GET", url)
        try:
            if answer.status == 200:
                return await asyncio.to_thread(partial(msgspec.json.decode, answer.body, type=kind))
        except (msgspec.DecodeError, RecursionError) as error:
            raise self._useless("what it publishes of itself cannot be read") from error
        raise self._useless("it does not publish what it is")

    def _useless(self, reason: str) -> UpstreamFailed:
        log.warning("a provider cannot be used", issuer=self._issuer, reason=reason)
        return UpstreamFailed(detail=f"The provider cannot be used: {reason}")


class Directory:
    """What is known of all of them; one in each process."""

    def __init__(self, outbound: Outbound) -> None:
        self.client = outbound.to(PROVIDERS)
        self._issuers: dict[str, Issuer] = {}

    def of(self, issuer: str) -> Issuer:
        """What is known of this one."""
        return self._issuers.setdefault(issuer, Issuer(self.client, issuer))

"""What is answered over HTTP, and to whom."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from config.loading import Concern
from config.origins import as_list, as_origins, as_own_origin
from config.rates import Network, as_networks


def _bearer_token(token: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[!-~]+", token.get_secret_value()):
        raise ValueError("must be printable ASCII without spaces: nothing else can be sent as a bearer token")
    return token


class HttpSettings(Concern):
    """What is answered, and to whom."""

    base_url: Annotated[str, AfterValidator(as_own_origin)] | None = None
    cors_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(as_list), AfterValidator(as_origins)] = ()
    cors_credentials: bool = False
    max_body_bytes: int = Field(1_000_000, ge=1000, le=1_000_000_000)
    cache_bytes: int = Field(32_000_000, ge=0, le=10_000_000_000)  # of kept answers, in each worker
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode, BeforeValidator(as_networks)] = ()
    docs_enabled: bool = Field(False, validation_alias="LITEHOUSE_DOCS")
    admin_enabled: bool = Field(False, validation_alias="LITEHOUSE_ADMIN")
    metrics_token: Annotated[SecretStr, AfterValidator(_bearer_token)] | None = None

    @property
    def site(self) -> str:
        """The host that browsers know this installation by: passkeys belong to it, and apps show codes under it."""
        return urlsplit(self.base_url).hostname or "Litehouse" if self.base_url else "Litehouse"

    @property
    def secure(self) -> bool:
        """Whether browsers come by HTTPS: they do, but on loopback."""
        return self.base_url is None or self.base_url.startswith("https://")

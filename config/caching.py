"""Settings of values that are kept because they cost much: where, and how much of them."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from config.loading import Concern

SCHEMES = ("valkey", "valkeys", "redis", "rediss")


def _as_shared_cache(url: SecretStr) -> SecretStr:
    problem = "must be valkey://user:password@host:port/number, or valkeys:// with TLS, redis:// or rediss://"
    try:
        parts = urlsplit(url.get_secret_value())
        is_address = parts.scheme in SCHEMES and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        raise ValueError(problem) from None
    number = parts.path.removeprefix("/")
    if not is_address or not (number.isdecimal() or not number) or parts.query or parts.fragment:
        raise ValueError(problem)
    return url


class CacheSettings(Concern):
    """Computed values: in each process's memory, or in a server that all of them share."""

    url: Annotated[SecretStr, AfterValidator(_as_shared_cache)] | None = Field(
        None, validation_alias="LITEHOUSE_CACHE_URL"
    )
    value_bytes: int = Field(  # in the memory of each process, where there is no `url`
        16_000_000, ge=0, le=10_000_000_000, validation_alias="LITEHOUSE_CACHE_VALUE_BYTES"
    )

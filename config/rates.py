"""Settings that are more than a number: how often something may happen, and whose word about a client is taken."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, NamedTuple

from pydantic import BeforeValidator
from pydantic_settings import NoDecode

LONGEST_WINDOW = 86_400
MOST_TIMES = 1_000_000

Network = IPv4Network | IPv6Network


class Rate(NamedTuple):
    """So many times in so many seconds."""

    times: int
    seconds: int


def as_rate(value: object) -> object:
    """`10/60` as ten times in sixty seconds; what is no text stays. Raises ValueError."""
    if not isinstance(value, str):
        return value
    if re.fullmatch(r"[0-9]{1,7}/[0-9]{1,5}", value):
        times, seconds = map(int, value.split("/"))
        if 1 <= times <= MOST_TIMES and 1 <= seconds <= LONGEST_WINDOW:
            return Rate(times, seconds)
    raise ValueError(f"must be times/seconds such as 10/60, 1 to {MOST_TIMES} times in 1 to {LONGEST_WINDOW} seconds")


def as_networks(value: object) -> object:
    """Networks from a list with commas, a lone address as the network of itself. Raises ValueError."""
    if not isinstance(value, str):
        return value
    try:
        return tuple(ip_network(text.strip()) for text in value.split(",") if text.strip())
    except ValueError:
        raise ValueError("each must be an IP address or a network such as 10.0.0.0/8 or fd00::/8") from None


Times = Annotated[Rate, NoDecode, BeforeValidator(as_rate)]

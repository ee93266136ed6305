"""Which addresses are asked: those of the internet, by https; outside production those of our own network too."""

import socket
from ipaddress import IPv6Network, ip_address
from typing import Any
from urllib.parse import urlsplit

from app.platform.forwarding import Address, address_of

UNICAST = IPv6Network("2000::/3")  # all that is given to anybody; beyond it Python lets site-local addresses pass
TRANSLATED = IPv6Network("64:ff9b::/96")  # by whom it is translated into IPv4 (RFC 6052)


def public_socket(dialled: Any) -> socket.socket:
    """A socket to the address that is dialled, of whatever form and by whatever name. Raises OSError.

    Asked here, no name that means another address a moment later, and no redirect, leads inwards.
    """
    family, kind, protocol, _, address = dialled
    if not is_public(address[0]):
        raise OSError("the address is not public")
    return socket.socket(family, kind, protocol)


def is_public(host: str) -> bool:
    """Whether an IP address is one of the internet's; IPv4 in the clothes of IPv6 is judged as what it is."""
    address: Address | None = address_of(host.partition("%")[0])
    if address is None:
        return False
    if address.version == 6:
        inner = address.sixtofour or (address.teredo and address.teredo[1])
        if address in TRANSLATED:
            inner = ip_address(int(address) & 0xFFFFFFFF)
        if not inner and address not in UNICAST:
            return False
        address = inner or address
    return address.is_global and not address.is_multicast


def is_loopback(host: str) -> bool:
    """Whether this is the machine itself, by its name or its address."""
    address = address_of(host)
    return host == "localhost" if address is None else address.is_loopback


def is_acceptable(url: str, *, inwards: bool) -> bool:
    """Whether secrets may go to this address: by https, or where that is let in, to this machine itself."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if not host or parts.username is not None or parts.password is not None:
        return False
    return parts.scheme == "https" or (inwards and parts.scheme == "http" and is_loopback(host))

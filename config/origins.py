"""Origins of pages: lists of others', and the one by which browsers know this installation."""

import re

OTHERS = re.compile(r"[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
OWN = re.compile(r"https://[a-z0-9.-]+(:[0-9]{1,5})?|http://(localhost|127\.[0-9.]+|\[::1\])(:[0-9]{1,5})?")


def as_list(value: object) -> object:
    """The texts of a list with commas; what is no text stays."""
    return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value


def as_origins(origins: tuple[str, ...]) -> tuple[str, ...]:
    """Origins as browsers send them: a path or a closing slash would never match, without any error.

    Raises ValueError.
    """
    if origins != ("*",) and not all(map(OTHERS.fullmatch, origins)):
        raise ValueError(
            "each must be scheme://host or scheme://host:port in lower case, with no slash after it; or * alone"
        )
    return origins


def as_own_origin(origin: str) -> str:
    """An origin that cookies may be given to: they would be read on the way to any other. Raises ValueError."""
    if not OWN.fullmatch(origin):
        raise ValueError(
            "must be https://host or https://host:port in lower case, with no slash after it; "
            "http:// only for localhost and loopback addresses"
        )
    return origin

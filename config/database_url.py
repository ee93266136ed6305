"""The address of a PostgreSQL: what is taken for one, and how it is shown without its passwords."""

import re
from urllib.parse import parse_qsl, urlencode

from pydantic import Secret

# Stricter than RFC 3986: an @, slash, ? or # in a password that was not percent-encoded would make the rest of it pass
# for a host, a database or an option, and these are shown. libpq's addresses without a host, for sockets, are allowed.
POSTGRES_ADDRESS = re.compile(
    r"""(?:postgresql|postgres|postgresql\+asyncpg)://
        (?:(?P<user>[^:@/?\#\s]*)(?P<password>:[^@/?\#\s]*)?@)?
        (?P<hosts>[^@/?\#\s]*)
        /(?P<database>[^@/?\#\s]+)
        (?:\?(?P<options>[^@\#\s]*))?""",
    re.VERBOSE,
)
POSTGRES_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^:\[\]]*)(?::(?P<port>[0-9]{1,5}))?")


def _postgres_parts(text: str) -> dict[str, str]:
    """An address taken apart: user, password with its colon, hosts, database and options, each empty if absent."""
    address = POSTGRES_ADDRESS.fullmatch(text)
    hosts = [POSTGRES_HOST.fullmatch(host) for host in address["hosts"].split(",")] if address else [None]
    if address is None or not all(host and 0 < int(host["port"] or 5432) < 65536 for host in hosts):
        raise ValueError(
            "must be postgresql://user:password@host:port/database, with special characters percent-encoded: @ as %40"
        )
    return address.groupdict(default="")


class DatabaseUrl(Secret[str]):
    """A database's address, always `postgresql://…`; printed it is `masked`, whole it is `get_secret_value()`.

    Raises ValueError for anything that is no PostgreSQL address with a database's name.
    """

    def __init__(self, text: str) -> None:
        _postgres_parts(text)
        super().__init__(f"postgresql://{text.partition('://')[2]}")

    @property
    def masked(self) -> str:
        """The address with *** for each password, for logs."""
        parts = _postgres_parts(self.get_secret_value())
        user = parts["user"] + (":***" if parts["password"] else "")
        options = [(name, "***" if "password" in name else value) for name, value in parse_qsl(parts["options"])]
        query = f"?{urlencode(options, safe='*/')}" if options else ""
        return f"postgresql://{user}{'@' if user else ''}{parts['hosts']}/{parts['database']}{query}"

    def _display(self) -> str:
        return self.masked

"""The cookies of browsers: their names, how they are found in a request, and how they are set and taken back."""

import re
from collections.abc import Iterable

from litestar.datastructures import State

from config.settings import Settings

LASTING = "Path=/; HttpOnly; SameSite=Lax"


class SessionCookie:
    """`__Host-session`, which browsers take from HTTPS alone and from no subdomain; on loopback HTTP `session`.

    Another one is told apart by its name.
    """

    __slots__ = ("_attributes", "_begins", "_seconds", "name", "secure")

    def __init__(self, *, secure: bool, seconds: int, name: str = "session") -> None:
        """`seconds`: how long browsers keep it; what it stands for may end before."""
        self.secure = secure
        self.name = f"__Host-{name}" if secure else name
        self._begins = re.compile(rf"(?:^|;)\s*{self.name}=([^;]*)".encode())
        self._seconds = seconds
        self._attributes = f"{LASTING}; Secure" if secure else LASTING

    @classmethod
    def of(cls, settings: Settings) -> "SessionCookie":
        """That of this installation, by the scheme of its own address."""
        return cls(secure=settings.http.secure, seconds=settings.security.session_lifetime_days * 86_400)

    def is_in(self, header: bytes) -> bool:
        """Whether a Cookie header has it."""
        return self._begins.search(header) is not None

    def given(self, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
        """Its value in a request; None where it is not sent, or twice: of two, a proxy may have checked the other."""
        values = [one for name, header in headers if name == b"cookie" for one in self._begins.findall(header)]
        return values[0].decode("latin-1").strip() if len(values) == 1 else None

    def given_out(self, value: str | None) -> dict[str, str]:
        """The headers that give it this value; none for None."""
        return {"Set-Cookie": f"{self.name}={value}; Max-Age={self._seconds}; {self._attributes}"} if value else {}

    def taken_back(self) -> dict[str, str]:
        """The headers that end it."""
        return {"Set-Cookie": f"{self.name}=; Max-Age=0; {self._attributes}"}


def provide_cookie(state: State) -> SessionCookie:
    """The installation's."""
    return SessionCookie.of(state.settings)

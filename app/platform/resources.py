"""What a process has besides its database: mail, other servers, the seal of secrets, a cache; made once in each."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import cached_property

from app.platform.cache.cache import Cache
from app.platform.database.changes import Changes
from app.platform.http.outbound import Outbound
from app.platform.mail.mailer import Mailer
from app.platform.passwords import PasswordHasher
from app.platform.sealing import Sealing
from config.settings import Settings


class Resources:
    """They are made without waiting, and opened at their first use."""

    def __init__(self, settings: Settings, changes: Changes | None = None) -> None:
        """`changes`: by which the cache knows what to let go; without them it keeps nothing."""
        self.settings = settings
        self.sealing = Sealing(settings)
        self.outbound = Outbound(settings)
        self.mailer = Mailer(settings, self.sealing)
        self.cache = Cache(settings, changes)

    @cached_property
    def passwords(self) -> PasswordHasher:
        """The process's one hasher, which is made when it is first asked for."""
        return PasswordHasher(self.settings.security.password_workers, self.settings.security.password_queue)

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None]:
        """Close, at the end, what was opened."""
        async with self.outbound.lifespan(), self.mailer.lifespan(), self.cache.lifespan():
            yield

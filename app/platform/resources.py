"""What a process has at hand besides its database: mail, other servers, the seal of secrets; made once in each."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from app.platform.http.outbound import Outbound
from app.platform.mail import Mailer
from app.platform.sealing import Sealing
from config.settings import Settings


class Resources:
    """They are made without waiting, and opened at their first use."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.sealing = Sealing(settings)
        self.outbound = Outbound(settings)
        self.mailer = Mailer(settings.mail, settings.http.base_url)

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None]:
        """Close, at the end, what was opened."""
        async with self.outbound.lifespan():
            yield

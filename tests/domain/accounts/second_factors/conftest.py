"""Ann has a second factor; time stands still but by hand, and codes are known before."""

from datetime import timedelta
from itertools import cycle

import httpx
import pytest

from app.domain.accounts import second_factors
from app.platform.database.pools import Database
from tests.domain.accounts.factories import UserFactory
from tests.domain.accounts.second_factors.guarded import SECRETS, Clock, Guarded


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> type[Clock]:
    """The clock by which codes are judged, moved by hand, and the secrets that they are made of, in turns."""
    secrets = cycle(SECRETS)
    monkeypatch.setattr(second_factors, "new_secret", lambda: next(secrets))
    monkeypatch.setattr(second_factors, "datetime", Clock)
    monkeypatch.setattr(Clock, "ahead", timedelta())
    return Clock


@pytest.fixture
async def ann(client: httpx.AsyncClient, database: Database, clock: type[Clock]) -> Guarded:
    ann = Guarded(await UserFactory.saved(database, username="Ann", email="ann@example.com"), client, clock)
    await ann.set_up()
    return ann

"""Of what happens to an account its owner is told by mail."""

import httpx
import pytest

from app.domain.accounts.mails import described
from app.domain.accounts.models import User
from app.platform.database.pools import Database
from tests.conftest import Outbox
from tests.domain.accounts.doors import ME, TOKENS, bearer
from tests.domain.accounts.factories import PASSWORD, TokenFactory
from tests.domain.accounts.links import NEW, OLD, ask, follow

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


async def signed_in_from(client: httpx.AsyncClient, device: str) -> None:
    body = {"email": OLD, "password": PASSWORD}
    (await client.post(TOKENS, json=body, headers={"User-Agent": device})).raise_for_status()


async def test_a_sign_in_from_a_new_device_is_told_by_mail(
    client: httpx.AsyncClient, outbox: Outbox, ann: User
) -> None:
    await signed_in_from(client, "the first")
    await signed_in_from(client, "the first")
    assert len(outbox) == 0, "nothing is new where there was nothing before, nor what was there"

    await signed_in_from(client, FIREFOX)

    [notice] = outbox.to(OLD)
    assert notice.subject == "A sign-in from a new device"
    assert "Firefox on Linux" in " ".join(notice.text.split())
    await signed_in_from(client, FIREFOX)
    assert len(outbox) == 1


async def test_a_link_from_a_new_device_is_told_too(client: httpx.AsyncClient, outbox: Outbox, token: str) -> None:
    await ask(client, "sign-in", OLD)
    await follow(client, "sign-in", outbox.token(OLD))
    assert outbox.subjects == ["Your link to sign in", "A sign-in from a new device"]


async def test_tokens_made_by_name_are_no_devices(
    client: httpx.AsyncClient, outbox: Outbox, ann: User, database: Database
) -> None:
    await TokenFactory.clear_for(database, ann, name="nightly import")
    await signed_in_from(client, FIREFOX)
    assert len(outbox) == 0


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (FIREFOX, "Firefox on Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1", "Safari on iOS"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Visit evil.example now", "a program on an unknown system"),
        (None, "a program on an unknown system"),
    ],
    ids=["firefox", "safari", "edge", "somebody's text", "nothing"],
)
def test_a_device_is_described_in_words_of_our_own(told: str | None, expected: str) -> None:
    assert described(told) == expected


async def test_a_new_password_is_told_by_mail(client: httpx.AsyncClient, outbox: Outbox, token: str) -> None:
    await client.patch(ME, json={"password": NEW, "bio": "x"}, headers=bearer(token))
    await client.patch(ME, json={"bio": "y"}, headers=bearer(token))
    assert outbox.subjects == ["Your password was changed"]

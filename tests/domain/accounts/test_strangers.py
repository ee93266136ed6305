"""Who asks for a link does not learn whether anybody has the address."""

from collections.abc import Callable

import httpx
import pytest

from app.domain.accounts.models import User
from app.platform.database.pools import Database
from tests.conftest import Outbox
from tests.domain.accounts.factories import UserFactory
from tests.domain.accounts.links import ask


async def test_who_asks_to_join_does_not_learn_who_has_an_address(
    client: httpx.AsyncClient, outbox: Outbox, ann: User
) -> None:
    known, unknown = await ask(client, "join", ann.email.upper()), await ask(client, "join", "nobody@example.com")
    assert (known.status_code, known.content, told(known)) == (unknown.status_code, unknown.content, told(unknown))
    assert [mail.subject for mail in outbox.to("ANN@example.com")] == ["You have an account already"]
    assert "lh_link_" not in outbox.to("ANN@example.com")[0].text
    assert [mail.subject for mail in outbox.to("nobody@example.com")] == ["Finish your sign-up"]


@pytest.mark.parametrize("purpose", ["reset", "sign-in"])
async def test_the_answer_is_the_same_whether_anybody_has_the_address(
    client: httpx.AsyncClient, outbox: Outbox, ann: User, database: Database, purpose: str
) -> None:
    await UserFactory.saved(database, email="gone@example.com", is_active=False)
    known = await ask(client, purpose, ann.email)
    for other in ("nobody@example.com", "gone@example.com"):
        unknown = await ask(client, purpose, other)
        assert (unknown.status_code, unknown.content) == (known.status_code, known.content)
        assert told(unknown) == told(known)
    assert outbox.recipients == [ann.email]


def told(answer: httpx.Response) -> dict[str, str]:
    """The headers, without what counts or names the request."""
    return {name: value for name, value in answer.headers.items() if name not in ("x-request-id", "ratelimit")}


@pytest.mark.parametrize("purpose", ["reset", "sign-in", "join"])
async def test_the_statements_are_the_same_whether_anybody_has_the_address(
    client: httpx.AsyncClient, ann: User, statements: Callable, purpose: str
) -> None:
    with statements() as for_known:
        await ask(client, purpose, ann.email)
    with statements() as for_unknown:
        await ask(client, purpose, "nobody@example.com")
    assert for_known == for_unknown
    assert [sent.split()[0] for sent in for_known] == ["WITH", "BEGIN", "WITH", "WITH", "COMMIT"], (
        "the link, and the mail with its job"
    )


@pytest.mark.parametrize("purpose", ["reset", "sign-in"])
async def test_a_mail_goes_to_the_address_as_it_is_kept(
    client: httpx.AsyncClient, outbox: Outbox, ann: User, purpose: str
) -> None:
    await ask(client, purpose, " A\uff2eN@EXAMPLE.com")
    assert outbox.recipients == ["ann@example.com"]

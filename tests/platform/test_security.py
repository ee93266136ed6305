"""Who is asking is known for a second, and not a moment longer than the caller's own sign-out."""

from dataclasses import replace

import asyncpg
import pytest
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import SecretStr

from app.kit.identity import Viewer
from app.platform import security
from app.platform.security import KnownViewers, credential_of


@pytest.fixture
def clock(monkeypatch):
    """The middleware's clock, moved by hand."""
    time = [1000.0]
    monkeypatch.setattr(security, "monotonic", lambda: time[0])
    return time


async def test_within_a_second_a_viewer_is_known_without_asking(client, sign_in, statements, clock):
    ann = await sign_in()
    with statements() as first:
        assert (await client.get("/api/v1/accounts/me", auth=ann)).status_code == 200
    with statements() as second:
        assert (await client.get("/api/v1/accounts/me", auth=ann)).status_code == 200
    assert len(second) == len(first) - 1


async def test_what_is_revoked_elsewhere_ends_here_within_a_second(client, sign_in, clock, database_url):
    ann = await sign_in()
    assert (await client.get("/api/v1/accounts/me", auth=ann)).status_code == 200
    elsewhere = await asyncpg.connect(database_url)
    await elsewhere.execute("DELETE FROM accounts_token")
    await elsewhere.close()
    clock[0] += 1.0
    assert (await client.get("/api/v1/accounts/me", auth=ann)).status_code == 401


async def test_who_signs_out_is_out_at_once(client, sign_in, clock):
    ann = await sign_in()
    assert (await client.get("/api/v1/accounts/me", auth=ann)).status_code == 200
    assert (await client.delete("/api/v1/accounts/tokens/current", auth=ann)).status_code == 204
    assert (await client.get("/api/v1/accounts/me", auth=ann)).status_code == 401


def test_what_is_known_is_bounded(monkeypatch, clock):
    monkeypatch.setattr(security, "MOST_KNOWN", 2)
    known, viewer = KnownViewers(), Viewer()
    for credential in "abcde":
        known.put(credential, viewer, clock[0])
    assert [known.get(credential) for credential in "abcde"] == [None, None, None, None, viewer]


async def test_a_table_that_is_locked_is_busy_and_no_failure(client, sign_in, database_url, clock):
    ann = await sign_in()
    holder = await asyncpg.connect(database_url)
    async with holder.transaction():
        await holder.execute("LOCK TABLE accounts_token IN ACCESS EXCLUSIVE MODE")
        answer = await client.get("/api/v1/accounts/me", auth=ann)
    await holder.close()
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]


@pytest.mark.parametrize(
    ("header", "credential"),
    [
        (b"Token abc", "abc"),
        (b"bearer abc", "abc"),
        (b"Basic abc", None),
        (b"abc", None),
        (b"", None),
        ("Token ä".encode(), None),
    ],
    ids=str,
)
def test_credentials_are_read_from_two_schemes(header, credential):
    assert credential_of(header) == credential


async def test_a_bad_credential_is_refused_on_public_routes_too(client):
    answer = await client.get("/health", headers={"Authorization": "Token nonsense"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.json()["errors"] == {"token": ["is invalid"]}


async def test_identity_comes_before_existence(client):
    assert (await client.delete("/api/v1/accounts/tokens/01900000-0000-7000-8000-000000000000")).status_code == 401


async def test_metrics_are_closed_outside_development(client):
    assert (await client.get("/metrics")).status_code == 404


async def test_metrics_are_for_the_bearer_of_the_token_and_as_prometheus_parses_them(client, app, monkeypatch):
    http = app.state.settings.http.model_copy(update={"metrics_token": SecretStr("canary")})
    monkeypatch.setattr(app.state, "settings", replace(app.state.settings, http=http))
    assert (await client.get("/metrics")).status_code == 401
    answer = await client.get("/metrics", headers={"Authorization": "Bearer canary"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, CONTENT_TYPE_LATEST)

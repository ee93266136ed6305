"""With a cookie only our own pages change anything, and those that are trusted."""

import httpx
import pytest

from app.domain.accounts.models import User
from app.platform.database.pools import Database
from tests.domain.accounts.browsing import house, session_of, sign_in
from tests.domain.accounts.doors import ME, OURS, SESSION, TOKENS
from tests.domain.accounts.factories import TokenFactory


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"Sec-Fetch-Site": "same-origin"}, 200, id="our page"),
        pytest.param({"Origin": "http://testserver"}, 200, id="our origin"),
        pytest.param({"Origin": "http://localhost:8000"}, 200, id="our address"),
        pytest.param({}, 403, id="nothing said"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, 403, id="another site"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, 403, id="a neighbour"),
        pytest.param({"Sec-Fetch-Site": "none"}, 403, id="no page"),
        pytest.param({"Origin": "https://testserver"}, 403, id="another scheme"),
        pytest.param({"Origin": "http://testserver:81"}, 403, id="another port"),
        pytest.param({"Origin": "http://testserver.evil.example"}, 403, id="a longer name"),
        pytest.param({"Origin": "null"}, 403, id="a sandbox"),
        pytest.param({"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, 403, id="both say so"),
    ],
)
@pytest.mark.parametrize("door", ["change", "sign in"])
async def test_with_a_cookie_only_our_own_pages_change_anything(
    client: httpx.AsyncClient, database: Database, ann: User, headers: dict, status: int, door: str
) -> None:
    if door == "change":
        answer = await client.patch(ME, json={"bio": "b"}, headers=headers | await session_of(database, ann))
        assert answer.status_code == status
    else:
        answer = await sign_in(client, **headers)
        assert answer.status_code == (201 if status == 200 else status)
        assert ("set-cookie" in answer.headers) == (status == 200)
    if status == 403:
        assert answer.json()["errors"] == {"origin": ["forbidden"]}


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
async def test_every_unsafe_method_is_guarded_on_public_routes_too(
    client: httpx.AsyncClient, database: Database, ann: User, method: str
) -> None:
    path = {"POST": TOKENS, "PATCH": ME, "DELETE": TOKENS}[method]
    headers = await session_of(database, ann) | {"Origin": "https://evil.example"}
    assert (await client.request(method, path, headers=headers, json={})).status_code == 403


@pytest.mark.parametrize(
    ("media_type", "status"),
    [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/jsonp", 415),
        (None, 415),
    ],
    ids=str,
)
async def test_with_a_cookie_a_body_is_json(
    client: httpx.AsyncClient, database: Database, ann: User, media_type: str | None, status: int
) -> None:
    headers = OURS | await session_of(database, ann) | ({"Content-Type": media_type} if media_type else {})
    assert (await client.patch(ME, content=b'{"bio": "b"}', headers=headers)).status_code == status


async def test_without_a_body_no_type_is_wanted(client: httpx.AsyncClient, database: Database, ann: User) -> None:
    headers = OURS | await session_of(database, ann)
    assert (await client.delete(SESSION, headers=headers | {"Content-Type": "text/plain"})).status_code == 415
    assert (await client.delete(SESSION, headers=headers)).status_code == 204


async def test_a_token_is_asked_for_no_origin(client: httpx.AsyncClient, database: Database, ann: User) -> None:
    headers = {"Authorization": f"Bearer {await TokenFactory.clear_for(database, ann)}", "Origin": "https://a.example"}
    assert (await client.patch(ME, json={"bio": "b"}, headers=headers)).status_code == 200


@pytest.mark.usefixtures("ann")
async def test_trusted_pages_act_with_a_cookie_and_others_only_read(database_url: str) -> None:
    front = "http://front.localhost:3000"
    for trusted, status in (("true", 200), ("false", 403)):
        async with house(database_url, cors_origins=front, cors_credentials=trusted) as client:
            await sign_in(client, **OURS)
            answer = await client.patch(ME, json={"bio": "b"}, headers={"Origin": front, "Sec-Fetch-Site": "same-site"})
            assert answer.status_code == status
            assert answer.headers.get("access-control-allow-credentials") == ("true" if status == 200 else None)
            asked = {"Origin": front, "Access-Control-Request-Method": "PATCH"}
            assert (await client.options(ME, headers=asked)).headers.get("access-control-allow-credentials") == (
                "true" if status == 200 else None
            )

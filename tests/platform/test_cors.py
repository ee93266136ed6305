"""Pages of other origins read what the settings let them, and every answer, a refusal too, tells them so."""

import httpx
import pytest

from app.main import create_app
from config.settings import load

FRONT = "https://front.example"


@pytest.fixture
async def front(database_url):
    """A client of an application whose front end lives elsewhere."""
    environ = {"DATABASE_URL": database_url, "LITEHOUSE_ENVIRONMENT": "test", "LITEHOUSE_CORS_ORIGINS": FRONT}
    app = create_app(load(env_file=None, environ=environ))
    async with app.lifespan(), httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client:
        yield client


@pytest.mark.parametrize("path", ["/health", "/nowhere", "/api/v1/accounts/me"], ids=["200", "404", "401"])
async def test_a_page_of_the_front_end_may_read_any_answer(front, path):
    answer = await front.get(path, headers={"Origin": FRONT})
    assert answer.headers["Access-Control-Allow-Origin"] == FRONT
    assert "X-Request-ID" in answer.headers


async def test_a_page_of_a_stranger_may_not(front):
    answer = await front.get("/health", headers={"Origin": "https://stranger.example"})
    assert "Access-Control-Allow-Origin" not in answer.headers


async def test_a_preflight_is_answered(front):
    asked = {"Origin": FRONT, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization"}
    answer = await front.options("/api/v1/accounts/me", headers=asked)
    assert answer.status_code == 204
    assert "PUT" in answer.headers["Access-Control-Allow-Methods"]
    assert "authorization" in answer.headers["Access-Control-Allow-Headers"].lower()
    assert "X-Request-ID" in answer.headers


async def test_who_names_no_origin_hears_nothing_of_it(front):
    answer = await front.get("/health")
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]

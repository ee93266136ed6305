"""What is copied into a database is what the API would have made of it: counted, favoured, in order, and real."""

import asyncpg
import pytest
from click.testing import CliRunner

from app.domain.accounts.services import as_username
from app.domain.publishing.commands import seed
from app.domain.publishing.demo import EMAIL, PASSWORD, load_demo
from app.domain.publishing.samples import samples
from app.domain.publishing.seeding import Volumes, fill
from config.settings import load


@pytest.fixture
async def admin(database):
    connection = await asyncpg.connect(database.url)
    yield connection
    await connection.close()


def test_the_samples_are_real_texts_by_named_authors():
    texts = samples()
    assert len(texts) > 50
    assert all(text.author and text.title and text.description and text.body.strip() and text.tags for text in texts)
    assert any(not text.body.isascii() for text in texts)
    assert {text.author for text in texts if as_username(text.author) != text.author} == set()
    assert len({text.author for text in texts}) == len({text.author.lower() for text in texts})


async def test_a_database_of_given_volumes(database, admin, client):
    volumes, copied = Volumes(users=20, articles=60, favorites=300, comments=40), []
    work = database.unit_of_work()
    await work.run(lambda: fill(work, volumes, samples(), copied.append))

    assert sum(copied) == volumes.total
    assert await admin.fetchval("SELECT count(*) FROM accounts_user") == 20
    assert await admin.fetchval("SELECT count(*) FROM publishing_comment") == 40
    assert await admin.fetchval("SELECT sum(favorites_count) FROM publishing_article") == 300
    assert (
        await admin.fetch(
            "SELECT id FROM publishing_article a WHERE favorites_count <>"
            " (SELECT count(*) FROM publishing_favorite f WHERE f.article_id = a.id)"
        )
        == []
    )
    page = (await client.get("/api/articles?limit=100")).json()
    assert page["articlesCount"] == len(page["articles"]) == 60
    dates = [article["createdAt"] for article in page["articles"]]
    assert dates == sorted(dates, reverse=True)


def test_what_cannot_be_is_refused_by_the_option_s_name():
    told = CliRunner().invoke(seed, ["--users", "2", "--articles", "3", "--favorites", "7"])
    assert told.exit_code == 2
    assert "Invalid value for --favorites: 2 users have at most 6 favorites among 3 articles." in told.stderr


async def test_more_favourites_than_pairs_are_all_pairs(database, admin):
    work = database.unit_of_work()
    await work.run(lambda: fill(work, Volumes(2, 3, 100, 0), samples(), lambda _: None))
    assert await admin.fetchval("SELECT count(*) FROM publishing_favorite") == 6


async def test_the_demo_fills_an_empty_publishing_once_and_lets_one_sign_in(database, client):
    settings = load(env_file=None, environ={})
    assert EMAIL in await load_demo(database, settings)
    filled = (await client.get("/api/articles")).json()["articlesCount"]
    assert EMAIL in await load_demo(database, settings)
    assert (await client.get("/api/articles")).json()["articlesCount"] == filled

    answer = await client.post("/api/users/login", json={"user": {"email": EMAIL, "password": PASSWORD}})
    token = answer.json()["user"]["token"]
    feed = (await client.get("/api/articles/feed", headers={"Authorization": f"Token {token}"})).json()
    assert feed["articlesCount"] > 0
    assert all(article["author"]["following"] for article in feed["articles"])
    one = feed["articles"][0]["slug"]
    assert len((await client.get(f"/api/articles/{one}")).json()["article"]["body"]) > 100


async def test_outside_development_there_is_no_demo(database, settings):
    assert await load_demo(database, settings) == ""

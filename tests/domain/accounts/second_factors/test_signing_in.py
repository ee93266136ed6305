"""A sign-in asks for the second factor, once, in time, and a few times only."""

import asyncio

import asyncpg
import httpx
import pytest
from click.testing import CliRunner

from app.domain.accounts import attempts
from app.domain.accounts.token_commands import clearsessions
from app.platform.database.pools import Database
from app.platform.sealing import Sealing
from config.rates import Rate
from config.settings import Settings
from tests.domain.accounts.doors import BASE, ME, PROOF, SESSION, TOKENS
from tests.domain.accounts.second_factors.guarded import FACTORS, Guarded


@pytest.mark.parametrize("door", [TOKENS, SESSION], ids=["token", "session"])
@pytest.mark.parametrize("way", ["code", "recoveryCode"])
async def test_a_sign_in_asks_for_the_second_factor(ann: Guarded, door: str, way: str) -> None:
    asked = await ann.enter(door)

    assert (asked.status_code, asked.json()["ways"]) == (202, ["code", "recoveryCode"])
    assert asked.headers["cache-control"] == "no-store"
    assert not {"set-cookie", "etag"} & set(asked.headers)
    assert asked.json().keys() == {"challenge", "expiresAt", "ways"}
    given = {"challenge": asked.json()["challenge"], way: ann.code() if way == "code" else ann.codes[3].upper()}
    answer = await ann.finish(door, **given)
    assert (answer.status_code, answer.json()["user"]["username"]) == (201, "Ann")
    assert ("set-cookie" in answer.headers) == (door == SESSION)
    assert ("token" in answer.json()) == (door == TOKENS)
    assert (await ann.finish(door, **given)).status_code == 401, "challenge and code are used"
    left = (await ann.client.get(FACTORS, headers=ann.headers)).json()["recoveryCodesLeft"]
    assert left == (9 if way == "recoveryCode" else 10)


@pytest.mark.parametrize("way", ["code", "recoveryCode"])
async def test_of_many_at_once_one_code_lets_one_in(ann: Guarded, way: str) -> None:
    challenges = [await ann.challenge() for _ in range(6)]
    value = ann.code() if way == "code" else ann.codes[0]
    async with asyncio.TaskGroup() as group:
        tries = [group.create_task(ann.finish(challenge=one, **{way: value})) for one in challenges]
    assert sorted(one.result().status_code for one in tries) == [201] + [401] * 5


async def test_of_many_at_once_one_challenge_lets_one_in(ann: Guarded) -> None:
    challenge = await ann.challenge()
    async with asyncio.TaskGroup() as group:
        tries = [group.create_task(ann.finish(challenge=challenge, recoveryCode=code)) for code in ann.codes[:5]]
    assert sorted(one.result().status_code for one in tries) == [201] + [401] * 4
    assert (await ann.client.get(FACTORS, headers=ann.headers)).json()["recoveryCodesLeft"] == 9


async def test_wrong_answers_use_up_the_challenge_and_lock_nobody_out(ann: Guarded) -> None:
    challenge = await ann.challenge()
    wrong = [(await ann.finish(challenge=challenge, code="000000")).status_code for _ in range(6)]
    assert wrong == [401] * 5 + [429]
    assert (await ann.finish(challenge=challenge, code=ann.code())).status_code == 429
    assert (await ann.finish(challenge=await ann.challenge(), code=ann.code())).status_code == 201


async def test_codes_are_guessed_so_often_alone_however_many_challenges_there_are(
    ann: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "CODES", Rate(6, 3600))
    for _ in range(2):
        challenge = await ann.challenge()
        assert [(await ann.finish(challenge=challenge, code="000000")).status_code for _ in range(2)] == [401] * 2
    wrong = await ann.client.post(PROOF, json={"code": "000000"}, headers=ann.headers)
    assert wrong.status_code == 422
    challenge = await ann.challenge()
    assert (await ann.finish(challenge=challenge, code=ann.code())).status_code == 201, "what is right is not counted"

    challenge = await ann.challenge()
    assert (await ann.finish(challenge=challenge, code="000000")).status_code == 401
    full = await ann.finish(challenge=challenge, code=ann.code())
    assert (full.status_code, int(full.headers["Retry-After"]) > 0) == (429, True)
    assert (await ann.client.post(PROOF, json={"code": ann.code()}, headers=ann.headers)).status_code == 429
    assert (await ann.finish(challenge=challenge, recoveryCode=ann.codes[0])).status_code == 201


async def test_a_code_confirms_no_secret_but_its_own(
    ann: Guarded, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One who signs in by a code, while its secret gives way to another that is only offered."""
    seal_now, challenge, code = Sealing.seal, await ann.challenge(), ann.code()
    work = database.unit_of_work()

    async def seal_late(sealing: Sealing) -> object:
        changed = "UPDATE accounts_totp SET secret = 'another', confirmed = false, last_step = 0"
        await work.run(lambda: work.fetch(changed, ()))
        return await seal_now(sealing)

    monkeypatch.setattr(Sealing, "seal", seal_late)
    assert (await ann.finish(challenge=challenge, code=code)).status_code == 401
    assert [row[0] for row in await database.reader().fetch("SELECT confirmed FROM accounts_totp", ())] == [False]


async def test_a_challenge_ends_by_time(ann: Guarded, database: Database) -> None:
    challenge = await ann.challenge()
    work = database.unit_of_work()
    await work.run(lambda: work.fetch("UPDATE accounts_challenge SET expires_at = now()", ()))
    assert (await ann.finish(challenge=challenge, code=ann.code())).json()["errors"].keys() == {"challenge"}
    await ann.challenge()
    assert len(await database.reader().fetch("SELECT FROM accounts_challenge", ())) == 1, "what is over is forgotten"


async def test_a_new_password_ends_sign_ins_that_are_under_way(ann: Guarded) -> None:
    challenge = await ann.challenge()
    assert (await ann.client.patch(ME, json={"password": "a new, long one"}, headers=ann.headers)).status_code == 200
    assert (await ann.finish(challenge=challenge, code=ann.code())).status_code == 401


@pytest.mark.parametrize(
    "given", [{}, {"code": "123456", "recoveryCode": "x"}, {"code": None}], ids=["none", "both", "null"]
)
async def test_an_answer_has_one_thing_to_say(ann: Guarded, given: dict) -> None:
    answer = await ann.finish(challenge="x", **given)
    assert (answer.status_code, answer.json()["violations"][0]["code"]) == (422, "one_of")


async def test_what_nobody_finished_is_cleared_away(ann: Guarded, database: Database, settings: Settings) -> None:
    await ann.challenge()
    await ann.client.post(f"{BASE}/passkeys/options")
    work = database.unit_of_work()
    await work.run(lambda: work.fetch("UPDATE accounts_challenge SET expires_at = now() WHERE user_id IS NULL", ()))
    assert (await asyncio.to_thread(CliRunner().invoke, clearsessions, obj=settings)).exit_code == 0
    assert len(await database.reader().fetch("SELECT FROM accounts_challenge", ())) == 1


async def test_whoever_asks_clears_a_few_away_and_waits_for_nobody(
    client: httpx.AsyncClient, database: Database
) -> None:
    work = database.unit_of_work()
    over = "INSERT INTO accounts_challenge (purpose, digest, expires_at) SELECT 'passkey', sha256(n::text::bytea),"
    over += " now() - make_interval(secs => n) FROM generate_series(1, 15) AS n"
    await work.run(lambda: work.fetch(over, ()))
    other = await asyncpg.connect(database.url)
    async with other.transaction():
        await other.execute("SELECT FROM accounts_challenge ORDER BY expires_at LIMIT 1 FOR UPDATE")
        async with asyncio.timeout(30):
            assert (await client.post(f"{BASE}/passkeys/options")).status_code == 200
    await other.close()
    left = await database.reader().fetch("SELECT expires_at > now() FROM accounts_challenge ORDER BY expires_at", ())
    assert [row[0] for row in left] == [False] * 5 + [True]

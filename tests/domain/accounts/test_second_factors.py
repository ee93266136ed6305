"""Second factors: codes by an app, recovery codes, what a sign-in asks then, and what wants a recent proof."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from itertools import cycle

import asyncpg
import httpx
import pyotp
import pytest
from click.testing import CliRunner
from litestar import Litestar

from app.domain.accounts import attempts, second_factors
from app.domain.accounts.factor_commands import second_factors_remove
from app.domain.accounts.models import User
from app.domain.accounts.token_commands import clearsessions
from app.domain.accounts.totp import recovery_digest, step_of
from app.platform.database.pools import Database
from app.platform.sealing import Sealing
from config.rates import Rate
from config.settings import Settings
from tests.conftest import Watched
from tests.domain.accounts.factories import PASSWORD, UserFactory

BASE = "/api/v1/accounts"
FACTORS, TOTP, PROOF, ME, TOKENS, SESSION = (
    f"{BASE}/{path}" for path in ("second-factors", "second-factors/totp", "proof", "me", "tokens", "session")
)
OURS = {"Sec-Fetch-Site": "same-origin"}


# With this time all codes are known before: none is 000000 or 123456, nor the same as another.
NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
SECRETS = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU"


class Clock(datetime):
    """Noon, and what is added to it."""

    ahead = timedelta()

    @classmethod
    def now(cls, tz: object = None) -> datetime:  # noqa: ARG003 - the standard library's
        return NOON + cls.ahead


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> type[Clock]:
    """The clock by which codes are judged, moved by hand, and the secrets that they are made of, in turns."""
    secrets = cycle(SECRETS)
    monkeypatch.setattr(second_factors, "new_secret", lambda: next(secrets))
    monkeypatch.setattr(second_factors, "datetime", Clock)
    monkeypatch.setattr(Clock, "ahead", timedelta())
    return Clock


@pytest.fixture
async def browser(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    """A client that keeps cookies, and says of each request that it comes from our own pages."""
    async with httpx.AsyncClient(transport=Watched(app), base_url="http://testserver", headers=OURS) as browser:
        yield browser


class Guarded:
    """Somebody who has set up codes by an app, and is signed in by a token."""

    def __init__(self, user: User, client: httpx.AsyncClient, clock: type[Clock]) -> None:
        self.user, self.client, self.clock = user, client, clock
        self.headers: dict[str, str] = {}
        self.secret = ""
        self.codes: list[str] = []

    async def enter(self, door: str = TOKENS) -> httpx.Response:
        return await self.client.post(door, json={"email": self.user.email, "password": PASSWORD}, headers=OURS)

    async def challenge(self) -> str:
        answer = await self.enter()
        assert answer.status_code == 202
        return answer.json()["challenge"]

    def code(self) -> str:
        """One that was never used: of a later time."""
        self.clock.ahead += timedelta(seconds=30)
        return pyotp.TOTP(self.secret).at(self.clock.now())

    async def finish(self, door: str = TOKENS, **given: str) -> httpx.Response:
        return await self.client.post(f"{door}/second-factor", json=given, headers=OURS)

    async def set_up(self) -> None:
        token = (await self.enter()).json()["token"]
        self.headers = {"Authorization": f"Bearer {token}"}
        offer = await self.client.post(TOTP, headers=self.headers)
        assert offer.status_code == 201
        self.secret = offer.json()["secret"]
        confirmed = await self.client.post(f"{TOTP}/confirmation", json={"code": self.code()}, headers=self.headers)
        assert confirmed.status_code == 201
        self.codes = confirmed.json()["recoveryCodes"]


@pytest.fixture
async def ann(client: httpx.AsyncClient, database: Database, clock: type[Clock]) -> Guarded:
    ann = Guarded(await UserFactory.saved(database, username="Ann", email="ann@example.com"), client, clock)
    await ann.set_up()
    return ann


@pytest.mark.parametrize(
    ("seconds", "is_taken"), [(-31, False), (-30, True), (0, True), (29, True), (59, True), (60, False)], ids=str
)
def test_a_code_is_good_for_a_step_before_and_behind(seconds: int, is_taken: bool) -> None:
    shown = pyotp.TOTP(SECRETS[0]).at(NOON)
    assert (step_of(SECRETS[0], shown, NOON + timedelta(seconds=seconds)) is not None) == is_taken


@pytest.mark.parametrize("code", ["", "12345", "1234567", "\u0661\u0662\u0663\u0664\u0665\u0666", "abc", "\ud800"])
def test_what_is_no_code_is_none(code: str) -> None:
    assert step_of(SECRETS[0], code, NOON) is None


async def test_setting_up_shows_secret_and_recovery_codes_once(ann: Guarded, database: Database) -> None:
    assert len(set(ann.codes)) == 10
    seen = (await ann.client.get(FACTORS, headers=ann.headers)).json()
    assert seen == {"totp": True, "passkeys": 0, "recoveryCodesLeft": 10}
    rows = await database.reader().fetch(
        "SELECT t::text, secret, (SELECT string_agg(c::text, '') FROM accounts_recovery_code c) FROM accounts_totp t",
        (),
    )
    assert ann.secret not in rows[0][0]
    assert ann.secret.encode() not in rows[0][1]
    assert not [code for code in ann.codes if code in rows[0][2] or code.replace("-", "") in rows[0][2]]
    assert (await ann.client.post(TOTP, headers=ann.headers)).json()["errors"] == {
        "totp": ["is set up already; remove it first"]
    }


async def test_an_offer_that_nobody_confirmed_asks_nothing(
    client: httpx.AsyncClient, database: Database, clock: type[Clock]
) -> None:
    bea = Guarded(await UserFactory.saved(database), client, clock)
    bea.headers = {"Authorization": f"Bearer {(await bea.enter()).json()['token']}"}
    first = (await client.post(TOTP, headers=bea.headers)).json()
    bea.secret = (await client.post(TOTP, headers=bea.headers)).json()["secret"]
    assert first["secret"] != bea.secret
    assert first["uri"].startswith("otpauth://totp/localhost:user-")
    assert (await bea.enter()).status_code == 201
    stale = pyotp.TOTP(first["secret"]).at(clock.now())
    answer = await client.post(f"{TOTP}/confirmation", json={"code": stale}, headers=bea.headers)
    assert (answer.status_code, answer.json()["violations"][0]["code"]) == (422, "wrong")
    assert (await bea.enter()).status_code == 201


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
    ann: Guarded, database: Database, app: Litestar, monkeypatch: pytest.MonkeyPatch
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


async def test_the_last_second_factor_takes_the_recovery_codes_with_it(ann: Guarded, database: Database) -> None:
    assert (await ann.client.delete(TOTP, headers=ann.headers)).status_code == 204
    assert (await ann.client.delete(TOTP, headers=ann.headers)).status_code == 404
    assert (await ann.enter()).status_code == 201
    assert not await database.reader().fetch("SELECT FROM accounts_recovery_code", ())
    assert (await ann.client.post(f"{FACTORS}/recovery-codes", headers=ann.headers)).status_code == 409


async def test_an_admin_lets_in_who_has_lost_everything(ann: Guarded, database: Database, settings: Settings) -> None:
    done = await asyncio.to_thread(CliRunner().invoke, second_factors_remove, ["ANN"], obj=settings)
    assert (done.exit_code, done.stdout.partition(" ")[0]) == (0, "ANN")
    assert not await database.reader().fetch("SELECT FROM accounts_token", ())
    assert (await ann.enter()).status_code == 201
    left = "SELECT FROM accounts_recovery_code UNION ALL SELECT FROM accounts_totp"
    assert not await database.reader().fetch(left, ())
    unknown = await asyncio.to_thread(CliRunner().invoke, second_factors_remove, ["bea"], obj=settings)
    assert (unknown.exit_code, unknown.stderr) == (1, "Error: user: not found\n")


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


async def test_new_recovery_codes_replace_the_old(ann: Guarded) -> None:
    answer = await ann.client.post(f"{FACTORS}/recovery-codes", headers=ann.headers)
    assert (answer.status_code, len(answer.json()["recoveryCodes"])) == (201, 10)
    challenge = await ann.challenge()
    assert (await ann.finish(challenge=challenge, recoveryCode=ann.codes[0])).status_code == 401
    fresh = answer.json()["recoveryCodes"][0].replace("-", " ")
    assert (await ann.finish(challenge=challenge, recoveryCode=fresh)).status_code == 201


def test_how_a_recovery_code_is_written_does_not_count() -> None:
    assert recovery_digest("abcd-efgh") == recovery_digest(" ABCD EFGH\n")


# Recent proof


async def grow_stale(database: Database) -> None:
    """All proofs are of long ago."""
    work = database.unit_of_work()
    await work.run(lambda: work.fetch("UPDATE accounts_token SET proved_at = now() - interval '15 minutes'", ()))


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is known for a second."""
    monkeypatch.setattr("app.platform.security.KNOWN_SECONDS", 0.0)


SENSITIVE = [
    ("POST", TOTP, None),
    ("POST", f"{TOTP}/confirmation", {"code": "123456"}),
    ("DELETE", TOTP, None),
    ("POST", f"{FACTORS}/recovery-codes", None),
    ("POST", f"{TOKENS}/named", {"name": "x"}),
    ("PATCH", ME, {"password": "a new, long one"}),
    ("POST", f"{BASE}/links/change", {"email": "new@example.com", "password": PASSWORD}),
    ("POST", f"{ME}/deletion", {"password": PASSWORD}),
]


@pytest.mark.usefixtures("forgetful")
@pytest.mark.parametrize(("method", "path", "body"), SENSITIVE, ids=str)
async def test_what_endangers_an_account_wants_a_recent_proof(
    ann: Guarded, database: Database, method: str, path: str, body: dict | None
) -> None:
    await grow_stale(database)
    answer = await ann.client.request(method, path, json=body, headers=ann.headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "proof_needed")
    assert "POST /api/v1/accounts/proof" in answer.json()["detail"]
    assert (await ann.client.post(PROOF, json={"code": ann.code()}, headers=ann.headers)).status_code == 200
    assert (await ann.client.request(method, path, json=body, headers=ann.headers)).status_code != 403


@pytest.mark.usefixtures("forgetful")
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", ME, {"bio": "b"}),
        ("POST", f"{TOKENS}/named", {"name": "x", "scopes": ["signed_in"]}),
        ("GET", ME, None),
    ],
    ids=str,
)
async def test_what_endangers_nothing_wants_none(
    ann: Guarded, database: Database, method: str, path: str, body: dict | None
) -> None:
    await grow_stale(database)
    assert (await ann.client.request(method, path, json=body, headers=ann.headers)).is_success


@pytest.mark.usefixtures("forgetful")
async def test_without_a_second_factor_only_setting_one_up_wants_a_proof(
    client: httpx.AsyncClient, sign_in: Callable
) -> None:
    me = await sign_in()  # by a token that proved nothing
    assert (await client.post(TOTP, auth=me)).json()["code"] == "proof_needed"
    assert (await client.post(f"{TOKENS}/named", json={"name": "x"}, auth=me)).status_code == 201
    assert (await client.patch(ME, json={"password": "a new, long one"}, auth=me)).status_code == 200


@pytest.mark.parametrize(
    ("given", "field"),
    [({"password": "not hers at all"}, "password"), ({"code": "000000"}, "code"), ({}, "body")],
    ids=["password", "code", "nothing"],
)
async def test_a_wrong_proof_is_none(ann: Guarded, database: Database, given: dict, field: str) -> None:
    await grow_stale(database)
    answer = await ann.client.post(PROOF, json=given, headers=ann.headers)
    assert (answer.status_code, answer.json()["errors"].keys()) == (422, {field})
    [row] = await database.reader().fetch("SELECT proved_at > now() - interval '1 minute' FROM accounts_token", ())
    assert not row[0]


async def test_proofs_are_tried_a_few_times_only(ann: Guarded) -> None:
    statuses = [
        (await ann.client.post(PROOF, json={"code": "000000"}, headers=ann.headers)).status_code for _ in range(10)
    ]
    assert statuses == [422] * 9 + [429], "one was taken to confirm the secret"
    assert (await ann.client.get(ME, headers=ann.headers)).status_code == 200
    assert (await ann.finish(challenge=await ann.challenge(), code=ann.code())).status_code == 201


async def test_a_session_goes_on_under_a_new_cookie_after_a_proof(ann: Guarded, browser: httpx.AsyncClient) -> None:
    asked = (await browser.post(SESSION, json={"email": "Ann", "password": PASSWORD})).json()
    given = {"challenge": asked["challenge"], "code": ann.code()}
    assert (await browser.post(f"{SESSION}/second-factor", json=given)).status_code == 201
    before = browser.cookies["session"]

    answer = await browser.post(PROOF, json={"password": PASSWORD})

    assert (answer.status_code, answer.json().keys()) == (200, {"expiresAt"})
    after = browser.cookies["session"]
    assert before != after
    assert after.removeprefix("lhs_") not in answer.text
    assert (await browser.get(ME)).status_code == 200
    browser.cookies.clear()
    assert (await browser.get(ME, headers={"Cookie": f"session={before}"})).status_code == 401


async def test_a_token_stays_what_it_is_after_a_proof(ann: Guarded) -> None:
    answer = await ann.client.post(PROOF, json={"password": PASSWORD}, headers=ann.headers)
    assert "set-cookie" not in answer.headers
    assert (await ann.client.get(ME, headers=ann.headers)).status_code == 200


async def test_a_recent_proof_costs_no_statement(ann: Guarded, statements: Callable) -> None:
    with statements() as sent:
        answer = await ann.client.post(f"{TOTP}/confirmation", json={"code": "1"}, headers={})
    assert (answer.status_code, sent) == (401, [])
    with statements() as sent:
        await ann.client.post(f"{TOKENS}/named", json={"name": " "}, headers=ann.headers)
    assert len(sent) <= 1

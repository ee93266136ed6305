"""Codes by an app and recovery codes: how they are set up, read, renewed and taken away."""

import asyncio
from datetime import timedelta

import httpx
import pyotp
import pytest
from click.testing import CliRunner

from app.domain.accounts.factor_commands import second_factors_remove
from app.domain.accounts.totp import recovery_digest, step_of
from app.platform.database.pools import Database
from config.settings import Settings
from tests.domain.accounts.factories import UserFactory
from tests.domain.accounts.second_factors.guarded import FACTORS, NOON, SECRETS, TOTP, Clock, Guarded


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


async def test_new_recovery_codes_replace_the_old(ann: Guarded) -> None:
    answer = await ann.client.post(f"{FACTORS}/recovery-codes", headers=ann.headers)
    assert (answer.status_code, len(answer.json()["recoveryCodes"])) == (201, 10)
    challenge = await ann.challenge()
    assert (await ann.finish(challenge=challenge, recoveryCode=ann.codes[0])).status_code == 401
    fresh = answer.json()["recoveryCodes"][0].replace("-", " ")
    assert (await ann.finish(challenge=challenge, recoveryCode=fresh)).status_code == 201


def test_how_a_recovery_code_is_written_does_not_count() -> None:
    assert recovery_digest("abcd-efgh") == recovery_digest(" ABCD EFGH\n")

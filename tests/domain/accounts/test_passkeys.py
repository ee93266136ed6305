"""Passkeys: registered, and taken for a sign-in, a second factor and a proof; nothing else passes for one."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest

from app.domain.accounts.models import User
from app.main import create_app
from app.platform.database.pools import Database
from config.settings import load
from tests.domain.accounts.authenticator import Authenticator
from tests.domain.accounts.doors import BASE, OURS, PROOF, SESSION, TOKENS
from tests.domain.accounts.factories import PASSWORD, TokenFactory, UserFactory

PASSKEYS = f"{BASE}/passkeys"


class Holder:
    """Somebody with a passkey, who is signed in by a token."""

    def __init__(self, client: httpx.AsyncClient, user: User, token: str) -> None:
        self.client, self.user = client, user
        self.headers = {"Authorization": f"Bearer {token}"}
        self.passkey = Authenticator()

    async def offer(self) -> dict:
        answer = await self.client.post(f"{PASSKEYS}/registration", headers=self.headers)
        assert answer.status_code == 200, answer.text
        return answer.json()["publicKey"]

    async def register(self, credential: dict, name: str = "My telephone") -> httpx.Response:
        body = {"name": name, "credential": credential}
        return await self.client.post(PASSKEYS, json=body, headers=self.headers)

    async def options(self) -> dict:
        return (await self.client.post(f"{PASSKEYS}/options")).json()["publicKey"]

    async def sign_in(self, credential: dict, door: str = TOKENS) -> httpx.Response:
        return await self.client.post(f"{door}/passkey", json={"credential": credential}, headers=OURS)

    async def enter(self) -> httpx.Response:
        return await self.client.post(TOKENS, json={"email": self.user.email, "password": PASSWORD})


async def somebody(client: httpx.AsyncClient, database: Database) -> Holder:
    user = await UserFactory.saved(database)
    return Holder(client, user, await TokenFactory.clear_for(database, user, proved_at=datetime.now(UTC)))


@pytest.fixture
async def bea(client: httpx.AsyncClient, database: Database) -> Holder:
    """Somebody who has none yet."""
    return await somebody(client, database)


@pytest.fixture
async def ann(client: httpx.AsyncClient, database: Database) -> Holder:
    ann = await somebody(client, database)
    answer = await ann.register(ann.passkey.create(await ann.offer()))
    assert answer.status_code == 201, answer.text
    assert len(answer.json()["recoveryCodes"]) == 10
    return ann


async def test_what_a_browser_is_asked_for(bea: Holder) -> None:
    offer = await bea.offer()
    assert offer["rp"]["id"] == "localhost"
    assert offer["user"]["name"] == bea.user.username
    assert offer["authenticatorSelection"]["residentKey"] == "required"
    assert offer["authenticatorSelection"]["userVerification"] == "required"
    asked = await bea.options()
    assert (asked["rpId"], asked["userVerification"], asked["allowCredentials"]) == ("localhost", "required", [])
    assert asked["challenge"] != (await bea.options())["challenge"]


async def test_passkeys_are_listed_and_not_made_twice(ann: Holder) -> None:
    [listed] = (await ann.client.get(PASSKEYS, headers=ann.headers)).json()
    assert (listed["name"], listed["lastUsedAt"]) == ("My telephone", None)
    offer = await ann.offer()
    assert [one["transports"] for one in offer["excludeCredentials"]] == [["internal"]]
    assert (await ann.register(ann.passkey.create(offer))).status_code == 409
    other = await ann.register(Authenticator().create(await ann.offer()), name=" Key ")
    assert (other.status_code, other.json()["recoveryCodes"]) == (201, None), "those of before stay good"


@pytest.mark.parametrize("door", [TOKENS, SESSION], ids=["token", "session"])
async def test_one_signs_in_by_a_passkey_alone(ann: Holder, door: str) -> None:
    answer = await ann.sign_in(ann.passkey.get(await ann.options()), door)
    assert (answer.status_code, answer.json()["user"]["username"]) == (201, ann.user.username)
    assert ("set-cookie" in answer.headers) == (door == SESSION)
    [listed] = (await ann.client.get(PASSKEYS, headers=ann.headers)).json()
    assert listed["lastUsedAt"] is not None


async def test_a_browser_that_signs_in_again_leaves_no_session_behind(ann: Holder, database: Database) -> None:
    first = (await ann.sign_in(ann.passkey.get(await ann.options()), SESSION)).headers["set-cookie"].partition(";")[0]
    ann.client.cookies.clear()
    again = {"credential": ann.passkey.get(await ann.options())}
    answer = await ann.client.post(f"{SESSION}/passkey", json=again, headers=OURS | {"Cookie": first})
    assert answer.status_code == 201
    assert len(await database.reader().fetch("SELECT FROM accounts_token WHERE is_session", ())) == 1


async def test_an_answer_is_good_once(ann: Holder) -> None:
    credential = ann.passkey.get(await ann.options())
    async with asyncio.TaskGroup() as group:
        tries = [group.create_task(ann.sign_in(credential)) for _ in range(4)]
    assert sorted(one.result().status_code for one in tries) == [201, 401, 401, 401]


async def test_a_passkey_whose_count_goes_back_is_a_copy(ann: Holder) -> None:
    copy = replace(ann.passkey)
    for _ in range(2):
        assert (await ann.sign_in(ann.passkey.get(await ann.options()))).status_code == 201
    assert (await ann.sign_in(copy.get(await ann.options()))).status_code == 401
    assert (await ann.sign_in(ann.passkey.get(await ann.options()))).status_code == 201


def broken(credential: dict, **changed: object) -> dict:
    return credential | {"response": credential["response"] | changed}


@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(lambda key, asked: key.get(asked, origin="https://evil.example"), id="another origin"),
        pytest.param(lambda key, asked: key.get(asked, origin="http://localhost:8001"), id="another port"),
        pytest.param(lambda key, asked: key.get(asked | {"rpId": "evil.example"}), id="another site"),
        pytest.param(lambda key, asked: key.get(asked, verified=False), id="nobody was looked at"),
        pytest.param(lambda key, asked: key.get(asked | {"challenge": "AAAA"}), id="never asked"),
        pytest.param(lambda key, asked: replace(key, key=Authenticator().key).get(asked), id="another key"),
        pytest.param(lambda key, asked: replace(key, id=b"unknown").get(asked), id="unknown"),
        pytest.param(lambda key, asked: replace(key, handle=b"somebody else").get(asked), id="another's"),
        pytest.param(lambda key, asked: broken(key.get(asked), signature="AAAA"), id="no signature"),
        pytest.param(lambda key, asked: broken(key.get(asked), authenticatorData="AAAA"), id="no data"),
        pytest.param(lambda key, asked: broken(key.get(asked), clientDataJSON="AAAA"), id="no client"),
        pytest.param(lambda key, asked: broken(key.get(asked), clientDataJSON="\u00e4"), id="no base64"),
        pytest.param(lambda key, asked: key.get(asked) | {"id": "A"}, id="no id"),
    ],
)
async def test_what_is_no_answer_is_refused(ann: Holder, forge: Callable) -> None:
    answer = await ann.sign_in(forge(ann.passkey, await ann.options()))
    assert (answer.status_code, answer.json()["errors"].keys()) == (401, {"passkey"})


@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(lambda key, offer: key.create(offer, origin="https://evil.example"), id="another origin"),
        pytest.param(lambda key, offer: key.create(offer, verified=False), id="nobody was looked at"),
        pytest.param(lambda key, offer: key.create(offer | {"challenge": "AAAA"}), id="never offered"),
        pytest.param(lambda key, offer: broken(key.create(offer), attestationObject="AAAA"), id="no attestation"),
        pytest.param(lambda key, offer: broken(key.create(offer), clientDataJSON="\ufffd"), id="no client"),
    ],
)
async def test_what_is_no_passkey_is_not_registered(bea: Holder, forge: Callable) -> None:
    answer = await bea.register(forge(bea.passkey, await bea.offer()))
    assert (answer.status_code, answer.json()["errors"].keys()) == (422, {"passkey"})
    assert (await bea.enter()).status_code == 201


async def test_an_offer_is_its_owner_s_and_ends_by_time(ann: Holder, bea: Holder, database: Database) -> None:
    offer = await ann.offer()
    assert (await bea.register(bea.passkey.create(offer))).status_code == 422
    offer = await bea.offer()
    work = database.unit_of_work()
    await work.run(lambda: work.fetch("UPDATE accounts_challenge SET expires_at = now()", ()))
    assert (await bea.register(bea.passkey.create(offer))).status_code == 422


async def test_an_answer_to_one_question_answers_no_other(ann: Holder) -> None:
    to_sign_in = ann.passkey.get(await ann.options())
    assert (await ann.client.post(PROOF, json={"passkey": to_sign_in}, headers=ann.headers)).status_code == 422
    proof = (await ann.client.post(f"{PROOF}/passkey-options", headers=ann.headers)).json()["publicKey"]
    assert (await ann.sign_in(ann.passkey.get(proof))).status_code == 401


async def test_a_sign_in_by_password_asks_for_the_passkey(ann: Holder) -> None:
    asked = (await ann.enter()).json()
    assert asked["ways"] == ["recoveryCode", "passkey"]
    ticket = {"challenge": asked["challenge"]}
    options = (await ann.client.post(f"{BASE}/second-factor/passkey-options", json=ticket)).json()["publicKey"]
    assert [one["type"] for one in options["allowCredentials"]] == ["public-key"]
    stranger = Authenticator(handle=ann.passkey.handle).get(options)
    refused = await ann.client.post(f"{TOKENS}/second-factor", json=ticket | {"passkey": stranger})
    assert (refused.status_code, refused.json()["errors"].keys()) == (401, {"passkey"})

    answer = ann.passkey.get(options, verified=False)  # the password has said who it is
    done = await ann.client.post(f"{TOKENS}/second-factor", json=ticket | {"passkey": answer})
    assert (done.status_code, done.json()["user"]["username"]) == (201, ann.user.username)


async def test_another_s_passkey_is_no_second_factor(ann: Holder, bea: Holder) -> None:
    assert (await bea.register(bea.passkey.create(await bea.offer()))).status_code == 201
    ticket = {"challenge": (await ann.enter()).json()["challenge"]}
    options = (await ann.client.post(f"{BASE}/second-factor/passkey-options", json=ticket)).json()["publicKey"]
    answer = await ann.client.post(f"{TOKENS}/second-factor", json=ticket | {"passkey": bea.passkey.get(options)})
    assert answer.status_code == 401


async def test_who_has_no_challenge_is_told_of_no_passkey(ann: Holder) -> None:
    answer = await ann.client.post(f"{BASE}/second-factor/passkey-options", json={"challenge": "x"})
    assert (answer.status_code, answer.json()["errors"].keys()) == (401, {"challenge"})


async def test_a_passkey_is_a_proof(ann: Holder, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.platform.security.KNOWN_SECONDS", 0.0)
    work = database.unit_of_work()
    await work.run(lambda: work.fetch("UPDATE accounts_token SET proved_at = NULL", ()))
    refused = await ann.client.post(f"{PASSKEYS}/registration", headers=ann.headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "proof_needed")
    options = (await ann.client.post(f"{PROOF}/passkey-options", headers=ann.headers)).json()["publicKey"]
    proof = await ann.client.post(PROOF, json={"passkey": ann.passkey.get(options)}, headers=ann.headers)
    assert proof.status_code == 200
    assert (await ann.client.post(f"{PASSKEYS}/registration", headers=ann.headers)).status_code == 200


async def test_the_last_passkey_takes_the_recovery_codes_with_it(ann: Holder, bea: Holder) -> None:
    [listed] = (await ann.client.get(PASSKEYS, headers=ann.headers)).json()
    path = f"{PASSKEYS}/{listed['id']}"
    bea.headers, mine = ann.headers, bea.headers
    assert (await ann.client.delete(path, headers=mine)).status_code == 404, "another's is as good as none"
    assert (await ann.client.delete(path, headers=ann.headers)).status_code == 204
    assert (await ann.enter()).status_code == 201
    assert (await ann.sign_in(ann.passkey.get(await ann.options()))).status_code == 401


async def test_who_is_no_longer_active_has_no_way_in(ann: Holder, database: Database) -> None:
    work = database.unit_of_work()
    await work.run(lambda: work.fetch("UPDATE accounts_user SET is_active = false", ()))
    assert (await ann.sign_in(ann.passkey.get(await ann.options()))).status_code == 401


async def test_a_site_without_an_address_has_no_passkeys(database_url: str) -> None:
    environ = {"DATABASE_URL": database_url, "LITEHOUSE_ENVIRONMENT": "production"}
    app = create_app(load(None, environ))
    async with app.lifespan(), httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client:
        answer = await client.post(f"{PASSKEYS}/options")
    assert (answer.status_code, "LITEHOUSE_BASE_URL" in answer.json()["detail"]) == (503, True)

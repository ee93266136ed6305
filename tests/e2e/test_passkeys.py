"""A passkey in a real browser: made by its own authenticator, and taken for a sign-in, with nothing typed."""

from typing import Any

import pytest
from playwright.async_api import Browser, Page

from tests.e2e.running import Running

pytestmark = pytest.mark.browser

PASSWORD = "correct horse battery staple"
CALL = """
async ([method, path, body]) => {
  const answer = await fetch("/api/v1/accounts" + path, {
    method, headers: {"Content-Type": "application/json"}, body: body === null ? undefined : JSON.stringify(body)});
  const text = await answer.text();
  return [answer.status, text ? JSON.parse(text) : null];
}
"""
CREATE = """
async (options) => {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  return (await navigator.credentials.create({publicKey})).toJSON();
}
"""
GET = """
async (options) => {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  return (await navigator.credentials.get({publicKey})).toJSON();
}
"""
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


async def call(page: Page, method: str, path: str, body: object = None) -> tuple[int, Any]:
    """What a page of ours is answered; cookies go along by themselves."""
    return tuple(await page.evaluate(CALL, [method, path, body]))


@pytest.mark.long(15)
async def test_one_registers_a_passkey_and_signs_in_by_it(chromium: Browser, server: Running):
    person = {"username": "ann.smith", "email": "ann@example.com", "password": PASSWORD}
    server.post("/api/v1/accounts/users", person).raise_for_status()
    context = await chromium.new_context()
    page = await context.new_page()
    devtools = await context.new_cdp_session(page)
    await devtools.send("WebAuthn.enable")
    await devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    await page.goto(server.origin.replace("127.0.0.1", "localhost") + "/docs")

    login = {"email": "ann.smith", "password": PASSWORD}
    assert (await call(page, "POST", "/session", login))[0] == 201
    [cookie] = await context.cookies()
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"], cookie["secure"]) == ("session", True, "Lax", False)
    assert cookie["value"] not in await page.evaluate("document.cookie")

    status, offer = await call(page, "POST", "/passkeys/registration")
    assert status == 200
    credential = await page.evaluate(CREATE, offer["publicKey"])
    status, made = await call(page, "POST", "/passkeys", {"name": "My telephone", "credential": credential})
    assert (status, len(made["recoveryCodes"])) == (201, 10)

    _, proof = await call(page, "POST", "/proof/passkey-options")
    credential = await page.evaluate(GET, proof["publicKey"])
    assert (await call(page, "POST", "/proof", {"passkey": credential}))[0] == 200
    [renewed] = await context.cookies()
    assert renewed["value"] != cookie["value"]

    assert (await call(page, "DELETE", "/session"))[0] == 204
    assert await context.cookies() == []
    status, asked = await call(page, "POST", "/session", login)
    assert (status, asked["ways"]) == (202, ["recoveryCode", "passkey"])
    ticket = {"challenge": asked["challenge"]}
    _, options = await call(page, "POST", "/second-factor/passkey-options", ticket)
    credential = await page.evaluate(GET, options["publicKey"])
    assert (await call(page, "POST", "/session/second-factor", ticket | {"passkey": credential}))[0] == 201

    assert (await call(page, "DELETE", "/session"))[0] == 204
    _, options = await call(page, "POST", "/passkeys/options")
    credential = await page.evaluate(GET, options["publicKey"])
    status, session = await call(page, "POST", "/session/passkey", {"credential": credential})
    assert (status, session["user"]["username"]) == (201, "ann.smith")
    assert (await call(page, "GET", "/me"))[1]["username"] == "ann.smith"
    await context.close()

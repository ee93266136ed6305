// Signs in by the accounts' own doors, as any client would: JSON to /api/v1/accounts, which sets the session's cookie.
"use strict";

const first = document.getElementById("password-form");
const second = document.getElementById("factor-form");
const passkey = document.getElementById("passkey");
const refusal = document.getElementById("refusal");
let challenge = "";

// Why the server refuses, in the language of the page; what it says itself is for programs.
async function call(path, body, wrong) {
  const answer = await fetch("/api/v1/accounts" + path, {
    method: "POST",
    headers: {"Content-Type": "application/json", "Accept": "application/json"},
    body: JSON.stringify(body),
  }).catch(() => ({ok: false, status: 503}));
  if (answer.ok) return [answer.status, await answer.json()];
  const known = {401: wrong, 422: wrong, 429: refusal.dataset.tooMany, 503: refusal.dataset.noAnswer};
  throw new Error(known[answer.status] || (await answer.json()).detail);
}

function goOn() {
  location.assign(first.dataset.home);
}

// What is refused is said, and heard by who does not see it.
function trying(form, work) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    refusal.textContent = "";
    const button = form.querySelector("button[type=submit]");
    button.disabled = true;
    try {
      await work(new FormData(form));
    } catch (error) {
      refusal.textContent = error.message;
      refusal.focus();
    } finally {
      button.disabled = false;
    }
  });
}

async function byPasskey(challenge) {
  const wrong = refusal.dataset.noPasskey;
  const [, offer] = await call("/second-factor/passkey-options", {challenge}, wrong);
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(offer.publicKey);
  const credential = await navigator.credentials.get({publicKey}).catch(() => { throw new Error(wrong); });
  await call("/session/second-factor", {challenge, passkey: credential.toJSON()}, wrong);
  goOn();
}

trying(first, async (form) => {
  const given = {email: form.get("email"), password: form.get("password")};
  const [status, told] = await call("/session", given, refusal.dataset.wrong);
  if (status !== 202) return goOn();
  challenge = told.challenge;
  first.hidden = true;
  second.hidden = false;
  passkey.hidden = !told.ways.includes("passkey");
  document.getElementById("code").focus();
});

trying(second, async (form) => {
  const code = form.get("code").trim();
  const answer = /^[0-9]{6}$/.test(code) ? {challenge, code} : {challenge, recoveryCode: code};
  await call("/session/second-factor", answer, refusal.dataset.wrongCode);
  goOn();
});

passkey.addEventListener("click", () => {
  refusal.textContent = "";
  byPasskey(challenge).catch((error) => {
    refusal.textContent = error.message;
    refusal.focus();
  });
});

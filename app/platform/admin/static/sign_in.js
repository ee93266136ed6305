// Signs in by the accounts' own doors, as any client would: JSON to /api/v1/accounts, which sets the session's cookie.
"use strict";

const first = document.getElementById("password-form");
const second = document.getElementById("factor-form");
const passkey = document.getElementById("passkey");
const refusal = document.getElementById("refusal");
let challenge = "";

async function call(path, body) {
  const answer = await fetch("/api/v1/accounts" + path, {
    method: "POST",
    headers: {"Content-Type": "application/json", "Accept": "application/json"},
    body: JSON.stringify(body),
  });
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.detail || told.title);
  return [answer.status, told];
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
  const [, offer] = await call("/second-factor/passkey-options", {challenge});
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(offer.publicKey);
  const credential = await navigator.credentials.get({publicKey});
  await call("/session/second-factor", {challenge, passkey: credential.toJSON()});
  goOn();
}

trying(first, async (form) => {
  const [status, told] = await call("/session", {email: form.get("email"), password: form.get("password")});
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
  await call("/session/second-factor", answer);
  goOn();
});

passkey.addEventListener("click", () => {
  refusal.textContent = "";
  byPasskey(challenge).catch((error) => {
    refusal.textContent = error.message;
    refusal.focus();
  });
});

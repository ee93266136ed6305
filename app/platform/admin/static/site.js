// On every page of the site: signing out ends the accounts' own session, which no form of the site can.
"use strict";

document.addEventListener("submit", async (event) => {
  if (event.target.id !== "sign-out-form") return;
  event.preventDefault();
  await fetch("/api/v1/accounts/session", {method: "DELETE"});
  location.assign(event.target.action.replace(/logout$/, "login"));
});

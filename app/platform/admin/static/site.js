// On every page of the site: signing out, and what the keyboard needs besides what adminsite brings.
"use strict";

// A page without a picture of its own has the browser ask the house for one.
document.head.append(Object.assign(document.createElement("link"), {
  rel: "icon", type: "image/svg+xml", href: new URL("icon.svg", document.currentScript.src).href,
}));

// Signing out ends the accounts' own session, which no form of the site can.
document.addEventListener("submit", async (event) => {
  if (event.target.id !== "sign-out-form") return;
  event.preventDefault();
  await fetch("/api/v1/accounts/session", {method: "DELETE"});
  location.assign(event.target.action.replace(/logout$/, "login"));
});

// Menus open where their button has the focus. Escape closes one, with the focus on its button; Enter opens it again.
document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.(".dropdown");
  const button = menu?.querySelector("[role=button]");
  if (!button || menu.querySelector("[popover]:popover-open")) return;
  if (event.key === "Escape") {
    button.focus();
    menu.classList.add("dropdown-close");
  } else if (event.target === button && ["Enter", " ", "ArrowDown"].includes(event.key)) {
    event.preventDefault();
    menu.classList.remove("dropdown-close");
    menu.querySelector(".dropdown-content").querySelector("a, button, input")?.focus();
  }
});
document.addEventListener("focusout", (event) => {
  const menu = event.target.closest?.(".dropdown");
  if (menu && !menu.contains(event.relatedTarget)) menu.classList.remove("dropdown-close");
});
document.addEventListener("pointerdown", (event) => {
  event.target.closest?.(".dropdown")?.classList.remove("dropdown-close");
});

// On a phone the menu of pages is a drawer: whoever opens it by keyboard is led into it, and out again by Escape.
const drawer = document.getElementById("navigation");
drawer?.addEventListener("change", () => {
  if (drawer.checked) document.querySelector("#sidebar-links a").focus();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target === drawer) drawer.click();
  if (event.key !== "Escape" || !drawer?.checked) return;
  drawer.checked = false;
  drawer.focus();
});

// What scrolls and holds nothing to focus is scrolled by keyboard only where it can have the focus itself.
function letScroll() {
  for (const area of document.querySelectorAll("main .overflow-auto")) {
    const holds = area.querySelector("a[href], button, input:not([type=hidden]), select, textarea, [tabindex]");
    if (holds) area.removeAttribute("tabindex");
    else area.tabIndex = 0;
  }
}
letScroll();
document.addEventListener("htmx:afterSwap", letScroll);

// Who is asked whether something is to be deleted is told what goes along: it is asked for when the dialog opens.
async function tellWhatGoes(dialog) {
  const form = dialog.querySelector("form"), address = new URL(form.action);
  const list = dialog.id === "action-delete" && document.getElementById("records-actions");
  for (const box of list ? list.querySelectorAll("input[name=keys]:checked") : []) {
    address.searchParams.append("keys", box.value);
  }
  if (list) address.searchParams.set("everything", list.elements.everything.value);
  const part = dialog.querySelector("[data-goes]") ?? document.createElement("div");
  part.dataset.goes = "";
  part.setAttribute("aria-live", "polite");
  part.replaceChildren();
  form.querySelector(".modal-action").before(part);
  const answer = await fetch(address);
  if (answer.ok && !answer.redirected) part.innerHTML = await answer.text();
}
new MutationObserver((changes) => {
  for (const {target} of changes) {
    if (target.open && ["confirm-delete", "action-delete"].includes(target.id)) tellWhatGoes(target);
  }
}).observe(document.body, {subtree: true, attributeFilter: ["open"]});

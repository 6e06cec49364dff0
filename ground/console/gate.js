// The operator's token: from the address, from this tab's memory, or asked for.

import { clear, h } from "./dom.js";

const KEY = "dawnline-token";

/** Return the token that the address or this tab holds, and take it out of the address bar. */
export function findToken() {
  const found = /^#token=(.+)$/.exec(location.hash);
  if (found) {
    sessionStorage.setItem(KEY, decodeURIComponent(found[1]));
    history.replaceState(null, "", `${location.pathname}#/`);
  }
  return sessionStorage.getItem(KEY) ?? "";
}

/** Forget the token. */
export function forgetToken() {
  sessionStorage.removeItem(KEY);
}

/** Ask for the token in `root`; calls `entered` with it. */
export function askToken(root, why, entered) {
  clear(root);
  const input = h("input", { id: "token", type: "password", required: true, autocomplete: "off", spellcheck: "false" });
  const form = h("form.gate.panel", {}, h("h1", { text: "Open the console" }), h("p.advice", { text: why }),
    h("label.field", { for: "token" }, h("span", { text: "access token" }), input),
    h("div.actions", {}, h("button.button.primary", { type: "submit", text: "Open" })),
    h("p.soft", { text: "dawnline up prints the console's address with the token in it. The token stays in this tab." }));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    sessionStorage.setItem(KEY, input.value.trim());
    entered(input.value.trim());
  });
  root.append(form);
  input.focus();
}

// Every operation as a form, made from the description of the API.

import { asCurl, asFetch, config, description, failure, send, state } from "./api.js";
import { coded, copyButton, field, fill, h, note, said, say } from "./dom.js";
import { drawAnswer } from "./answer.js";
import { operations, resolved } from "./operations.js";
import { m, t } from "./strings.js";

/** How browsers fill in a field. */
const AUTOCOMPLETE = { email: "username", username: "username", password: "current-password",
  current_password: "current-password", new_password: "new-password", code: "one-time-code", name: "name" };
/** Fields whose value is not shown. */
const SECRETS = ["password", "current_password", "new_password"];

export async function draw(/** @type {HTMLElement} */ main, /** @type {string[]} */ [wanted]) {
  const [document, known] = await Promise.all([description(), config()]);
  const all = operations(document);
  const chosen = all.find((operation) => operation.id === wanted) ?? all.find((operation) => operation.id === "login") ?? all[0];
  const list = h("ul", { class: "list" });
  const filter = field({ label: t("Find an operation"), type: "search" });
  const narrow = () => {
    const words = filter.input.value.toLowerCase();
    const found = all.filter(({ id, path, summary }) => `${id} ${path} ${summary}`.toLowerCase().includes(words));
    fill(list, found.map((operation) => h("li", null, h("a",
      { href: `#/try/${operation.id}`, "aria-current": operation === chosen ? "true" : null },
      said(operation.summary), h("br"), h("span", { class: "method" }, `${operation.method} ${operation.path}`)))));
  };
  filter.input.addEventListener("input", narrow);
  narrow();
  const form = h("div");
  fill(main, h("h1", null, t("Try it")), h("div", { class: "split" },
    h("div", null, filter.element, h("nav", { class: "long", "aria-label": t("Operations") }, list)), form));
  drawForm(form, chosen, document, known);
}

/** The form of an operation, and the place of its answer. */
function drawForm(/** @type {HTMLElement} */ place, /** @type {any} */ operation, /** @type {any} */ document, /** @type {any} */ known) {
  const fields = [...parameters(operation, ["path", "query"]), ...bodyFields(operation, document, known), ...credentials(operation), ...parameters(operation, ["header"])];
  const answer = h("div", { "aria-live": "off" });
  const withSecrets = /** @type {HTMLInputElement} */ (h("input", { type: "checkbox", id: "with-secrets" }));
  const forWindows = /** @type {HTMLInputElement} */ (h("input", { type: "checkbox", id: "for-windows" }));
  const call = () => callOf(operation, fields);
  const sendButton = /** @type {HTMLButtonElement} */ (h("button", { type: "submit", class: "main" }, t("Send")));
  const stopButton = h("button", { type: "button", hidden: true }, t("Stop"));
  const form = h("form", { novalidate: true }, fields.map(({ element }) => element),
    h("div", { class: "actions" }, sendButton, stopButton,
      copyButton(() => asCurl(call(), { withSecrets: withSecrets.checked, forWindows: forWindows.checked }), t("Copy cURL")),
      copyButton(() => asFetch(call(), { withSecrets: withSecrets.checked }), t("Copy fetch")),
      h("span", null, withSecrets, " ", h("label", { for: "with-secrets", class: "inline" }, t("with my token or key"))),
      h("span", null, forWindows, " ", h("label", { for: "for-windows", class: "inline" }, t("for the Windows command line")))));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const missing = fields.filter((one) => one.required && !one.input.value.trim());
    fields.forEach((one) => one.tell(missing.includes(one) ? t("This field is needed.") : ""));
    if (missing.length > 0) return void missing[0].input.focus();
    const stop = new AbortController();
    stopButton.onclick = () => stop.abort();
    stopButton.hidden = false;
    sendButton.disabled = true;
    try {
      const received = await send(call(), stop.signal);
      say(t("The answer is {0}.", received.status));
      drawAnswer(answer, operation, received, afterwards(operation, received));
      tellFields(fields, received.body);
    } catch (error) {
      say(failure(error));
      fill(answer, note("bad", t("No answer."), failure(error)));
    }
    stopButton.hidden = true;
    sendButton.disabled = false;
  });
  fill(place, h("h2", { class: "big", lang: "en" }, operation.summary), h("p", null, h("span", { class: "method" }, `${operation.method} ${operation.path}`)),
    operation.description && h("p", { lang: "en" }, coded(operation.description)),
    operation.id === "createAccount" && note("warn", t("This makes a real account on this service."), t("You can delete it again below.")),
    form, answer);
}

/** A field of a call. `into` puts its value into the call. */
function parameters(/** @type {any} */ operation, /** @type {string[]} */ places) {
  return operation.parameters.filter((/** @type {any} */ one) => places.includes(one.in))
    .map((/** @type {any} */ one) => named({ label: one.name, hint: one.description, lang: "en", required: one.required === true },
      one.name, one.in === "header" ? "header" : one.in));
}

function bodyFields(/** @type {any} */ operation, /** @type {any} */ document, /** @type {any} */ known) {
  const schema = operation.body && resolved(operation.body, document);
  const required = schema?.required ?? [];
  return Object.entries(schema?.properties ?? {}).map(([name, raw]) => {
    const property = resolved(raw, document);
    const isObject = [property.type].flat().includes("object");
    return named({
      label: name, hint: property.description, lang: "en", required: required.includes(name), rows: isObject,
      type: SECRETS.includes(name) ? "password" : name === "email" ? "email" : "text",
      autocomplete: operation.id === "createAccount" && name === "password" ? "new-password" : AUTOCOMPLETE[/** @type {"email"} */ (name)],
      inputmode: name === "code" ? "numeric" : name === "email" ? "email" : undefined,
      value: suggestion(operation, name, known),
    }, name, "body", property);
  });
}

/** The value that a field begins with. An address is typed once, and a token comes from the session. */
function suggestion(/** @type {any} */ operation, /** @type {string} */ name, /** @type {any} */ known) {
  if (name === "refresh_token") return operation.id === "login" ? "" : state.session?.refresh_token ?? "";
  if (name === "token") return state.session?.access_token ?? "";
  if (name === "email" && operation.id === "createAccount" && !state.typed.email) {
    // A reserved domain gets no mail. The outbox of a laptop sends nothing anywhere.
    const domain = known.features?.outbox ? "app.internal" : "example.com";
    return `try-${crypto.randomUUID().slice(0, 4)}@${domain}`;
  }
  return state.typed[name] ?? "";
}

function credentials(/** @type {any} */ operation) {
  const schemes = operation.security.flatMap((/** @type {any} */ one) => Object.keys(one));
  const fields = [];
  if (schemes.some((/** @type {string} */ name) => /token|bearer/i.test(name))) {
    fields.push(named({ label: "Authorization: Bearer", hint: t("An access token of this service, or a Firebase ID token. It is filled in from your session."), value: state.session?.access_token ?? "" }, "Authorization", "bearer"));
  }
  if (schemes.some((/** @type {string} */ name) => /key/i.test(name))) {
    fields.push(named({ label: "X-Api-Key", type: "password", hint: t("For servers alone. Never put an API key into an app.") }, "X-Api-Key", "header"));
  }
  return fields;
}

function named(/** @type {any} */ of, /** @type {string} */ name, /** @type {string} */ into, /** @type {any} */ property = {}) {
  const one = field({ ...of, name });
  one.input.addEventListener("input", () => { if (into === "body") state.typed[name] = one.input.value; });
  if (into === "body" && of.value && name === "email") state.typed[name] = of.value;
  return { ...one, name, into, property, required: of.required };
}

/** The call that the form describes. An empty field is left out. */
function callOf(/** @type {any} */ operation, /** @type {any[]} */ fields) {
  let path = operation.path;
  const query = new URLSearchParams();
  /** @type {Record<string, string>} */ const headers = {};
  /** @type {Record<string, any>} */ const body = {};
  for (const { name, into, input, property } of fields) {
    const value = input.value;
    if (into === "path") path = path.replace(`{${name}}`, encodeURIComponent(value));
    else if (value === "") continue;
    else if (into === "query") query.set(name, value);
    else if (into === "header") headers[name] = value;
    else if (into === "bearer") headers.Authorization = `Bearer ${value}`;
    else body[name] = typed(value, property);
  }
  const hasBody = Boolean(operation.body);
  if (hasBody) headers["Content-Type"] = "application/json";
  const search = query.size > 0 ? `?${query}` : "";
  return { method: operation.method, path: path + search, headers, body: hasBody ? JSON.stringify(body) : null };
}

/** A text as the type that the description names. A text that does not fit is sent as it is. */
function typed(/** @type {string} */ value, /** @type {any} */ property) {
  const types = [property.type].flat();
  if (types.includes("string") || types.includes(undefined)) return value;
  try { return JSON.parse(value); } catch { return value; }
}

/** Tells each field what the answer says about it, and puts the focus on the first. */
function tellFields(/** @type {any[]} */ fields, /** @type {any} */ body) {
  const wrong = (body?.fields ?? []).map((/** @type {any} */ told) => {
    const one = fields.find(({ name }) => name === told.field);
    one?.tell(told.message);
    return one;
  });
  wrong.find(Boolean)?.input.focus();
}

/** What the person may want next. */
function afterwards(/** @type {any} */ operation, /** @type {any} */ received) {
  if (received.status >= 400) return null;
  const ways = { createAccount: [["login", m("Log in with it")], ["me", m("See the user")], ["deleteAccount", m("Delete it again")]],
    login: [["me", m("See the user")], ["refresh", m("Refresh the session")], ["logout", m("Log out")]],
    forgotPassword: [["resetPassword", m("Type the code and a new password")]] };
  const next = ways[/** @type {"login"} */ (operation.id)];
  const challenge = received.body?.challenge;
  if (challenge) state.typed.challenge = challenge;
  return next && h("p", null, t("Next:"), " ", next.map(([id, label], index) => [index > 0 ? ", " : "", h("a", { href: `#/try/${id}` }, t(label))]));
}

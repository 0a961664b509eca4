// An answer: its status in words, its values with their paths, its raw text and its headers.

import { copyButton, fill, h, said } from "./dom.js";
import { m, t } from "./strings.js";

const WORDS = { 200: m("OK"), 201: m("Created"), 204: m("No content"), 400: m("Something in the request is wrong"), 401: m("Not accepted: log in again"),
  403: m("Not allowed"), 404: m("Nothing is there"), 405: m("Not this method"), 409: m("In conflict"), 413: m("Too large"), 415: m("Not this type of body"),
  429: m("Too many attempts"), 500: m("A fault of the service"), 501: m("Not set up here"), 503: m("Not available for the moment") };

/** The most characters of a value that are shown at once. */
const LONG = 60;

/** Draws an answer. `next` is what the person may want to do next. */
export function drawAnswer(/** @type {HTMLElement} */ place, /** @type {any} */ operation, /** @type {any} */ received, /** @type {any} */ next) {
  const isGood = received.status < 400;
  const header = (/** @type {string} */ name) => received.headers.find(([key]) => key === name)?.[1] ?? "";
  const requestId = received.body?.request_id || header("x-request-id");
  const views = { [m("Values")]: () => values(received.body, received.text), [m("Text")]: () => raw(received), [m("Headers")]: () => headers(received.headers) };
  const shown = h("div");
  const tabs = Object.entries(views).map(([name, make], index) => {
    const button = h("button", { type: "button", class: "small", "aria-pressed": String(index === 0) }, t(name));
    button.addEventListener("click", () => {
      tabs.forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
      fill(shown, make());
    });
    return button;
  });
  fill(shown, values(received.body, received.text));
  fill(place,
    h("h2", null, t("Answer")),
    h("p", { class: isGood ? "good" : "bad" }, h("strong", null, `${received.status} ${t(WORDS[/** @type {200} */ (received.status)] ?? "")}`),
      h("span", { class: "quiet" }, " ", t("in {0} ms", received.ms))),
    isGood ? null : refusal(received.body),
    retry(header("retry-after")),
    next, h("div", { class: "actions" }, tabs, requestId && h("span", { class: "quiet" }, t("Request"), " ", h("code", null, requestId), " ", copyButton(requestId, t("Copy"), t("the request id")))),
    shown);
}

/** What was refused, and where to read about it. */
function refusal(/** @type {any} */ body) {
  if (!body?.code) return null;
  return h("div", { class: "note bad" },
    h("p", null, h("strong", null, said(body.message))),
    body.detail && !body.detail.endsWith(body.message) && h("p", null, said(body.detail)),
    h("p", null, h("a", { href: `#/reference/errors/${encodeURIComponent(body.code)}` }, t("About the code {0}", body.code))));
}

/** A countdown to the time when a next attempt is allowed. */
function retry(/** @type {string} */ after) {
  let left = Number(after);
  if (!after || !Number.isFinite(left)) return null;
  const text = h("p", { class: "quiet" });
  const tick = () => {
    text.textContent = left > 0 ? t("You may try again in {0} seconds.", left) : t("You may try again now.");
    if (left-- > 0 && (text.isConnected || left + 1 === Number(after))) setTimeout(tick, 1000);
  };
  tick();
  return text;
}

/** The values as a tree. Each has a button that copies its path. */
function values(/** @type {any} */ body, /** @type {string} */ text) {
  if (body === null) return h("pre", { tabindex: "0" }, text || t("(nothing)"));
  return h("ul", { class: "tree" }, members(body, "$"));
}

function members(/** @type {any} */ value, /** @type {string} */ path) {
  return Object.entries(value).map(([key, member]) => {
    const at = Array.isArray(value) ? `${path}[${key}]` : /^[A-Za-z_]\w*$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`;
    const name = h("span", { class: "key" }, key);
    const isFull = member !== null && typeof member === "object" && Object.keys(member).length > 0;
    if (isFull) return h("li", null, h("details", { open: true }, h("summary", null, name), h("ul", null, members(member, at))));
    return h("li", null, name, ": ", leaf(member), copyButton(at, t("Copy path"), at));
  });
}

/** A value. A long text, such as a token, is shown by its beginning. */
function leaf(/** @type {any} */ value) {
  const shown = JSON.stringify(value);
  if (shown.length <= LONG) return h("span", { class: "value" }, shown);
  return [h("span", { class: "value" }, `${shown.slice(0, LONG)}… `), h("span", { class: "quiet" }, t("{0} characters", value.length)), copyButton(value, t("Copy value"))];
}

function raw(/** @type {any} */ { body, text }) {
  const shown = body === null ? text : JSON.stringify(body, null, 2);
  return [h("pre", { tabindex: "0", role: "region", "aria-label": t("The text of the answer") }, shown), copyButton(shown, t("Copy"), t("the text"))];
}

function headers(/** @type {[string, string][]} */ all) {
  return h("dl", { class: "rows" }, all.map(([name, value]) => [h("dt", null, name), h("dd", { class: "mono" }, value)]));
}

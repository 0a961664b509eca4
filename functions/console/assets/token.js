// The token doctor: what a token says, when it ends, and the first rule that it breaks.

import { config, failure, send, state } from "./api.js";
import { copyButton, field, fill, h, note, relative, relativeInEnglish, said, say, utc } from "./dom.js";
import { CLAIMS, KINDS, TIMES, cleaned, decoded, kindOf, problems } from "./jwt.js";
import { language, m, parts, t } from "./strings.js";

export async function draw(/** @type {HTMLElement} */ main) {
  const known = await config().catch(() => null);
  const project = known?.firebase_project_id ?? "";
  const pasted = field({ label: t("A token"), rows: true, hint: t("A token, a header with Bearer, or a whole answer of /login. It is read in this page; nothing is sent.") });
  const taken = h("p", { class: "quiet" });
  const found = h("div");
  let clock = () => {};
  const read = () => {
    const { token, takenOff } = cleaned(pasted.input.value);
    taken.textContent = takenOff.length > 0 ? t("Taken off: {0}.", takenOff.map((one) => t(one)).join(", ")) : "";
    clock = drawToken(found, token, project);
  };
  pasted.input.addEventListener("input", read);
  const use = h("button", { type: "button", hidden: !state.session }, t("Use the token of your session"));
  use.addEventListener("click", () => { pasted.input.value = state.session.jwt_token; read(); });
  fill(main, h("h1", null, t("Why was my token refused?")), pasted.element, h("div", { class: "actions" }, use), taken, found);
  read();
  const ticking = setInterval(() => clock(), 1000);
  return () => clearInterval(ticking);
}

/** Draws what a token says. Returns what renews its clock. */
function drawToken(/** @type {HTMLElement} */ place, /** @type {string} */ token, /** @type {string} */ project) {
  const read = decoded(token);
  if ("instead" in read) {
    fill(place, token === "" ? null : [note("bad", t(read.instead, read.text), t(read.advice)), onServer(token)]);
    return () => {};
  }
  const { header, payload } = read;
  const [kind, advice] = KINDS[kindOf(header, payload)];
  const verdict = h("div"), expiry = h("p", { class: "big" }), dates = h("dl", { class: "rows" });
  let told = "";
  const clock = () => {
    const now = Date.now() / 1000 + (state.ahead ?? 0);
    expiry.textContent = typeof payload.exp === "number" ? `Expires: ${utc(payload.exp)} — ${relativeInEnglish(payload.exp, now)}` : t("It tells no expiry.");
    fill(dates, TIMES.filter((name) => typeof payload[name] === "number").map((name) => [h("dt", null, h("code", null, name), ` ${t(CLAIMS[/** @type {"exp"} */ (name)])}`),
      h("dd", null, utc(payload[name]), ", ", relative(payload[name], now), h("br"), h("span", { class: "quiet" }, t("{0} in your time zone", local(payload[name]))))]));
    const all = problems(read, project, now);
    const says = JSON.stringify(all);
    if (says !== told) fill(verdict, judged(all));
    told = says;
  };
  clock();
  fill(place,
    h("h2", null, t(kind)), h("p", null, t(advice)), expiry, verdict, onServer(token),
    h("h2", null, t("Times")), dates, clockNote(),
    h("h2", null, t("Claims")), h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("Claims") }, claims(payload)),
    h("h2", null, t("The token's three parts")),
    part("header", header), part("payload", payload),
    h("p", null, h("strong", { class: "part-signature" }, t("Signature:")), " ", read.parts[2] === "" ? t("none") : h("code", null, read.parts[2])),
    h("p", { class: "quiet" }, t("Decoded in this page; nothing was sent. Decoding proves nothing: the signature was not checked.")));
  return clock;
}

const local = (/** @type {number} */ seconds) => {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? t("no date") : new Intl.DateTimeFormat(language(), { dateStyle: "medium", timeStyle: "medium" }).format(date);
};

/** What can be said without the signature. */
function judged(/** @type {{rule: string, text: string}[]} */ all) {
  if (all.length === 0) return note("good", t("Nothing is wrong with what can be seen here."), t("Whether the signature is good, the server can tell."));
  return [note("bad", all[0].text, h("span", { class: "quiet" }, ` (${all[0].rule})`)),
    all.length > 1 && h("ul", null, all.slice(1).map(({ rule, text }) => h("li", null, text, h("span", { class: "quiet" }, ` (${rule})`))))];
}

/** A warning if the browser's clock is wrong. */
function clockNote() {
  const ahead = state.ahead ?? 0;
  return Math.abs(ahead) > 60 && note("warn", t("The clock of this device is wrong."), t(ahead > 0 ? m("It is {0} seconds behind the server's. Relative times here follow the server.")
    : m("It is {0} seconds ahead of the server's. Relative times here follow the server."), Math.abs(ahead)));
}

function claims(/** @type {any} */ payload) {
  return h("table", null, h("thead", null, h("tr", null, [t("Claim"), t("Value"), t("Meaning")].map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", null, Object.entries(payload).map(([name, value]) => h("tr", null, h("td", null, h("code", null, name)),
      h("td", { class: "mono" }, typeof value === "string" ? value : JSON.stringify(value)), h("td", null, t(CLAIMS[/** @type {"exp"} */ (name)] ?? m("a claim of its issuer")))))));
}

function part(/** @type {string} */ name, /** @type {any} */ value) {
  const text = JSON.stringify(value, null, 2);
  return [h("h3", { class: `part-${name}` }, t(name === "header" ? m("Header") : m("Payload"))),
    h("pre", { tabindex: "0", role: "region", "aria-label": t(name === "header" ? m("the header") : m("the payload")) }, text), h("div", { class: "actions" }, copyButton(text, t("Copy"), t(name === "header" ? m("the header") : m("the payload"))))];
}

/** The button that asks this deployment, and its answer. */
function onServer(/** @type {string} */ token) {
  const answer = h("div");
  const button = /** @type {HTMLButtonElement} */ (h("button", { type: "button", class: "main" }, t("Check on this server")));
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      fill(answer, await asked(token));
      say(t("The server has answered."));
    } catch (error) {
      fill(answer, note("bad", t("No answer."), failure(error)));
    }
    button.disabled = false;
  });
  return h("div", null, h("div", { class: "actions" }, button, h("span", { class: "quiet" }, t("This sends the token to this service, and nowhere else."))), answer);
}

async function asked(/** @type {string} */ token) {
  const call = (/** @type {string} */ path) => send({ method: "POST", path, headers: { "Content-Type": "application/json" }, body: JSON.stringify({ token }) });
  const [verified, report] = [await call("/verify"), await call("/jwt/decode")];
  const warnings = (report.body?.warnings ?? []).map((/** @type {any} */ { message }) => h("li", null, said(message)));
  const told = warnings.length > 0 && [h("h3", null, t("Also")), h("ul", null, warnings)];
  if (verified.status === 200) return [note("good", t("Good."), t("The service accepts it for the user {0}.", verified.body.email || verified.body.uid)), told];
  const all = report.body?.problems ?? [];
  const refused = all.length === 0 ? [{ code: verified.body?.code, message: verified.body?.detail ?? verified.body?.message ?? t("The answer was {0}.", verified.status) }] : all;
  return [note("bad", t("Refused."), parts("The first rule that it breaks: {0}", said(refused[0].message)), h("span", { class: "quiet" }, ` (${refused[0].code})`)),
    refused.length > 1 && [h("p", null, t("After that:")), h("ol", { start: "2" }, refused.slice(1).map((/** @type {any} */ { code, message }) => h("li", null, said(message), h("span", { class: "quiet" }, ` (${code})`))))],
    told];
}

// The token doctor: what a token says, when it ends, and the first rule that it breaks.

import { config, failure, send, state } from "./api.js";
import { copyButton, field, fill, h, note, relative, say, utc } from "./dom.js";
import { CLAIMS, KINDS, TIMES, cleaned, decoded, kindOf, problems } from "./jwt.js";

export async function draw(/** @type {HTMLElement} */ main) {
  const known = await config().catch(() => null);
  const project = known?.firebase_project_id ?? "";
  const pasted = field({ label: "A token", rows: true, hint: "A token, a header with Bearer, or a whole answer of /login. It is read in this page; nothing is sent." });
  const taken = h("p", { class: "quiet" });
  const found = h("div");
  let clock = () => {};
  const read = () => {
    const { token, takenOff } = cleaned(pasted.input.value);
    taken.textContent = takenOff.length > 0 ? `Taken off: ${takenOff.join(", ")}.` : "";
    clock = drawToken(found, token, project);
  };
  pasted.input.addEventListener("input", read);
  const use = h("button", { type: "button", hidden: !state.session }, "Use the token of your session");
  use.addEventListener("click", () => { pasted.input.value = state.session.jwt_token; read(); });
  fill(main, h("h1", null, "Why was my token refused?"), pasted.element, h("div", { class: "actions" }, use), taken, found);
  read();
  const ticking = setInterval(() => clock(), 1000);
  return () => clearInterval(ticking);
}

/** Draws what a token says. Returns what renews its clock. */
function drawToken(/** @type {HTMLElement} */ place, /** @type {string} */ token, /** @type {string} */ project) {
  const read = decoded(token);
  if ("instead" in read) {
    fill(place, token === "" ? null : [note("bad", read.instead, read.advice), onServer(token)]);
    return () => {};
  }
  const { header, payload } = read;
  const [kind, advice] = KINDS[kindOf(header, payload)];
  const verdict = h("div"), expiry = h("p", { class: "big" }), dates = h("dl", { class: "rows" });
  let told = "";
  const clock = () => {
    const now = Date.now() / 1000 + (state.ahead ?? 0);
    expiry.textContent = typeof payload.exp === "number" ? `Expires: ${utc(payload.exp)} — ${relative(payload.exp, now)}` : "It tells no expiry.";
    fill(dates, TIMES.filter((name) => typeof payload[name] === "number").map((name) => [h("dt", null, h("code", null, name), ` ${CLAIMS[/** @type {"exp"} */ (name)]}`),
      h("dd", null, utc(payload[name]), ", ", relative(payload[name], now), h("br"), h("span", { class: "quiet" }, `${local(payload[name])} in your time zone`))]));
    const all = problems(read, project, now);
    const says = JSON.stringify(all);
    if (says !== told) fill(verdict, judged(all));
    told = says;
  };
  clock();
  fill(place,
    h("h2", null, kind), h("p", null, advice), expiry, verdict, onServer(token),
    h("h2", null, "Times"), dates, clockNote(),
    h("h2", null, "Claims"), h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Claims" }, claims(payload)),
    h("h2", null, "The token's three parts"),
    part("header", header), part("payload", payload),
    h("p", null, h("strong", { class: "part-signature" }, "Signature: "), read.parts[2] === "" ? "none" : h("code", null, read.parts[2])),
    h("p", { class: "quiet" }, "Decoded in this page; nothing was sent. Decoding proves nothing: the signature was not checked."));
  return clock;
}

const local = (/** @type {number} */ seconds) => {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? "no date" : new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" }).format(date);
};

/** What can be said without the signature. */
function judged(/** @type {{rule: string, text: string}[]} */ all) {
  if (all.length === 0) return note("good", "Nothing is wrong with what can be seen here.", "Whether the signature is good, the server can tell.");
  return [note("bad", all[0].text, h("span", { class: "quiet" }, ` (${all[0].rule})`)),
    all.length > 1 && h("ul", null, all.slice(1).map(({ rule, text }) => h("li", null, text, h("span", { class: "quiet" }, ` (${rule})`))))];
}

/** A warning if the browser's clock is wrong. */
function clockNote() {
  const ahead = state.ahead ?? 0;
  return Math.abs(ahead) > 60 && note("warn", "The clock of this device is wrong.", `It is ${Math.abs(ahead)} seconds ${ahead > 0 ? "behind" : "ahead of"} the server's. Relative times here follow the server.`);
}

function claims(/** @type {any} */ payload) {
  return h("table", null, h("thead", null, h("tr", null, ["Claim", "Value", "Meaning"].map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", null, Object.entries(payload).map(([name, value]) => h("tr", null, h("td", null, h("code", null, name)),
      h("td", { class: "mono" }, typeof value === "string" ? value : JSON.stringify(value)), h("td", null, CLAIMS[/** @type {"exp"} */ (name)] ?? "a claim of its issuer")))));
}

function part(/** @type {string} */ name, /** @type {any} */ value) {
  const text = JSON.stringify(value, null, 2);
  return [h("h3", { class: `part-${name}` }, name === "header" ? "Header" : "Payload"),
    h("pre", { tabindex: "0", role: "region", "aria-label": name }, text), copyButton(text, "Copy", `the ${name}`)];
}

/** The button that asks this deployment, and its answer. */
function onServer(/** @type {string} */ token) {
  const answer = h("div");
  const button = /** @type {HTMLButtonElement} */ (h("button", { type: "button", class: "main" }, "Check on this server"));
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      fill(answer, await asked(token));
      say("The server has answered.");
    } catch (error) {
      fill(answer, note("bad", "No answer.", failure(error)));
    }
    button.disabled = false;
  });
  return h("div", null, h("div", { class: "actions" }, button, h("span", { class: "quiet" }, "This sends the token to this service, and nowhere else.")), answer);
}

async function asked(/** @type {string} */ token) {
  const call = (/** @type {string} */ path) => send({ method: "POST", path, headers: { "Content-Type": "application/json" }, body: JSON.stringify({ token }) });
  const [verified, report] = [await call("/verify"), await call("/jwt/decode")];
  const warnings = (report.body?.warnings ?? []).map((/** @type {any} */ { message }) => h("li", null, message));
  const told = warnings.length > 0 && [h("h3", null, "Also"), h("ul", null, warnings)];
  if (verified.status === 200) return [note("good", "Good.", `The service accepts it for the user ${verified.body.email || verified.body.uid}.`), told];
  const all = report.body?.problems ?? [];
  const refused = all.length === 0 ? [{ code: verified.body?.code, message: verified.body?.detail ?? verified.body?.message ?? `The answer was ${verified.status}.` }] : all;
  return [note("bad", "Refused.", `The first rule that it breaks: ${refused[0].message}`, h("span", { class: "quiet" }, ` (${refused[0].code})`)),
    refused.length > 1 && [h("p", null, "After that:"), h("ol", { start: "2" }, refused.slice(1).map((/** @type {any} */ { code, message }) => h("li", null, message, h("span", { class: "quiet" }, ` (${code})`))))],
    told];
}

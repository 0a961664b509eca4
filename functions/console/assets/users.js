// The accounts of everybody, for whoever has an admin key. The key is exchanged at once for a token
// of 15 minutes. The token is in the memory of this page alone.

import { asCurl, failure, send } from "./api.js";
import { coded, copyLine, field, fill, h, note, relative, said, say } from "./dom.js";
import { m, t } from "./strings.js";

/** @typedef {{status: number, body: any, curl: string}} Answer */

/** The accounts of a page. */
const LIMIT = "50";
/** A token is renewed by use in its last seconds. */
const RENEWED_BEFORE = 300;

/** The ways to find accounts, with the parameter of each. */
const SEARCHES = [
  ["", m("All, newest first")], ["email_prefix", m("E-mail address begins with")], ["username_prefix", m("Username begins with")],
  ["email", m("E-mail address")], ["username", m("Username")], ["id", m("Id")],
];

/** @type {{token: string, ends: number, name: string} | null} */
let admin = null;
/** The last search, so that a way back leads to it. */
const search = { by: "", text: "", /** @type {string[]} */ cursors: [""] };

/** Ends the clock of the line with the time that is left. */
let stopClock = () => {};

const now = () => Date.now() / 1000;

/** Keeps a token of an answer. */
function unlock(/** @type {any} */ body) {
  admin = { token: body.admin_token, ends: now() + body.expires_in, name: body.key_name };
}

/** Calls the admin API. The cURL line has a place for the key, and never a key. @returns {Promise<Answer>} */
async function call(/** @type {string} */ method, /** @type {string} */ path, /** @type {any} */ data = null) {
  const body = data === null ? null : JSON.stringify(data);
  const type = body === null ? {} : { "Content-Type": "application/json" };
  const curl = asCurl({ method, path, headers: { "X-Admin-Key": "", ...type }, body }, { withSecrets: false, forWindows: false });
  const answer = await send({ method, path, headers: { Authorization: `Bearer ${admin?.token ?? ""}`, ...type }, body });
  if (answer.status === 401) admin = null;
  else if (admin && admin.ends - now() < RENEWED_BEFORE && path !== "/admin/token") await renew();
  return { status: answer.status, body: answer.body, curl };
}

async function renew() {
  const answer = await call("POST", "/admin/token");
  if (answer.status === 200) unlock(answer.body);
}

/** The call of an answer, to be copied. */
const asCode = (/** @type {Answer[]} */ ...answers) => h("details", null, h("summary", null, t("The call as cURL")),
  answers.map(({ curl }, index) => copyLine(curl, answers.length > 1 ? t("call {0}", index + 1) : t("the call"), true)));

/** What a refusal says. */
const refusal = (/** @type {Answer} */ { status, body }) => note("bad", `${status}.`, body?.message ? said(body.message) : t("There is no answer."),
  body?.detail && body.detail !== body.message ? h("span", { class: "quiet", lang: "en" }, " ", coded(body.detail)) : null);

export async function draw(/** @type {HTMLElement} */ main, /** @type {string[]} */ rest) {
  const again = () => draw(main, rest);
  // A page that was left before it was drawn does not stop the clock of the next.
  const leave = () => { if (main.isConnected) stopClock(); };
  if (!admin || admin.ends <= now()) { locked(main, again); return leave; }
  const view = h("div");
  fill(main, lockBar(() => { admin = null; locked(main, again); }), view);
  try {
    if (rest[0] === "new") newAccount(view);
    else if (rest[0]) await account(view, rest[0]);
    else await list(view);
  } catch (error) {
    fill(view, h("h1", { tabindex: "-1" }, t("Users")), note("bad", t("No answer."), failure(error)));
  }
  if (!admin) locked(main, again);
  return leave;
}

/** The form that asks for the key. The key leaves the page in one request, and then the field is empty. */
function locked(/** @type {HTMLElement} */ main, /** @type {() => any} */ then) {
  stopClock();
  const key = field({ label: t("Admin key"), type: "password", required: true, hint: t("It is exchanged for a token of 15 minutes, which this page forgets when it is closed.") });
  const told = h("div");
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const typed = key.input.value.trim();
    key.input.value = "";
    try {
      const answer = await send({ method: "POST", path: "/admin/token", headers: { "X-Admin-Key": typed }, body: null });
      if (answer.status !== 200) return void fill(told, refusal({ ...answer, curl: "" }));
      unlock(answer.body);
      say(t("Unlocked."));
      await then();
      focusHeading(main);
    } catch (error) {
      fill(told, note("bad", t("No answer."), failure(error)));
    }
  };
  fill(main, h("h1", { tabindex: "-1" }, t("Users")),
    h("p", null, t("Whoever has an admin key of this service sees and changes the accounts of everybody. Never type the key into a page of another address.")),
    h("form", { onsubmit: submit }, key.element, h("div", { class: "actions" }, h("button", { type: "submit", class: "main" }, t("Unlock")))), told);
}

function focusHeading(/** @type {HTMLElement} */ main) {
  const heading = main.querySelector("h1");
  heading?.setAttribute("tabindex", "-1");
  heading?.focus();
}

/** The line with the time that is left. It locks the page at the end of the token. */
function lockBar(/** @type {() => void} */ lock) {
  const left = h("span");
  const tick = () => {
    if (!admin || admin.ends <= now()) { say(t("Locked.")); lock(); }
    else left.textContent = t("Unlocked with the key {0}; locks {1}.", admin.name, relative(admin.ends, now()));
  };
  stopClock();
  const ticking = setInterval(tick, 1000);
  stopClock = () => clearInterval(ticking);
  tick();
  return h("div", { class: "actions" }, left, h("button", { type: "button", onclick: lock }, t("Lock now")));
}

async function list(/** @type {HTMLElement} */ view) {
  const by = /** @type {HTMLSelectElement} */ (h("select", { "aria-label": t("Find by") }, SEARCHES.map(([value, name]) => h("option", { value }, t(name)))));
  by.value = search.by;
  const text = field({ label: t("Text"), value: search.text });
  const found = h("div");
  let searches = 0;
  const show = async () => {
    const turn = ++searches;
    const query = new URLSearchParams({ limit: LIMIT });
    if (search.by) query.set(search.by, search.text);
    const cursor = search.cursors.at(-1);
    if (cursor) query.set("cursor", cursor);
    const answer = await call("GET", `/admin/users?${query}`);
    // The answer to an earlier search may come late.
    if (turn !== searches) return;
    fill(found, answer.status === 200 ? page(answer, show) : refusal(answer), asCode(answer));
    say(answer.status === 200 ? t("{0} accounts", answer.body.count) : t("Refused."));
  };
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    // The buttons below the old table belong to the search before.
    fill(found);
    Object.assign(search, { by: by.value, text: text.input.value.trim(), cursors: [""] });
    await show().catch((error) => fill(found, note("bad", t("No answer."), failure(error))));
  };
  fill(view, h("h1", { tabindex: "-1" }, t("Users")),
    h("form", { onsubmit: submit, role: "search" }, h("div", { class: "field" }, by), text.element,
      h("div", { class: "actions" }, h("button", { type: "submit", class: "main" }, t("Find")), h("a", { class: "button", href: "#/users/new" }, t("New account")))),
    found);
  await show();
}

/** The table of a page, with the ways to the pages around it. */
function page(/** @type {Answer} */ { body }, /** @type {() => Promise<void>} */ show) {
  const row = (/** @type {any} */ user) => h("tr", null,
    h("td", null, h("a", { href: `#/users/${encodeURIComponent(user.id)}` }, user.email)), h("td", null, user.name), h("td", null, user.username),
    h("td", null, user.role || user.role_id), h("td", null, state(user)), h("td", null, user.created_at.slice(0, 10)));
  const go = (/** @type {() => void} */ change) => async () => { change(); await show(); };
  const pages = h("div", { class: "actions" },
    h("button", { type: "button", disabled: search.cursors.length === 1, onclick: go(() => search.cursors.pop()) }, t("Previous page")),
    h("button", { type: "button", disabled: !body.next_cursor, onclick: go(() => search.cursors.push(body.next_cursor)) }, t("Next page")));
  return [!body.complete && note("warn", t("Older accounts are missing."), t("Run latchkey table upgrade once, which puts them into this list.")),
    body.count === 0 ? h("p", null, t("No account is like this.")) : h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("Accounts") },
      h("table", null, h("thead", null, h("tr", null, [t("E-mail"), t("Name"), t("Username"), t("Role"), t("State"), t("Made")].map((name) => h("th", { scope: "col" }, name)))),
        h("tbody", null, body.users.map(row)))), pages];
}

const state = (/** @type {any} */ user) => t(user.disabled ? m("disabled") : user.email_verified ? m("verified") : m("not verified"));

function newAccount(/** @type {HTMLElement} */ view) {
  const fields = {
    email: field({ label: t("E-mail"), name: "email", inputmode: "email", required: true }),
    name: field({ label: t("Name"), name: "name" }),
    username: field({ label: t("Username"), name: "username" }),
    password: field({ label: t("Password"), name: "password", type: "password", autocomplete: "new-password", hint: t("Without one, the person begins with a code by mail.") }),
    role_id: field({ label: t("Role"), name: "role_id", inputmode: "numeric", hint: t("A whole number; 1 without one.") }),
  };
  const invite = /** @type {HTMLInputElement} */ (h("input", { type: "checkbox", name: "send_invite" }));
  const told = h("div");
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const typed = Object.entries(fields).map(([name, { input }]) => [name, input.value]).filter(([, value]) => value !== "");
    const invited = invite.checked ? { send_invite: true } : {};
    const answer = await call("POST", "/admin/users", { ...Object.fromEntries(typed), ...invited }).catch((error) => void fill(told, note("bad", t("No answer."), failure(error))));
    if (!answer) return;
    fields.password.input.value = "";
    if (answer.status === 201) location.hash = `#/users/${encodeURIComponent(answer.body.user.id)}`;
    else mistakes(fields, answer, told);
  };
  fill(view, h("h1", { tabindex: "-1" }, t("New account")), h("p", null, h("a", { href: "#/users" }, t("All accounts"))),
    h("form", { onsubmit: submit, novalidate: true }, Object.values(fields).map(({ element }) => element),
      h("label", { class: "check" }, invite, " ", t("Mail an invitation: a link to a first password, good for 72 hours")),
      h("div", { class: "actions" }, h("button", { type: "submit", class: "main" }, t("Create")))), told);
}

/** Shows each mistake beside its field, and puts the focus on the first. */
function mistakes(/** @type {Record<string, any>} */ fields, /** @type {Answer} */ answer, /** @type {HTMLElement} */ told) {
  const wrong = answer.body?.fields ?? [];
  for (const [name, { tell }] of Object.entries(fields)) tell(wrong.find((/** @type {any} */ { field }) => field === name)?.message ?? "");
  fill(told, refusal(answer), asCode(answer));
  const first = Object.entries(fields).find(([name]) => wrong.some((/** @type {any} */ { field }) => field === name));
  first?.[1].input.focus();
}

async function account(/** @type {HTMLElement} */ view, /** @type {string} */ id) {
  const path = `/admin/users/${encodeURIComponent(id)}`;
  const [shown, sessions] = [await call("GET", path), await call("GET", `${path}/sessions`)];
  if (shown.status !== 200) return void fill(view, h("h1", { tabindex: "-1" }, t("Users")), refusal(shown), h("p", null, h("a", { href: "#/users" }, t("All accounts"))));
  const { user } = shown.body;
  const told = h("div");
  /** Makes a change, and shows the account as it is then. */
  const act = async (/** @type {string} */ method, /** @type {string} */ at, /** @type {any} */ data, /** @type {string} */ done) => {
    const answer = await call(method, at, data).catch((error) => void fill(told, note("bad", t("No answer."), failure(error))));
    if (!answer) return undefined;
    if (answer.status !== 200) { fill(told, refusal(answer), asCode(answer)); say(t("Refused.")); return answer; }
    await account(view, id);
    view.querySelector(".done")?.replaceChildren(note("good", done, t("Access tokens that were given out before are good until they expire.")), asCode(answer));
    say(done);
    focusHeading(view);
    return answer;
  };
  fill(view, h("h1", { tabindex: "-1" }, user.email), h("p", null, h("a", { href: "#/users" }, t("All accounts"))), h("div", { class: "done" }), told,
    facts(user), asCode(shown, sessions), edit(user, path, act), actions(user, path, act), mails(user, path),
    live(sessions, path, act), deletion(view, user, path, told));
}

/** @typedef {(method: string, path: string, data: any, done: string) => Promise<Answer | undefined>} Act */

function facts(/** @type {any} */ user) {
  const rows = [[t("Id"), h("code", null, user.id)], [t("State"), state(user)], [t("Password"), user.has_password ? t("yes") : t("none")], [t("Made"), user.created_at],
    [t("All sessions ended"), user.sessions_ended_at || t("never")], [t("Version"), user.version]];
  return h("dl", { class: "rows" }, rows.map(([name, value]) => [h("dt", null, name), h("dd", null, value)]));
}

/** The form of what can be typed. It sends the fields that differ, for the version that was shown. */
function edit(/** @type {any} */ user, /** @type {string} */ path, /** @type {Act} */ act) {
  const [metadata, claims, secret] = [user.metadata, user.claims, user.private_metadata].map((value) => JSON.stringify(value, null, 2));
  const fields = {
    email: field({ label: t("E-mail"), name: "email", value: user.email, inputmode: "email", hint: t("Another address is not verified, and ends all sessions.") }),
    name: field({ label: t("Name"), name: "name", value: user.name }),
    username: field({ label: t("Username"), name: "username", value: user.username }),
    role_id: field({ label: t("Role"), name: "role_id", value: String(user.role_id), inputmode: "numeric" }),
    metadata: field({ label: t("Metadata"), name: "metadata", value: metadata, rows: true, hint: t("JSON. A key that is null goes, and keys that are left out stay.") }),
    claims: field({ label: t("Claims"), name: "claims", value: claims, rows: true, hint: t("JSON, 1,000 bytes at most, replaced as a whole. They stand in the tokens from the next refresh on.") }),
    private_metadata: field({ label: t("Private metadata"), name: "private_metadata", value: secret, rows: true, hint: t("JSON for you alone: the person never sees it.") }),
    password: field({ label: t("New password"), name: "password", type: "password", autocomplete: "new-password", hint: t("It ends all sessions.") }),
  };
  const before = /** @type {Record<string, string>} */ ({ ...user, role_id: String(user.role_id), metadata, claims, private_metadata: secret, password: "" });
  const told = h("div");
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const changed = Object.entries(fields).map(([name, { input }]) => [name, input.value]).filter(([name, value]) => value !== before[name]);
    if (changed.length === 0) return say(t("Nothing was changed."));
    const answer = await act("PATCH", path, { ...Object.fromEntries(changed), version: user.version }, t("Saved."));
    if (answer && answer.status !== 200) mistakes(fields, answer, told);
  };
  return [h("h2", null, t("Change")), h("form", { onsubmit: submit, novalidate: true }, Object.values(fields).map(({ element }) => element),
    h("div", { class: "actions" }, h("button", { type: "submit", class: "main" }, t("Save")))), told];
}

function actions(/** @type {any} */ user, /** @type {string} */ path, /** @type {Act} */ act) {
  const button = (/** @type {string} */ name, /** @type {any} */ data, /** @type {string} */ done) =>
    h("button", { type: "button", onclick: () => act("PATCH", path, data, done) }, name);
  return [h("h2", null, t("State")), h("div", { class: "actions" },
    user.disabled ? button(t("Enable"), { disabled: false }, t("The account may log in again.")) : button(t("Disable"), { disabled: true }, t("The account is disabled, and every session has ended.")),
    user.email_verified ? button(t("Mark as not verified"), { email_verified: false }, t("The address is not verified."))
      : [button(t("Verify, and end what was set before"), { email_verified: true }, t("The address is verified; password and sessions from before have ended.")),
        button(t("Verify, and keep the password"), { email_verified: true, keep_password: true }, t("The address is verified."))],
    user.has_password && button(t("Remove the password"), { password: "" }, t("The password is removed, and every session has ended.")))];
}

/** The mails that an admin sends, and the link in the place of one. The account stays as it is. */
function mails(/** @type {any} */ user, /** @type {string} */ path) {
  const told = h("div");
  const ask = async (/** @type {string} */ purpose, /** @type {boolean} */ send) => {
    const answer = await call("POST", `${path}/link`, { purpose, send }).catch((error) => void fill(told, note("bad", t("No answer."), failure(error))));
    if (!answer) return;
    if (answer.status !== 200) { fill(told, refusal(answer), asCode(answer)); return void say(t("Refused.")); }
    const until = t("Its link is good until {0}.", answer.body.expires_at);
    if (answer.body.sent) fill(told, note("good", t("A mail to {0} is on its way.", user.email), until), asCode(answer));
    else if (send) fill(told, note("warn", t("No mail."), t("Addresses for examples get none. Hand the link over in its place.")), asCode(answer));
    else fill(told, note("warn", t("Whoever has this link is the owner of the account."), until), copyLine(answer.body.link, t("the link")), asCode(answer));
    say(answer.body.sent ? t("Sent.") : t("Made."));
  };
  const [purpose, name] = user.has_password ? ["reset", t("Send reset")] : ["invite", t("Invite")];
  const button = (/** @type {string} */ label, /** @type {boolean} */ send) => h("button", { type: "button", onclick: () => ask(purpose, send) }, label);
  return [h("h2", null, t("Mails")), h("p", null, user.has_password ? t("A reset lets the person choose another password.") : t("An invitation lets the person choose a first password, for 72 hours.")),
    h("div", { class: "actions" }, button(name, true), button(t("Make a link to hand over"), false)), told];
}

function live(/** @type {Answer} */ answer, /** @type {string} */ path, /** @type {Act} */ act) {
  const all = answer.body?.sessions ?? [];
  const row = (/** @type {any} */ session) => h("tr", null, h("td", null, session.created_at), h("td", null, session.refreshed_at), h("td", null, session.expires_at),
    h("td", null, h("button", { type: "button", class: "small", "aria-label": t("End the session of {0}", session.created_at),
      onclick: () => act("DELETE", `${path}/sessions/${session.id}`, null, t("The session has ended.")) }, t("End"))));
  return [h("h2", null, t("Live sessions")), all.length === 0 ? h("p", null, t("There is none."))
    : [h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("Live sessions") }, h("table", null,
      h("thead", null, h("tr", null, [t("Login"), t("Refreshed"), t("Latest end"), t("End it")].map((name) => h("th", { scope: "col" }, name)))), h("tbody", null, all.map(row)))),
    h("div", { class: "actions" }, h("button", { type: "button", onclick: () => act("POST", `${path}/end-sessions`, null, t("Every session has ended.")) }, t("End all sessions")))]];
}

/** The button that deletes works only once the address was typed. */
function deletion(/** @type {HTMLElement} */ view, /** @type {any} */ user, /** @type {string} */ path, /** @type {HTMLElement} */ told) {
  const typed = field({ label: t("Type the e-mail address to delete the account"), name: "confirm" });
  const button = /** @type {HTMLButtonElement} */ (h("button", { type: "submit", disabled: true }, t("Delete for ever")));
  typed.input.addEventListener("input", () => { button.disabled = typed.input.value.trim() !== user.email; });
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (typed.input.value.trim() !== user.email) return;
    const answer = await call("DELETE", path).catch((error) => void fill(told, note("bad", t("No answer."), failure(error))));
    if (!answer) return;
    if (answer.status !== 200) return void fill(told, refusal(answer), asCode(answer));
    fill(view, h("h1", { tabindex: "-1" }, t("Deleted")), note("good", user.email, t("is gone, with its sessions.")), asCode(answer), h("p", null, h("a", { href: "#/users" }, t("All accounts"))));
    say(t("Deleted."));
    focusHeading(view);
  };
  return [h("h2", null, t("Delete")), h("form", { onsubmit: submit }, typed.element, h("div", { class: "actions" }, button))];
}

// The accounts of everybody, for whoever has an admin key. The key is exchanged at once for a token
// of 15 minutes. The token is in the memory of this page alone.

import { asCurl, failure, send } from "./api.js";
import { copyLine, field, fill, h, note, relative, say } from "./dom.js";

/** @typedef {{status: number, body: any, curl: string}} Answer */

/** The accounts of a page. */
const LIMIT = "50";
/** A token is renewed by use in its last seconds. */
const RENEWED_BEFORE = 300;

/** The ways to find accounts, with the parameter of each. */
const SEARCHES = [
  ["", "All, newest first"], ["email_prefix", "E-mail address begins with"], ["username_prefix", "Username begins with"],
  ["email", "E-mail address"], ["username", "Username"], ["id", "Id"],
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
const asCode = (/** @type {Answer[]} */ ...answers) => h("details", null, h("summary", null, "The call as cURL"),
  answers.map(({ curl }, index) => copyLine(curl, answers.length > 1 ? `call ${index + 1}` : "the call", true)));

/** What a refusal says. */
const refusal = (/** @type {Answer} */ { status, body }) => note("bad", `${status}.`, body?.message ?? "There is no answer.",
  body?.detail && body.detail !== body.message ? h("span", { class: "quiet" }, ` ${body.detail}`) : null);

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
    fill(view, h("h1", { tabindex: "-1" }, "Users"), note("bad", "No answer.", failure(error)));
  }
  if (!admin) locked(main, again);
  return leave;
}

/** The form that asks for the key. The key leaves the page in one request, and then the field is empty. */
function locked(/** @type {HTMLElement} */ main, /** @type {() => any} */ then) {
  stopClock();
  const key = field({ label: "Admin key", type: "password", required: true, hint: "It is exchanged for a token of 15 minutes, which this page forgets when it is closed." });
  const told = h("div");
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const typed = key.input.value.trim();
    key.input.value = "";
    try {
      const answer = await send({ method: "POST", path: "/admin/token", headers: { "X-Admin-Key": typed }, body: null });
      if (answer.status !== 200) return void fill(told, refusal({ ...answer, curl: "" }));
      unlock(answer.body);
      say("Unlocked.");
      await then();
      focusHeading(main);
    } catch (error) {
      fill(told, note("bad", "No answer.", failure(error)));
    }
  };
  fill(main, h("h1", { tabindex: "-1" }, "Users"),
    h("p", null, "Whoever has an admin key of this service sees and changes the accounts of everybody. Never type the key into a page of another address."),
    h("form", { onsubmit: submit }, key.element, h("div", { class: "actions" }, h("button", { type: "submit", class: "main" }, "Unlock"))), told);
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
    if (!admin || admin.ends <= now()) { say("Locked."); lock(); }
    else left.textContent = `Unlocked with the key ${admin.name}; locks ${relative(admin.ends, now())}.`;
  };
  stopClock();
  const ticking = setInterval(tick, 1000);
  stopClock = () => clearInterval(ticking);
  tick();
  return h("div", { class: "actions" }, left, h("button", { type: "button", onclick: lock }, "Lock now"));
}

async function list(/** @type {HTMLElement} */ view) {
  const by = /** @type {HTMLSelectElement} */ (h("select", { "aria-label": "Find by" }, SEARCHES.map(([value, name]) => h("option", { value }, name))));
  by.value = search.by;
  const text = field({ label: "Text", value: search.text });
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
    say(answer.status === 200 ? `${answer.body.count} accounts` : "Refused.");
  };
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    Object.assign(search, { by: by.value, text: text.input.value.trim(), cursors: [""] });
    await show().catch((error) => fill(found, note("bad", "No answer.", failure(error))));
  };
  fill(view, h("h1", { tabindex: "-1" }, "Users"),
    h("form", { onsubmit: submit, role: "search" }, h("div", { class: "field" }, by), text.element,
      h("div", { class: "actions" }, h("button", { type: "submit", class: "main" }, "Find"), h("a", { class: "button", href: "#/users/new" }, "New account"))),
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
    h("button", { type: "button", disabled: search.cursors.length === 1, onclick: go(() => search.cursors.pop()) }, "Previous page"),
    h("button", { type: "button", disabled: !body.next_cursor, onclick: go(() => search.cursors.push(body.next_cursor)) }, "Next page"));
  return [!body.complete && note("warn", "Older accounts are missing.", "Run latchkey table upgrade once, which puts them into this list."),
    body.count === 0 ? h("p", null, "No account is like this.") : h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Accounts" },
      h("table", null, h("thead", null, h("tr", null, ["E-mail", "Name", "Username", "Role", "State", "Made"].map((name) => h("th", { scope: "col" }, name)))),
        h("tbody", null, body.users.map(row)))), pages];
}

const state = (/** @type {any} */ user) => user.disabled ? "disabled" : user.email_verified ? "verified" : "not verified";

function newAccount(/** @type {HTMLElement} */ view) {
  const fields = {
    email: field({ label: "E-mail", name: "email", inputmode: "email", required: true }),
    name: field({ label: "Name", name: "name" }),
    username: field({ label: "Username", name: "username" }),
    password: field({ label: "Password", name: "password", type: "password", autocomplete: "new-password", hint: "Without one, the person begins with a code by mail." }),
    role_id: field({ label: "Role", name: "role_id", inputmode: "numeric", hint: "A whole number; 1 without one." }),
  };
  const invite = /** @type {HTMLInputElement} */ (h("input", { type: "checkbox", name: "send_invite" }));
  const told = h("div");
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const typed = Object.entries(fields).map(([name, { input }]) => [name, input.value]).filter(([, value]) => value !== "");
    const invited = invite.checked ? { send_invite: true } : {};
    const answer = await call("POST", "/admin/users", { ...Object.fromEntries(typed), ...invited }).catch((error) => void fill(told, note("bad", "No answer.", failure(error))));
    if (!answer) return;
    fields.password.input.value = "";
    if (answer.status === 201) location.hash = `#/users/${encodeURIComponent(answer.body.user.id)}`;
    else mistakes(fields, answer, told);
  };
  fill(view, h("h1", { tabindex: "-1" }, "New account"), h("p", null, h("a", { href: "#/users" }, "All accounts")),
    h("form", { onsubmit: submit, novalidate: true }, Object.values(fields).map(({ element }) => element),
      h("label", { class: "check" }, invite, " Mail an invitation: a link to a first password, good for 72 hours"),
      h("div", { class: "actions" }, h("button", { type: "submit", class: "main" }, "Create"))), told);
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
  if (shown.status !== 200) return void fill(view, h("h1", { tabindex: "-1" }, "Users"), refusal(shown), h("p", null, h("a", { href: "#/users" }, "All accounts")));
  const { user } = shown.body;
  const told = h("div");
  /** Makes a change, and shows the account as it is then. */
  const act = async (/** @type {string} */ method, /** @type {string} */ at, /** @type {any} */ data, /** @type {string} */ done) => {
    const answer = await call(method, at, data).catch((error) => void fill(told, note("bad", "No answer.", failure(error))));
    if (!answer) return undefined;
    if (answer.status !== 200) { fill(told, refusal(answer), asCode(answer)); say("Refused."); return answer; }
    await account(view, id);
    view.querySelector(".done")?.replaceChildren(note("good", done, "Access tokens that were given out before are good until they expire."), asCode(answer));
    say(done);
    focusHeading(view);
    return answer;
  };
  fill(view, h("h1", { tabindex: "-1" }, user.email), h("p", null, h("a", { href: "#/users" }, "All accounts")), h("div", { class: "done" }), told,
    facts(user), asCode(shown, sessions), edit(user, path, act), actions(user, path, act), mails(user, path),
    live(sessions, path, act), deletion(view, user, path, told));
}

/** @typedef {(method: string, path: string, data: any, done: string) => Promise<Answer | undefined>} Act */

function facts(/** @type {any} */ user) {
  const rows = [["Id", h("code", null, user.id)], ["State", state(user)], ["Password", user.has_password ? "yes" : "none"], ["Made", user.created_at],
    ["All sessions ended", user.sessions_ended_at || "never"], ["Version", user.version]];
  return h("dl", { class: "rows" }, rows.map(([name, value]) => [h("dt", null, name), h("dd", null, value)]));
}

/** The form of what can be typed. It sends the fields that differ, for the version that was shown. */
function edit(/** @type {any} */ user, /** @type {string} */ path, /** @type {Act} */ act) {
  const [metadata, claims, secret] = [user.metadata, user.claims, user.private_metadata].map((value) => JSON.stringify(value, null, 2));
  const fields = {
    email: field({ label: "E-mail", name: "email", value: user.email, inputmode: "email", hint: "Another address is not verified, and ends all sessions." }),
    name: field({ label: "Name", name: "name", value: user.name }),
    username: field({ label: "Username", name: "username", value: user.username }),
    role_id: field({ label: "Role", name: "role_id", value: String(user.role_id), inputmode: "numeric" }),
    metadata: field({ label: "Metadata", name: "metadata", value: metadata, rows: true, hint: "JSON. A key that is null goes, and keys that are left out stay." }),
    claims: field({ label: "Claims", name: "claims", value: claims, rows: true, hint: "JSON, 1,000 bytes at most, replaced as a whole. They stand in the tokens from the next refresh on." }),
    private_metadata: field({ label: "Private metadata", name: "private_metadata", value: secret, rows: true, hint: "JSON for you alone: the person never sees it." }),
    password: field({ label: "New password", name: "password", type: "password", autocomplete: "new-password", hint: "It ends all sessions." }),
  };
  const before = /** @type {Record<string, string>} */ ({ ...user, role_id: String(user.role_id), metadata, claims, private_metadata: secret, password: "" });
  const told = h("div");
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const changed = Object.entries(fields).map(([name, { input }]) => [name, input.value]).filter(([name, value]) => value !== before[name]);
    if (changed.length === 0) return say("Nothing was changed.");
    const answer = await act("PATCH", path, { ...Object.fromEntries(changed), version: user.version }, "Saved.");
    if (answer && answer.status !== 200) mistakes(fields, answer, told);
  };
  return [h("h2", null, "Change"), h("form", { onsubmit: submit, novalidate: true }, Object.values(fields).map(({ element }) => element),
    h("div", { class: "actions" }, h("button", { type: "submit", class: "main" }, "Save"))), told];
}

function actions(/** @type {any} */ user, /** @type {string} */ path, /** @type {Act} */ act) {
  const button = (/** @type {string} */ name, /** @type {any} */ data, /** @type {string} */ done) =>
    h("button", { type: "button", onclick: () => act("PATCH", path, data, done) }, name);
  return [h("h2", null, "State"), h("div", { class: "actions" },
    user.disabled ? button("Enable", { disabled: false }, "The account may log in again.") : button("Disable", { disabled: true }, "The account is disabled, and every session has ended."),
    user.email_verified ? button("Mark as not verified", { email_verified: false }, "The address is not verified.")
      : [button("Verify, and end what was set before", { email_verified: true }, "The address is verified; password and sessions from before have ended."),
        button("Verify, and keep the password", { email_verified: true, keep_password: true }, "The address is verified.")],
    user.has_password && button("Remove the password", { password: "" }, "The password is removed, and every session has ended."))];
}

/** The mails that an admin sends, and the link in the place of one. The account stays as it is. */
function mails(/** @type {any} */ user, /** @type {string} */ path) {
  const told = h("div");
  const ask = async (/** @type {string} */ purpose, /** @type {boolean} */ send) => {
    const answer = await call("POST", `${path}/link`, { purpose, send }).catch((error) => void fill(told, note("bad", "No answer.", failure(error))));
    if (!answer) return;
    if (answer.status !== 200) { fill(told, refusal(answer), asCode(answer)); return void say("Refused."); }
    const until = `Its link is good until ${answer.body.expires_at}.`;
    if (answer.body.sent) fill(told, note("good", `A mail to ${user.email} is on its way.`, until), asCode(answer));
    else if (send) fill(told, note("warn", "No mail.", "Addresses for examples get none. Hand the link over in its place."), asCode(answer));
    else fill(told, note("warn", "Whoever has this link is the owner of the account.", until), copyLine(answer.body.link, "the link"), asCode(answer));
    say(answer.body.sent ? "Sent." : "Made.");
  };
  const [purpose, name] = user.has_password ? ["reset", "Send reset"] : ["invite", "Invite"];
  const button = (/** @type {string} */ label, /** @type {boolean} */ send) => h("button", { type: "button", onclick: () => ask(purpose, send) }, label);
  return [h("h2", null, "Mails"), h("p", null, user.has_password ? "A reset lets the person choose another password." : "An invitation lets the person choose a first password, for 72 hours."),
    h("div", { class: "actions" }, button(name, true), button("Make a link to hand over", false)), told];
}

function live(/** @type {Answer} */ answer, /** @type {string} */ path, /** @type {Act} */ act) {
  const all = answer.body?.sessions ?? [];
  const row = (/** @type {any} */ session) => h("tr", null, h("td", null, session.created_at), h("td", null, session.refreshed_at), h("td", null, session.expires_at),
    h("td", null, h("button", { type: "button", class: "small", "aria-label": `End the session of ${session.created_at}`,
      onclick: () => act("DELETE", `${path}/sessions/${session.id}`, null, "The session has ended.") }, "End")));
  return [h("h2", null, "Live sessions"), all.length === 0 ? h("p", null, "There is none.")
    : [h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Live sessions" }, h("table", null,
      h("thead", null, h("tr", null, ["Login", "Refreshed", "Latest end", "End it"].map((name) => h("th", { scope: "col" }, name)))), h("tbody", null, all.map(row)))),
    h("div", { class: "actions" }, h("button", { type: "button", onclick: () => act("POST", `${path}/end-sessions`, null, "Every session has ended.") }, "End all sessions"))]];
}

/** The button that deletes works only once the address was typed. */
function deletion(/** @type {HTMLElement} */ view, /** @type {any} */ user, /** @type {string} */ path, /** @type {HTMLElement} */ told) {
  const typed = field({ label: "Type the e-mail address to delete the account", name: "confirm" });
  const button = /** @type {HTMLButtonElement} */ (h("button", { type: "submit", disabled: true }, "Delete for ever"));
  typed.input.addEventListener("input", () => { button.disabled = typed.input.value.trim() !== user.email; });
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (typed.input.value.trim() !== user.email) return;
    const answer = await call("DELETE", path).catch((error) => void fill(told, note("bad", "No answer.", failure(error))));
    if (!answer) return;
    if (answer.status !== 200) return void fill(told, refusal(answer), asCode(answer));
    fill(view, h("h1", { tabindex: "-1" }, "Deleted"), note("good", user.email, "is gone, with its sessions."), asCode(answer), h("p", null, h("a", { href: "#/users" }, "All accounts")));
    say("Deleted.");
    focusHeading(view);
  };
  return [h("h2", null, "Delete"), h("form", { onsubmit: submit }, typed.element, h("div", { class: "actions" }, button))];
}

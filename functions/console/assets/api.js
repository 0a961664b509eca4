// Calls of this service, and what they look like as code.

import { t } from "./strings.js";

/** @typedef {{method: string, path: string, headers: Record<string, string>, body: string | null}} Call */
/** @typedef {{status: number, headers: [string, string][], text: string, body: any, ms: number}} Answer */

const TIMEOUT_MS = 10_000;

/** The state of the page. Nothing of it is stored: a reload forgets it. */
export const state = {
  /** @type {any} */ session: null,
  /** @type {Record<string, string>} The values that were typed, by the name of the field. */ typed: {},
  /** @type {Set<string>} The steps of guides that are ticked. */ ticks: new Set(),
  /** @type {any} */ config: null,
  /** @type {any} */ description: null,
  /** @type {number | null} The server's clock minus the browser's, in seconds. */ ahead: null,
};

/** Listeners for a new session, or for its end. @type {(() => void)[]} */
export const onSession = [];

/** The address of the service, without a slash at the end. */
export function base() {
  return state.config?.base_url || location.origin;
}

/** Whether nothing but this machine reaches the address. */
export function isLoopback(/** @type {string} */ url) {
  const { hostname } = new URL(url);
  return hostname === "localhost" || hostname === "[::1]" || /^127\./.test(hostname);
}

/** The configuration that the page may know. */
export async function config() {
  state.config ??= await json("/console/config.json");
  return state.config;
}

/** The description of the API. */
export async function description() {
  state.description ??= await json("/openapi.json");
  return state.description;
}

async function json(/** @type {string} */ path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}.`);
  return answer.json();
}

/**
 * Sends a call to this service. A session in its answer goes into the tray.
 * @param {Call} call
 * @param {AbortSignal} [stopped]
 * @returns {Promise<Answer>}
 */
export async function send(call, stopped) {
  const started = performance.now();
  const signals = [AbortSignal.timeout(TIMEOUT_MS), ...(stopped ? [stopped] : [])];
  const response = await fetch(call.path, {
    method: call.method, headers: call.headers, body: call.body, signal: AbortSignal.any(signals),
    credentials: "omit", cache: "no-store", referrerPolicy: "no-referrer",
  });
  const text = await response.text();
  let body = null;
  try { body = JSON.parse(text); } catch { /* An answer that is no JSON is shown as text. */ }
  const date = Date.parse(response.headers.get("date") ?? "");
  if (!Number.isNaN(date)) state.ahead = Math.round((date - Date.now()) / 1000);
  // What an admin does to others is nothing of this page's own session.
  if (!call.path.startsWith("/admin/")) keep(body);
  return { status: response.status, headers: [...response.headers], text, body, ms: Math.round(performance.now() - started) };
}

function keep(/** @type {any} */ body) {
  if (!body || typeof body !== "object") return;
  const isOver = body.logged_out === true || body.deleted === true;
  if (body.access_token && body.refresh_token && body.user) state.session = body;
  else if (isOver) state.session = null;
  else return;
  onSession.forEach((listener) => listener());
}

/** Forgets the session of the tray. */
export function forget() {
  state.session = null;
  onSession.forEach((listener) => listener());
}

/** A sentence for a call that got no answer. */
export function failure(/** @type {any} */ error) {
  if (error?.name === "TimeoutError") return t("No answer came within 10 seconds.");
  if (error?.name === "AbortError") return t("You stopped the call.");
  if (!navigator.onLine) return t("The browser is offline.");
  return t("The service could not be reached. It may be stopped, or its certificate is not accepted.");
}

/** Whether a header holds a secret. */
const isSecret = (/** @type {string} */ name) => ["authorization", "x-api-key", "x-admin-key"].includes(name.toLowerCase());

/**
 * The call as one line for a terminal.
 * @param {Call} call
 * @param {{withSecrets: boolean, forWindows: boolean}} of
 */
export function asCurl(call, { withSecrets, forWindows }) {
  const quote = forWindows ? quotedForWindows : quoted;
  const words = ["curl", "-sS"];
  if (call.method !== "GET" && !(call.method === "POST" && call.body !== null)) words.push("-X", call.method);
  words.push(quote(base() + call.path));
  for (const [name, value] of Object.entries(call.headers)) {
    words.push("-H", quote(`${name}: ${!withSecrets && isSecret(name) ? hidden(value) : value}`));
  }
  if (call.body !== null) words.push("-d", quote(call.body));
  return words.join(" ");
}

/**
 * The call as JavaScript.
 * @param {Call} call
 * @param {{withSecrets: boolean}} of
 */
export function asFetch(call, { withSecrets }) {
  const headers = Object.fromEntries(Object.entries(call.headers)
    .map(([name, value]) => [name, !withSecrets && isSecret(name) ? hidden(value) : value]));
  const options = { method: call.method, headers, ...(call.body === null ? {} : { body: call.body }) };
  return `const answer = await fetch(${JSON.stringify(base() + call.path)}, ${JSON.stringify(options, null, 2)});\nconst body = await answer.json();`;
}

const hidden = (/** @type {string} */ value) => value.startsWith("Bearer ") ? "Bearer YOUR_TOKEN" : "YOUR_KEY";
const quoted = (/** @type {string} */ text) => `'${text.replaceAll("'", "'\\''")}'`;
/** Quotes for cmd.exe, which knows double quotes alone and reads `%NAME%` as a variable. */
const quotedForWindows = (/** @type {string} */ text) =>
  `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("%", "%%")}"`;

// The first page: what this address is, and the three ways on.

import { base, config, failure, isLoopback, send } from "./api.js";
import { copyLine, fill, h, note } from "./dom.js";

/** What `jwt_token` is, by the token profile. */
function profile(/** @type {any} */ known) {
  if (known.firebase_demo) return "a Firebase custom token of a demo account: only the Auth emulator accepts it";
  switch (known.token_profile) {
    case "firebase": return `a Firebase custom token${known.firebase_project_id ? ` of the project ${known.firebase_project_id}` : ""}: give it to signInWithCustomToken`;
    case "shared_secret": return "a token with a shared secret (HS256), as Bubble's JWT plugins check it";
    default: return "the access token of this service";
  }
}

/** What becomes of mails. */
function mails(/** @type {any} */ features) {
  if (features.outbox_page) return h("dd", null, "kept on this machine: ", h("a", { href: "#/outbox" }, "see the outbox"));
  return features.mail ? "forgotten passwords and codes are mailed" : "off: no mail is sent";
}

export async function drawStart(/** @type {HTMLElement} */ main) {
  const health = h("dd", null, "asking…");
  const known = await config().catch((/** @type {any} */ error) => { health.textContent = failure(error); });
  fill(main,
    h("h1", null, "The login of your app lives here"),
    h("p", null, "Your app sends an e-mail address and a password to this address. It gets back the user and tokens, among them one that Firebase accepts."),
    copyLine(base(), "the address of the service"),
    isLoopback(base()) && note("warn", "This address works on this machine alone.",
      "FlutterFlow, Bubble and the like call from their own servers, and cannot reach it. ",
      h("a", { href: "#/builders/tunnel" }, "How to get an address that they reach")),
    h("ul", { class: "cards" },
      card("Try a login", "Make an account here, log in, and see each answer with the path of every value.", "#/try/createAccount", "Try it", true),
      card("Set up my builder", "FlutterFlow, Bubble, WeWeb and eight more, step by step, with your address filled in.", "#/builders", "Choose your builder"),
      card("Why was my token refused?", "Paste a token. The page tells its kind, its expiry and the first rule that it breaks.", "#/token", "Look at a token")),
    h("h2", null, "How this deployment is set"), h("dl", { class: "rows" }, row("State", health), known && settings(known)),
    h("h2", null, "For programmers"),
    h("ul", null,
      h("li", null, h("a", { href: "#/reference" }, "Every endpoint and every error")),
      h("li", null, h("a", { href: "/openapi.json" }, "OpenAPI 3.1"), ", ", h("a", { href: "/openapi-3.0.json" }, "OpenAPI 3.0"), ", ", h("a", { href: "/flutterflow.json", download: "latchkey-flutterflow.json" }, "a file for FlutterFlow")),
      h("li", null, h("a", { href: "/.well-known/openid-configuration" }, "Discovery document"), " and ", h("a", { href: "/.well-known/jwks.json" }, "public keys"))));
  if (known) void ask(health);
}

/** Asks whether the service answers. The page does not wait for that. */
async function ask(/** @type {HTMLElement} */ health) {
  try {
    const answer = await send({ method: "GET", path: "/health", headers: {}, body: null });
    health.textContent = answer.status === 200 ? `reachable, ${answer.ms} ms` : `answers ${answer.status}`;
  } catch (error) {
    health.textContent = failure(error);
  }
}

const settings = (/** @type {any} */ known) => [
  row("jwt_token is", profile(known)),
  row("Firebase project", known.firebase_project_id || "not named in the settings"),
  known.emulator && row("Emulator", "The tokens are unsigned and for Firebase's Auth emulator. Never use this setting in production."),
  row("Passwords", `at least ${known.password_min_length} characters`),
  known.features?.mail !== undefined && row("Mail", mails(known.features)),
];

const row = (/** @type {string} */ name, /** @type {any} */ value) =>
  [h("dt", null, name), value instanceof HTMLElement ? value : h("dd", null, value)];

function card(/** @type {string} */ title, /** @type {string} */ text, /** @type {string} */ href, /** @type {string} */ label, isMain = false) {
  return h("li", { class: "card" }, h("h2", null, title), h("p", null, text), h("a", { class: isMain ? "button main" : "button", href }, label));
}

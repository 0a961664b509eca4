// The first page: what this address is, and the three ways on.

import { base, config, failure, isLoopback, send } from "./api.js";
import { copyLine, fill, h, note } from "./dom.js";
import { parts, t } from "./strings.js";

/** What `jwt_token` is, by the token profile. */
function profile(/** @type {any} */ known) {
  if (known.firebase_demo) return t("a Firebase custom token of a demo account: only the Auth emulator accepts it");
  switch (known.token_profile) {
    case "firebase": return known.firebase_project_id ? t("a Firebase custom token of the project {0}: give it to signInWithCustomToken", known.firebase_project_id)
      : t("a Firebase custom token: give it to signInWithCustomToken");
    case "shared_secret": return t("a token with a shared secret (HS256), as Bubble's JWT plugins check it");
    default: return t("the access token of this service");
  }
}

/** What becomes of mails. */
function mails(/** @type {any} */ features) {
  if (features.outbox_page) return h("dd", null, parts("kept on this machine: {0}", h("a", { href: "#/outbox" }, t("see the outbox"))));
  return features.mail ? t("forgotten passwords and codes are mailed") : t("off: no mail is sent");
}

export async function drawStart(/** @type {HTMLElement} */ main) {
  const health = h("dd", null, "asking…");
  const known = await config().catch((/** @type {any} */ error) => { health.textContent = failure(error); });
  fill(main,
    h("h1", null, t("The login of your app lives here")),
    h("p", null, t("Your app sends an e-mail address and a password to this address. It gets back the user and tokens, among them one that Firebase accepts.")),
    copyLine(base(), t("the address of the service")),
    isLoopback(base()) && note("warn", t("This address works on this machine alone."),
      t("FlutterFlow, Bubble and the like call from their own servers, and cannot reach it."), " ", h("a", { href: "#/builders/tunnel" }, t("How to get an address that they reach"))),
    h("ul", { class: "cards" },
      card(t("Try a login"), t("Make an account here, log in, and see each answer with the path of every value."), "#/try/createAccount", t("Try it"), true),
      card(t("Set up my builder"), t("FlutterFlow, Bubble, WeWeb and eight more, step by step, with your address filled in."), "#/builders", t("Choose your builder")),
      card(t("Why was my token refused?"), t("Paste a token. The page tells its kind, its expiry and the first rule that it breaks."), "#/token", t("Look at a token"))),
    h("h2", null, t("How this deployment is set")), h("dl", { class: "rows" }, row(t("State"), health), known && settings(known)),
    h("h2", null, t("For programmers")),
    h("ul", null,
      h("li", null, h("a", { href: "#/reference" }, t("Every endpoint and every error"))),
      h("li", null, h("a", { href: "/openapi.json" }, "OpenAPI 3.1"), ", ", h("a", { href: "/openapi-3.0.json" }, "OpenAPI 3.0"), ", ", h("a", { href: "/flutterflow.json", download: "latchkey-flutterflow.json" }, t("a file for FlutterFlow"))),
      h("li", null, h("a", { href: "/.well-known/openid-configuration" }, t("Discovery document")), ", ", h("a", { href: "/.well-known/jwks.json" }, t("public keys")))));
  if (known) void ask(health);
}

/** Asks whether the service answers. The page does not wait for that. */
async function ask(/** @type {HTMLElement} */ health) {
  try {
    const answer = await send({ method: "GET", path: "/health", headers: {}, body: null });
    health.textContent = answer.status === 200 ? t("reachable, {0} ms", answer.ms) : t("answers {0}", answer.status);
  } catch (error) {
    health.textContent = failure(error);
  }
}

const settings = (/** @type {any} */ known) => [
  row(t("jwt_token is"), profile(known)),
  row(t("Firebase project"), known.firebase_project_id || t("not named in the settings")),
  known.emulator && row(t("Emulator"), t("The tokens are unsigned and for Firebase's Auth emulator. Never use this setting in production.")),
  row(t("Passwords"), t("at least {0} characters", known.password_min_length)),
  known.features?.mail !== undefined && row(t("Mail"), mails(known.features)),
];

const row = (/** @type {string} */ name, /** @type {any} */ value) =>
  [h("dt", null, name), value instanceof HTMLElement ? value : h("dd", null, value)];

function card(/** @type {string} */ title, /** @type {string} */ text, /** @type {string} */ href, /** @type {string} */ label, isMain = false) {
  return h("li", { class: "card" }, h("h2", null, title), h("p", null, text), h("a", { class: isMain ? "button main" : "button", href }, label));
}

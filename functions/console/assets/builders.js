// The guides for builders, with the values of this deployment filled in. Each step can be ticked,
// and at the end a check logs in.

import { base, config, failure, isLoopback, send, state } from "./api.js";
import { field, fill, h, inEnglish, note, relative, said, say } from "./dom.js";
import { drawn } from "./markdown.js";
import { language, m, parts, t } from "./strings.js";

/** The guides by their file, in groups. @type {[string, Record<string, string>][]} */
const GROUPS = [
  [m("Apps"), { flutterflow: "FlutterFlow", bubble: "Bubble", weweb: "WeWeb", adalo: "Adalo", softr: "Softr", retool: "Retool" }],
  [m("Automation"), { zapier: "Zapier", make: "Make", n8n: "n8n" }],
  [m("Code"), { supabase: m("Supabase libraries"), oauth: m("OAuth 2.0 tools") }],
  [m("Also"), { others: m("Every other builder"), tunnel: m("An address for your own machine"), moving: m("Moving from another service") }],
];
/** @type {Record<string, string>} */
const GUIDES = Object.assign({}, ...GROUPS.map(([, guides]) => guides));
/** The guides that are about no product. */
const NO_PRODUCT = ["tunnel", "moving"];
/** The chapters in which there is nothing to do. */
const NO_STEPS = ["If it does not work", "Not possible", "For your engineer", "Good to know", "If some accounts are refused"];

export async function draw(/** @type {HTMLElement} */ main, /** @type {string[]} */ [wanted]) {
  const known = await config().catch(() => null);
  const name = wanted && wanted in GUIDES ? wanted : "flutterflow";
  const answer = await fetch(`/console/guides/${name}.md`);
  if (!answer.ok) throw new Error(`The guide answered ${answer.status}.`);
  const [heading, ...rest] = drawn(filledIn(await answer.text(), known), link);
  const place = h("article", null, inEnglish(heading), loopbackNote(name), profileNote(known, name), inEnglish(...rest),
    name === "flutterflow" && download(), !NO_PRODUCT.includes(name) && check(known));
  heading.after(ticks(name, place));
  fill(main, h("div", { class: "split" }, h("nav", { "aria-label": t("Builders") }, GROUPS.map(([title, guides]) => [
    h("p", { class: "quiet" }, t(title)),
    h("ul", { class: "list chips" }, Object.entries(guides).map(([path, label]) => h("li", null,
      h("a", { href: `#/builders/${path}`, "aria-current": path === name ? "true" : null }, t(label))))),
  ])), place));
}

/** The text with the address and the Firebase project of this deployment. */
function filledIn(/** @type {string} */ text, /** @type {any} */ known) {
  const whole = text.replace(/Write your own URL wherever\s`https:\/\/YOUR-URL`\sstands\./, "").replaceAll("https://YOUR-URL", base());
  const project = !known?.firebase_demo && known?.firebase_project_id;
  return project ? whole.replace("shows the project ID `…`", `shows the project ID \`${project}\``) : whole;
}

/** The address of a link within the guides. Documents for engineers are not served here. */
function link(/** @type {string} */ href) {
  if (/^https?:\/\//.test(href)) return href;
  const guide = href.match(/^([a-z0-9]+)\.md/)?.[1];
  if (guide && guide in GUIDES) return `#/builders/${guide}`;
  return href.includes("api.md") ? "#/reference" : null;
}

/**
 * Puts a box to tick at each numbered step, and at each chapter that has none. Returns the line that
 * counts them. The ticks are in the memory of this page alone.
 */
function ticks(/** @type {string} */ name, /** @type {HTMLElement} */ place) {
  const line = h("p", { class: "quiet" });
  /** @type {HTMLInputElement[]} */ const boxes = [];
  const count = () => {
    line.textContent = boxes.length === 0 ? "" : t("{0} of {1} steps are ticked. A reload forgets the ticks.", boxes.filter((box) => box.checked).length, boxes.length);
  };
  const box = (/** @type {string} */ key, /** @type {string | null} */ label) => {
    const input = /** @type {HTMLInputElement} */ (h("input", { type: "checkbox", "aria-label": label, lang: language() }));
    input.checked = state.ticks.has(`${name}/${key}`);
    input.addEventListener("change", () => {
      if (input.checked) state.ticks.add(`${name}/${key}`);
      else state.ticks.delete(`${name}/${key}`);
      count();
      say(line.textContent ?? "");
    });
    boxes.push(input);
    return input;
  };
  for (const title of place.querySelectorAll("h2")) {
    const chapter = title.textContent ?? "";
    if (NO_STEPS.includes(chapter) || title.closest("section")) continue;
    const steps = [];
    for (let next = title.nextElementSibling; next && next.tagName !== "H2"; next = next.nextElementSibling) {
      if (next.matches("ol.steps")) steps.push(...next.children);
    }
    steps.forEach((step, index) => {
      const first = step.firstElementChild?.tagName === "P" ? step.firstElementChild : step;
      first.prepend(box(`${chapter}/${index}`, t("Step {0} of {1} is done", index + 1, chapter)), " ");
    });
    if (steps.length === 0) title.after(h("p", null, h("label", { class: "quiet", lang: language() }, box(chapter, t("{0} is done", chapter)), " ", t("Done"))));
  }
  count();
  return line;
}

/** A warning that no builder reaches the address of this page. */
function loopbackNote(/** @type {string} */ name) {
  if (name === "tunnel" || !isLoopback(base())) return null;
  return note("warn", t("This address works on this machine alone."), t("A builder calls from its own servers or from a phone."), " ",
    h("a", { href: "#/builders/tunnel" }, t("How to get an address that it reaches")));
}

function download() {
  return h("p", null, h("a", { class: "button", href: "/flutterflow.json", download: "latchkey-flutterflow.json" }, t("Download the file for FlutterFlow")));
}

/** A warning if this deployment does not make the tokens that the guide is about. */
function profileNote(/** @type {any} */ known, /** @type {string} */ name) {
  if (!known) return null;
  if (name === "flutterflow" && known.token_profile !== "firebase") {
    return note("warn", t("This deployment does not make Firebase tokens."),
      t("Its jwt_token is of another kind, so that FlutterFlow's sign-in with a JWT token refuses it."));
  }
  if (name === "bubble" && known.features && !known.features.shared_secret) {
    return note("warn", t("This deployment has no shared secret."),
      t("Everything about logins works. The chapters about tokens of Bubble need the secret, and your engineer sets it."));
  }
  return null;
}

/** Logs in and asks who that is, and says in words what came of it. */
function check(/** @type {any} */ known) {
  const email = field({ label: "email", type: "email", name: "email", required: true, autocomplete: "username", inputmode: "email", value: state.typed.email });
  const password = field({ label: "password", type: "password", name: "password", required: true, autocomplete: "current-password" });
  const result = h("div");
  const button = /** @type {HTMLButtonElement} */ (h("button", { type: "submit", class: "main" }, t("Check")));
  const form = h("form", { novalidate: true }, email.element, password.element, h("div", { class: "actions" }, button));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const missing = [email, password].filter(({ input }) => !input.value.trim());
    [email, password].forEach((one) => one.tell(missing.includes(one) ? t("This field is needed.") : ""));
    if (missing.length > 0) return void missing[0].input.focus();
    state.typed.email = email.input.value;
    button.disabled = true;
    try {
      const lines = await logInAndAsk(email.input.value, password.input.value, known);
      fill(result, h("ul", { class: "plain" }, lines));
      say(lines.at(-1)?.textContent ?? "");
    } catch (error) {
      fill(result, note("bad", t("No answer."), failure(error)));
      say(failure(error));
    }
    button.disabled = false;
  });
  return h("section", { class: "check" }, h("h2", null, t("Check")),
    h("p", null, parts("This logs in to the service and asks for the account, as your app does. It needs an account: {0}.",
      h("a", { href: "#/try/createAccount" }, t("make one here")))), form, result);
}

async function logInAndAsk(/** @type {string} */ email, /** @type {string} */ password, /** @type {any} */ known) {
  const login = await send({ method: "POST", path: "/login", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ email, password }) });
  if (login.status !== 200) return [refusedLine(t("The login was refused with {0}:", login.status), login)];
  const session = login.body;
  if (!session.access_token) return [line(false, t("The account is there."), " ", session.next?.message ? said(session.next.message) : t("The address must be verified first."))];
  const lines = [line(true, t("The login works. It took {0} ms.", login.ms))];
  const me = await send({ method: "GET", path: "/me", headers: { Authorization: `Bearer ${session.access_token}` }, body: null });
  if (me.status !== 200) return [...lines, refusedLine(t("The account was not shown: {0}.", me.status), me)];
  const { user } = me.body;
  lines.push(line(true, t("The token opens the account of {0}, with the id {1}.", user.name || user.email || user.username, user.id)));
  lines.push(line(true, t("The token expires {0}, and the session lasts until {1}.",
    relative(Date.parse(session.expires_at) / 1000, Date.now() / 1000), session.refresh_expires_at.slice(0, 10))));
  if (known?.token_profile === "firebase") {
    lines.push(known.firebase_demo
      ? line(false, t("The jwt_token is of a demo account. Only Firebase's Auth emulator accepts it."))
      : line(true, t("The jwt_token is for the Firebase project {0}.", known.firebase_project_id)));
  }
  return lines;
}

const line = (/** @type {boolean} */ isGood, /** @type {any[]} */ ...text) =>
  h("li", { class: isGood ? "good" : "warn" }, h("strong", null, isGood ? "✓ " : "! "), ...text);

function refusedLine(/** @type {string} */ what, /** @type {any} */ { body }) {
  const code = body?.code;
  return h("li", { class: "bad" }, h("strong", null, "✗ "), what, " ", body?.message ? said(body.message) : t("No reason was given."), " ",
    code && h("a", { href: `#/reference/errors/${encodeURIComponent(code)}` }, t("About the code {0}", code)));
}
